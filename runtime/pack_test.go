package runtime

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// What depends on params alone is computed once for a model, in the order of the steps,
// and shared by its sessions; the report says how many bytes that is.
func TestPackedTensorsAreComputedOnce(t *testing.T) {
	p := testProgram()
	var points atomic.Int64
	double := func(c *cpu.Call, lo, hi int) {
		from, to := cpu.View[float32](c, 0), cpu.View[float32](c, 1)
		for i := lo; i < hi; i++ {
			to[i] = 2 * from[0]
		}
		points.Add(int64(hi - lo))
	}
	p.Kernels = append(p.Kernels, double)
	p.Packed = []Packed{{F32, []int{5}}, {F32, []int{1}}}
	p.Load = []Step{
		{Kernel: 3, Args: []Ref{Weight.At(0), Pack.At(0)}, Grid: Mono(5)},
		{Kernel: 3, Args: []Ref{Pack.At(0), Pack.At(1)}, Grid: Mono(1), Barrier: true},
	}
	p.Entries[1].Variants[0].Steps[0].Args[1] = Pack.At(1)
	m := must(Load(p, ""))(t)
	if got := m.LoadReport(); got != (LoadReport{Copied: 4, Packed: 4 * 6}) {
		t.Errorf("the report is %+v", got)
	}
	for range 2 {
		s := must(m.NewSession())(t)
		for range 2 {
			out := must(s.Call(context.Background(), 1, must(From([]float32{1, -1, 3}, 3))(t)))(t)
			if y := must(Data[float32](out[0]))(t); y[0] != 8 || y[1] != 0 || y[2] != 24 {
				t.Errorf("the result is %v, want [8 0 24]", y)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := points.Load(); n != 6 {
		t.Errorf("%d points were computed, want the 6 of load", n)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	for i, a := range m.packed {
		if !a.closed() {
			t.Errorf("packed tensor %d is not freed with the model", i)
		}
	}
}

// A step that fails at load fails the load.
func TestPackingFails(t *testing.T) {
	p := testProgram()
	p.Kernels = append(p.Kernels, func(*cpu.Call, int, int) { panic("no") })
	p.Packed = []Packed{{F32, []int{5}}}
	p.Load = []Step{{Kernel: 3, Args: []Ref{Weight.At(0), Pack.At(0)}, Grid: Mono(5), Pos: "test.mlx:1:2"}}
	if m, err := Load(p, ""); err == nil {
		t.Errorf("it is loaded all the same: %v", m.Close())
	}
}
