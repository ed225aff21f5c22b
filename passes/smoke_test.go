package passes_test

import (
	"fmt"
	"testing"
	"math/rand/v2"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

func cnn(t *testing.T) *ir.Module {
	b := mlx.New("cnn")
	b.Dim("B", 64)
	w1 := b.Sub("conv1").Param("weight", "f32[4, 3, 3, 1]", mlx.Load("o i y x -> o y x i", nil))
	b1 := b.Sub("conv1").Param("bias", "f32[4]")
	w2 := b.Sub("fc").Param("weight", "f32[10, 64]")
	g := b.Sub("bn").Param("weight", "f32[4]")
	be := b.Sub("bn").Param("bias", "f32[4]")
	mu := b.Sub("bn").Param("running_mean", "f32[4]")
	va := b.Sub("bn").Param("running_var", "f32[4]")
	b.Entry("read", func(e *mlx.Entry) {
		x := e.In("image", "f32[B, 8, 8, 1]").DivN(255)
		x = mlx.Conv(x, w1, mlx.ConvOptions{Pad: []int{1}}).Add(b1)
		x = mlx.BatchNorm(x, g, be, mu, va, 1e-5)
		x = b.Op("relu", nil, x)
		x = mlx.MaxPool(x, mlx.PoolOptions{Size: []int{2}})
		x = x.Rearrange("b y x c -> b (c y x)", nil)
		x = x.MatMul(w2.T())
		e.Out("label", mlx.ArgMax(x, -1))
		e.Out("probs", mlx.Softmax(x, -1))
	})
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return p.Module()
}

func TestSmoke(t *testing.T) {
	m := cnn(t)
	if err := ir.Verify(m); err != nil {
		t.Fatal(err)
	}
	text := ir.Print(m)
	fmt.Println(text)
	m2, err := ir.Parse("x", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if ir.Print(m2) != text {
		t.Fatal(ir.Print(m2))
	}
	r := rand.New(rand.NewPCG(1, 2))
	rnd := func(shape ...int) *ir.Tensor {
		x := ir.NewTensor(ir.F32, shape...)
		for i := range x.F {
			x.F[i] = r.NormFloat64()
		}
		return x
	}
	params := map[string]*ir.Tensor{}
	for _, p := range m.Params {
		var s []int
		for _, e := range p.Type.Shape {
			n, _ := e.Int()
			s = append(s, int(n))
		}
		params[p.Name] = rnd(s...)
		for i, f := range params[p.Name].F { params[p.Name].F[i] = f * f }
	}
	in := rnd(3, 8, 8, 1)
	want, err := m.Eval(m.Funcs[0], params, []*ir.Tensor{in})
	if err != nil {
		t.Fatal(err)
	}
	err = passes.Run(m2, ir.CPU, func(pass string, m *ir.Module) {
		text := ir.Print(m)
		m3, err := ir.Parse("x", []byte(text))
		if err != nil {
			t.Fatal(pass, err, text)
		}
		if ir.Print(m3) != text {
			t.Fatal(pass, ir.Print(m3), text)
		}
	})
	fmt.Println(ir.Print(m2))
	if err != nil {
		t.Fatal(err)
	}
	got, err := m2.EvalVariant(m2.Funcs[0], m2.Funcs[0].Variants[0], params, []*ir.Tensor{in})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(want[0], want[1].F[:10])
	fmt.Println(got[0], got[1].F[:10])
}
