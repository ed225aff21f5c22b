package metal_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
)

// The models' kernels, each held against the interpreter on what those before it
// made of a random image.
func TestModels(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("interprets whole models")
	}
	for _, name := range []string{"digits", "mnist"} {
		m, err := mlxc.Load(filepath.Join("..", "..", "testdata", name, name+".mlx"), mlxc.Source{})
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 1))
		p := &program{entry: m.Funcs[0].Name, params: map[string]*ir.Tensor{}}
		draw := func(typ ir.Type, dims map[string]int64) *ir.Tensor {
			x := ir.NewTensor(typ.DType, sizes(t, typ.Shape, dims)...)
			ir.SamplePositive.Fill(r, x)
			return x
		}
		for _, w := range m.Params {
			p.params[w.Name] = draw(w.Type, nil)
			for i := range p.params[w.Name].F {
				p.params[w.Name].F[i] = float64(float32(p.params[w.Name].F[i] / 64))
			}
		}
		p.inputs = []*ir.Tensor{draw(m.Funcs[0].Inputs[0].Type, map[string]int64{"B": 1})}
		s := &suite{module: m, programs: []*program{p}, stepwise: true}
		kernels, launches := s.run(t)
		t.Logf("%s: %d kernels, %d launches", name, kernels, launches)
	}
}
