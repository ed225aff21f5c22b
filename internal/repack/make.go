package repack

import (
	"context"

	"github.com/mlxc/mlxc/internal/quant"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// A Made tensor is computed, and not read.
type Made struct {
	Name string
	Type ir.Type // of constant sizes; it may be quantised
	// Begin gives what fills x with the elements from at on, row-major, for any at, from
	// several goroutines at a time.
	Begin func(ctx context.Context) (fill func(at int, x []float64), err error)
}

// Make says what becomes of tensors that are made: output is the file, .safetensors or .gguf.
// Each is rounded once to its dtype; what is quantised is rounded to f32 before.
func Make(output string, tensors []Made) (*Job, error) {
	j := &Job{source: output, options: Options{Output: output}}
	for _, t := range tensors {
		s := &step{Tensor: &runtime.Tensor{Name: t.Name, DType: runtime.F32}, made: &t, codec: quant.Of(t.Type.DType)}
		if s.codec == nil {
			s.cast = DTypeOf(t.Type.DType)
			s.DType = s.cast
		}
		for _, size := range t.Type.Shape {
			n, _ := size.Int()
			s.Shape = append(s.Shape, int(n))
		}
		if err := j.check(s); err != nil {
			return nil, &runtime.WeightError{File: output, Tensor: t.Name, Err: err}
		}
		j.steps = append(j.steps, s)
	}
	return j, nil
}

// DTypeOf is the runtime's dtype of that name; 0 if there is none.
func DTypeOf(d ir.DType) runtime.DType {
	for of := runtime.F64; of <= runtime.Bool; of++ {
		if of.String() == d.String() {
			return of
		}
	}
	return 0
}
