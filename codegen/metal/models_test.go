package metal_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/internal/models"
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

// A block of a Llama, each kernel held against the interpreter as well: gate
// and up are one product, and what turns keys and queries is computed where these are.
func TestLlama(t *testing.T) {
	t.Parallel()
	p, err := models.Llama(models.LlamaConfig{Width: 32, Hidden: 40, Heads: 4, KV: 2, Theta: 10000, Eps: 1e-5, Context: 64}, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &suite{module: p.Module(), stepwise: true}
	r := rand.New(rand.NewPCG(1, 1))
	draw := func(shape ...int) *ir.Tensor {
		x := ir.NewTensor(ir.F32, shape...)
		ir.SampleNormal.Fill(r, x)
		return x
	}
	params := map[string]*ir.Tensor{}
	dims := map[string]int64{"B": 2, "S": 45}
	for _, w := range s.module.Params {
		params[w.Name] = draw(sizes(t, w.Type.Shape, dims)...)
	}
	for _, tokens := range []int{1, 9} {
		s.programs = append(s.programs, &program{entry: "run", params: params, given: []int64{33}, inputs: []*ir.Tensor{draw(2, tokens, 32)}})
	}
	s.run(t)
	steps := s.module.Funcs[0].Variants[len(s.module.Funcs[0].Variants)-1].Steps
	if len(steps) != 8 {
		t.Errorf("many tokens are %d launches", len(steps))
	}
}
