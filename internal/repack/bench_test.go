package repack

import (
	"math/rand/v2"
	"testing"

	"github.com/mlxc/mlxc/internal/quant"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

func BenchmarkChunk(b *testing.B) {
	x := make([]float64, 1<<18)
	for i := range x {
		x[i] = rand.NormFloat64()
	}
	data := make([]byte, 2*len(x))
	runtime.PutFloats(runtime.F16, data, x)
	in := &input{data, runtime.F16, nil, nil}
	for _, d := range []ir.DType{ir.Q4G64, ir.Q8G64, ir.Q4_0, ir.Q8_0} {
		b.Run(d.String(), func(b *testing.B) {
			s := &step{Tensor: &runtime.Tensor{Name: "w", Shape: []int{len(x)}}, codec: quant.Of(d)}
			b.SetBytes(int64(len(x)))
			for b.Loop() {
				var sum sums
				if _, err := s.convert(in, 0, len(x), &sum); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("bf16", func(b *testing.B) {
		s := &step{Tensor: &runtime.Tensor{Name: "w", Shape: []int{len(x)}}, cast: runtime.BF16}
		b.SetBytes(int64(len(x)))
		for b.Loop() {
			var sum sums
			s.convert(in, 0, len(x), &sum)
		}
	})
}
