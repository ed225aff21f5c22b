package runtime

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What the headers say is what the parsers read, and the data are where they say.
func TestHeaders(t *testing.T) {
	specs := []TensorSpec{
		{"f", "f32", []int{2, 3}}, {"h", "f16", []int{5}}, {"i", "i8", nil}, {"none", "i64", []int{0, 4}}, {"b", "bf16", []int{1, 2, 3, 4}},
	}
	blocks := append(slices.Clone(specs), TensorSpec{"q", "Q4_0", []int{3, 64}}, TensorSpec{"k", "Q6_K", []int{1, 256}})
	meta := map[string][]byte{"general.alignment": {4, 0, 0, 0, 64, 0, 0, 0}, "x.flag": {7, 0, 0, 0, 1}, "a.n": {0, 0, 0, 0, 9}}
	gguf, ggufStarts, err := GGUFHeader(blocks, meta)
	if err != nil {
		t.Fatal(err)
	}
	st, stStarts, err := SafetensorsHeader(specs, map[string]string{"format": "pt"}, 64)
	if err != nil || len(st)%64 != 0 {
		t.Fatal(len(st), err)
	}
	for _, c := range []struct {
		name   string
		header []byte
		starts []int64
		specs  []TensorSpec
		meta   map[string][]byte
	}{
		{"m.gguf", gguf, ggufStarts, blocks, map[string][]byte{"x.flag": meta["x.flag"], "a.n": meta["a.n"]}},
		{"m.safetensors", st, stStarts, specs, map[string][]byte{"format": []byte("pt")}},
	} {
		file := append(bytes.Clone(c.header), make([]byte, c.starts[len(c.specs)]-int64(len(c.header)))...)
		for i := range c.specs { // and each tensor begins with its number
			if c.starts[i+1] > c.starts[i] {
				file[c.starts[i]] = byte(i + 1)
			}
		}
		w := must(OpenWeights(write(t, c.name, file)))(t)
		defer w.Close()
		if got := fmt.Sprintf("%q", w.Metadata()); got != fmt.Sprintf("%q", c.meta) || w.Format() != c.name[2:] {
			t.Errorf("%s: the metadata are %s of %s", c.name, got, w.Format())
		}
		for i, s := range c.specs {
			got := w.Tensor(s.Name)
			if got == nil || got.DTypeName() != s.Type || !slices.Equal(got.Shape, append([]int{}, s.Shape...)) || len(got.data) > 0 && got.data[0] != byte(i+1) {
				t.Errorf("%s: %v is %s", c.name, s, got)
			}
		}
		if len(w.Names()) != len(c.specs) {
			t.Errorf("%s has %v", c.name, w.Names())
		}
	}
}

func TestHeadersRefuse(t *testing.T) {
	f32 := func(name string, shape ...int) []TensorSpec { return []TensorSpec{{name, "f32", shape}} }
	for _, c := range []struct {
		specs             []TensorSpec
		safetensors, gguf string // what is wrong; empty: nothing
	}{
		{[]TensorSpec{{"a", "u32", []int{2}}}, "", `tensor "a": GGUF has no u32`},
		{[]TensorSpec{{"a", "Q8_0", []int{2, 32}}}, `tensor "a": safetensors have no Q8_0`, ""},
		{[]TensorSpec{{"a", "Q8_0", []int{2, 33}}}, `safetensors have no Q8_0`, `tensor "a": rows of 33 elements, but Q8_0 has blocks of 32`},
		{append(f32("a", 1), f32("a", 2)...), `two tensors are called "a"`, `two tensors are called "a"`},
		{f32("a", 1, 1, 1, 1, 1), "", `tensor "a": 5 axes, GGUF allows 4`},
		{f32(strings.Repeat("a", 65), 1), "", `GGUF has no names of more than 64 bytes`},
		{f32("a", 1<<40, 1<<40), "address space", "address space"},
	} {
		_, _, err := SafetensorsHeader(c.specs, nil, 8)
		wantHeader(t, err, c.safetensors)
		_, _, err = GGUFHeader(c.specs, nil)
		wantHeader(t, err, c.gguf)
	}
}

func wantHeader(t *testing.T, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}
