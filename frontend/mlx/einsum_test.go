package mlx_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// sizes of the axes of the patterns below.
var axisSizes = map[string]int{"b": 2, "h": 3, "q": 4, "k": 5, "d": 2, "one": 1}

// A pattern means the sum over all of its axes that the result lacks, which is computed here
// element by element.
func TestEinsum(t *testing.T) {
	for _, pattern := range []string{
		"b h q d, b h k d -> b h q k", "q d, k d -> k q", "b q k -> k", "b q k -> q b k", "q, k -> q k", "q k, q k ->", "b q d, d k, k -> b q",
		"b h q, b h k, b d -> q k d", "q one, one k -> k q", "h q d, b d, h q k -> b k", "d, d, d -> d",
	} {
		left, right, _ := strings.Cut(pattern, "->")
		var shapes [][]string
		for _, side := range strings.Split(left, ",") {
			shapes = append(shapes, strings.Fields(side))
		}
		result := strings.Fields(right)
		b := mlx.New("test")
		r := rand.New(rand.NewPCG(1, 2))
		var inputs []*ir.Tensor
		b.Entry("f", func(e *mlx.Entry) {
			var xs []mlx.Value
			for i, names := range shapes {
				typ := ir.Type{DType: ir.F64}
				var shape []int
				for _, n := range names {
					typ.Shape, shape = append(typ.Shape, mlx.N(axisSizes[n])), append(shape, axisSizes[n])
				}
				xs = append(xs, e.InOf(string(rune('x'+i)), typ))
				x := ir.NewTensor(ir.F64, shape...)
				for j := range x.F {
					x.F[j] = float64(r.IntN(9) - 4) // sums are exact
				}
				inputs = append(inputs, x)
			}
			e.Out("out", mlx.Einsum(pattern, xs...))
		})
		p, err := b.Build()
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		got, err := p.Eval("f", nil, inputs...)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for n := range axisSizes {
			if strings.Contains(" "+strings.NewReplacer(",", " ", "->", " ").Replace(pattern)+" ", " "+n+" ") {
				all = append(all, n)
			}
		}
		want := make([]float64, len(got[0].F))
		at := map[string]int{}
		place := func(names []string) int {
			n := 0
			for _, a := range names {
				n = n*axisSizes[a] + at[a]
			}
			return n
		}
		var walk func(rest []string)
		walk = func(rest []string) {
			if len(rest) == 0 {
				product := 1.0
				for i, names := range shapes {
					product *= inputs[i].F[place(names)]
				}
				want[place(result)] += product
				return
			}
			for i := range axisSizes[rest[0]] {
				at[rest[0]] = i
				walk(rest[1:])
			}
		}
		walk(all)
		for i, w := range want {
			if got[0].F[i] != w {
				t.Errorf("%s: element %d is %v, want %v", pattern, i, got[0].F[i], w)
				break
			}
		}
	}
}

func TestEinsumMistakes(t *testing.T) {
	for _, c := range []struct{ pattern, want string }{
		{"a b, b c", "the pattern has no ->"},
		{"a b -> a", "the pattern is of 1 tensors, and there are 2"},
		{"a b c, b c -> a", `"a b c" has 3 axes, and the tensor is f32[B, 4]`},
		{"a b, b b -> a", "b stands twice"},
		{"a b, c b -> a c d", "d stands on the right only"},
		{"a b, (b c) d -> a", "each axis of einsum is a name"},
		{"a b, b c -> a c", "b is 4 and 5"},
	} {
		_, err := types(func(b Builder, e Entry) {
			e.Out("y", mlx.Einsum(c.pattern, e.In("x", "f32[B, 4]"), e.In("y0", "f32[5, 4]")))
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.pattern, err, c.want)
		}
	}
}
