//go:build darwin || (linux && mlxc_metal)

package mlxc_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/internal/program"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
	"github.com/mlxc/mlxc/runtime"
)

// Recurrent layers on the GPU are PyTorch's too, and one session serves sequences of
// several lengths, none included.
func TestMetalRecurrentLayers(t *testing.T) {
	needMetal(t)
	planned, err := mlxc.Load(recurrentPath, mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	if err := passes.Run(planned, ir.Metal, nil); err != nil {
		t.Fatal(err)
	}
	p, err := program.Metal(planned)
	if err != nil {
		t.Fatal(err)
	}
	m, err := runtime.Load(p, filepath.Join(filepath.Dir(recurrentPath), "recurrent.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := m.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	empty, err := runtime.NewArray(runtime.F32, 3, 0, 6)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range planned.Funcs {
		var inputs []*runtime.Array
		for _, v := range f.Inputs {
			inputs = append(inputs, recurrent(t, v.Name))
		}
		none := append([]*runtime.Array{empty}, inputs[1:]...)
		if _, err := s.Call(context.Background(), i, none...); err != nil {
			t.Fatal(err)
		}
		out, err := s.Call(context.Background(), i, inputs...)
		if err != nil {
			t.Fatal(err)
		}
		for n, r := range f.Results {
			isRecurrent(t, r.Name, floats(t, out[n]))
		}
	}
}
