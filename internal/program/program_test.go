//go:build linux && mlxc_metal

package program_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/frontend/dsl"
	"github.com/mlxc/mlxc/internal/program"
	"github.com/mlxc/mlxc/internal/random"
	"github.com/mlxc/mlxc/internal/required"
	"github.com/mlxc/mlxc/internal/softmetal"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
	"github.com/mlxc/mlxc/runtime"
)

// Random programs, half of them placed on two devices, run on the software Metal without a
// word from it, and to the same bits whatever it may reorder: their barriers, and the waits
// between devices, are all that they need.
func TestRandomPrograms(t *testing.T) {
	hooks := openSoftMetal(t)
	want, seeds := 24, uint64(0)
	if testing.Short() {
		want = 6
	}
	for ran := 0; ran < want; seeds++ {
		m := random.Module(seeds, random.AllKinds)
		if ran%2 == 0 {
			random.Place(m, seeds)
		}
		_, inputs, ok := random.Inputs(m, seeds, false)
		if !ok || ran%2 > 0 && strings.Contains(ir.Print(m), "f64") {
			continue
		}
		ran++
		t.Run(fmt.Sprint(seeds), func(t *testing.T) { reordered(t, hooks, m, inputs) })
	}
}

// openSoftMetal skips where there is none. Findings are kept.
func openSoftMetal(t *testing.T) *softmetal.Hooks {
	t.Helper()
	if err := softmetal.Setup(); err != nil {
		required.Skip(t, err)
	}
	hooks, err := softmetal.Open()
	if err != nil {
		t.Fatal(err)
	}
	hooks.Record(true)
	return hooks
}

func reordered(t *testing.T, hooks *softmetal.Hooks, m *ir.Module, inputs []*ir.Tensor) {
	if err := passes.Run(m, ir.Metal, nil); err != nil {
		t.Fatal(err)
	}
	p, err := program.Metal(m)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Params {
		p.Params[i].Init = []float64{1}
	}
	var first [][]byte
	for _, settings := range [][4]string{{"0", "0", "forward", "0"}, {"1", "7", "reverse", "1"}, {"1", "8", "random", "1"}} {
		for i, name := range []string{"LAZY", "SHUFFLE", "ORDER", "HOSTWRITES"} {
			if err := hooks.Set(name, settings[i]); err != nil {
				t.Fatal(err)
			}
		}
		results := call(t, p, inputs)
		for _, found := range hooks.Errors() {
			t.Error(found)
		}
		if first == nil {
			first = results
		} else if !slices.EqualFunc(results, first, bytes.Equal) {
			t.Errorf("other bits with %v", settings)
		}
	}
}

// openSession opens a session of a program without weights, which ends with the test.
func openSession(t *testing.T, p *runtime.Program) *runtime.Session {
	t.Helper()
	m, err := runtime.Load(p, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	s, err := m.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// placed is a model of testdata/places, as it is planned for Metal, and its program.
func placed(t *testing.T, file string) (*ir.Module, *runtime.Program) {
	t.Helper()
	source, err := dsl.Load("../../testdata/places/"+file, dsl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := source.Module()
	if err := passes.Run(m, ir.Metal, nil); err != nil {
		t.Fatal(err)
	}
	p, err := program.Metal(m)
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

func call(t *testing.T, p *runtime.Program, inputs []*ir.Tensor) (results [][]byte) {
	s := openSession(t, p)
	var args []*runtime.Array
	for _, x := range inputs {
		a, err := runtime.NewArray(runtime.DType(x.DType), x.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		copy(a.Bytes(), x.Bytes())
		args = append(args, a)
	}
	out, err := s.Call(context.Background(), 0, args...)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range out {
		results = append(results, slices.Clone(a.Bytes()))
	}
	return results
}

// The variants of a program take turns in one session on the software Metal, and give
// what the evaluator gives.
func TestVariantsTakeTurns(t *testing.T) {
	hooks := openSoftMetal(t)
	const file = "../../testdata/variants/mlp.mlxir"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	graph, err := ir.Parse(file, text)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := ir.Parse(file, text)
	if err := passes.Run(m, ir.Metal, nil); err != nil {
		t.Fatal(err)
	}
	if n := len(m.Funcs[0].Variants); n != 3 {
		t.Fatalf("there are %d variants, want 3", n)
	}
	p, err := program.Metal(m)
	if err != nil {
		t.Fatal(err)
	}
	s := openSession(t, p)
	for _, rows := range []int{1, 9, 8, 2, 1, 70} {
		inputs := []*ir.Tensor{integers(rows, 64), integers(64, 48), integers(48, 32)}
		want, err := graph.Eval(graph.Funcs[0], nil, inputs)
		if err != nil {
			t.Fatal(err)
		}
		var args []*runtime.Array
		for _, x := range inputs {
			a, err := runtime.NewArray(runtime.F32, x.Shape...)
			if err != nil {
				t.Fatal(err)
			}
			copy(a.Bytes(), x.Bytes())
			args = append(args, a)
		}
		out, err := s.Call(context.Background(), 0, args...)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out[0].Bytes(), want[0].Bytes()) {
			t.Errorf("with %d rows the result is another than that of the evaluator", rows)
		}
		for _, found := range hooks.Errors() {
			t.Error(found)
		}
	}
}

// integers are numbers whose products and sums are exact in any order.
func integers(rows, columns int) *ir.Tensor {
	t := ir.NewTensor(ir.F32, rows, columns)
	for i := range t.F {
		t.F[i] = float64((i*7+i/columns*3)%17 - 8)
	}
	return t
}
