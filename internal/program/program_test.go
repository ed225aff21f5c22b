//go:build linux && mlxc_metal

package program_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/internal/program"
	"github.com/mlxc/mlxc/internal/random"
	"github.com/mlxc/mlxc/internal/required"
	"github.com/mlxc/mlxc/internal/softmetal"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
	"github.com/mlxc/mlxc/runtime"
)

// Random programs run on the software Metal without a word from it, and to the same
// bits whatever it may reorder: their barriers are all that they need.
func TestRandomPrograms(t *testing.T) {
	if err := softmetal.Setup(); err != nil {
		required.Skip(t, err)
	}
	hooks, err := softmetal.Open()
	if err != nil {
		t.Fatal(err)
	}
	hooks.Record(true)
	want, seeds := 24, uint64(0)
	if testing.Short() {
		want = 6
	}
	for ran := 0; ran < want; seeds++ {
		m := random.Module(seeds, random.AllKinds)
		_, inputs, ok := random.Inputs(m, seeds, false)
		if !ok || strings.Contains(ir.Print(m), "f64") {
			continue
		}
		ran++
		t.Run(fmt.Sprint(seeds), func(t *testing.T) { reordered(t, hooks, m, inputs) })
	}
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
		p.Params[i].Init = runtime.Fill(1)
	}
	var first [][]byte
	for _, settings := range [][3]string{{"0", "0", "forward"}, {"1", "7", "reverse"}, {"1", "8", "random"}} {
		for i, name := range []string{"LAZY", "SHUFFLE", "ORDER"} {
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

func call(t *testing.T, p *runtime.Program, inputs []*ir.Tensor) (results [][]byte) {
	m, err := runtime.Load(p, "")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := m.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
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
