package ir

import "testing"

// The vectors are those of Random123 (kat_vectors, threefry2x32 with 20 rounds).
func TestThreefryBlock(t *testing.T) {
	for _, c := range []struct{ counter, key, want [2]int64 }{
		{[2]int64{0, 0}, [2]int64{0, 0}, [2]int64{0x6b200159, 0x99ba4efe}},
		{[2]int64{0xffffffff, 0xffffffff}, [2]int64{0xffffffff, 0xffffffff}, [2]int64{0x1cb996fc, 0xbb002be7}},
		{[2]int64{0x243f6a88, 0x85a308d3}, [2]int64{0x13198a2e, 0x03707344}, [2]int64{0xc4923a9c, 0x483df7a0}},
	} {
		var operands []*Value
		var args []*Tensor
		for _, word := range []int64{c.key[0], c.key[1], c.counter[0], c.counter[1]} {
			x := NewTensor(U32, 1)
			x.I[0] = word
			operands, args = append(operands, &Value{Type: x.typ()}), append(args, x)
		}
		block := &calc{body: &Emit{}}
		u, v := block.threefry(operands[0], operands[1], operands[2], operands[3])
		if block.err != nil {
			t.Fatal(block.err)
		}
		got, err := (&Env{}).run(block.body.Body, operands, args, []*Value{u, v})
		if err != nil {
			t.Fatal(err)
		}
		if got[0].I[0] != c.want[0] || got[1].I[0] != c.want[1] {
			t.Errorf("counter %#x, key %#x: %#x %#x, want %#x", c.counter, c.key, got[0].I[0], got[1].I[0], c.want)
		}
	}
}
