package mlx

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A Program is a checked model.
type Program struct{ module *ir.Module }

// Module is the program's IR. The caller may change it; the program is then spent.
func (p *Program) Module() *ir.Module { return p.module }

// String is the program as IR text.
func (p *Program) String() string { return ir.Print(p.module) }

// Eval runs an entry with the reference evaluator, which is slow: for tests.
// params are the tensors of the checkpoint by the params' names, as they are in
// the file; inputs and results are in the order of the entry's.
func (p *Program) Eval(entry string, params map[string]*ir.Tensor, inputs ...*ir.Tensor) ([]*ir.Tensor, error) {
	f := p.module.Func(entry)
	if f == nil {
		return nil, fmt.Errorf("%s has no entry %q", p.module.Name, entry)
	}
	for _, w := range p.module.Params {
		shape := make([]int, w.Type.Rank())
		for i, s := range w.Type.Shape {
			n, _ := s.Int()
			shape[i] = int(n)
		}
		if t := params[w.Name]; t != nil && (t.DType != w.Type.DType || !slices.Equal(t.Shape, shape)) {
			return nil, fmt.Errorf("param %s is %s%v, want %s", w.Name, t.DType, t.Shape, w.Type)
		}
	}
	if len(f.Dims) == 0 {
		var err error
		if f, _, err = p.module.Serving(entry, params, inputs); err != nil {
			return nil, err
		}
	}
	return p.module.Eval(f, params, inputs)
}
