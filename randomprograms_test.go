package mlxc_test

import (
	"bytes"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/internal/random"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// Random programs that do not round, built for the CPU many at a time, give what the interpreter
// of their kernels gives. MLXC_RANDOM=FIRST,COUNT runs other ones.
func TestRandomProgramsOnTheCPU(t *testing.T) {
	first, count := uint64(0), uint64(150)
	if text := os.Getenv("MLXC_RANDOM"); text != "" {
		var err, err2 error
		a, b, _ := bytes.Cut([]byte(text), []byte(","))
		first, err = strconv.ParseUint(string(a), 10, 64)
		count, err2 = strconv.ParseUint(string(b), 10, 64)
		if err != nil || err2 != nil {
			t.Fatalf("MLXC_RANDOM is %q, want FIRST,COUNT", text)
		}
	} else if testing.Short() {
		t.Skip("builds a hundred programs")
	}
	const together = 75
	for seed := first; seed < first+count; seed += together {
		runRandom(t, seed, min(together, first+count-seed))
	}
}

func runRandom(t *testing.T, first, count uint64) {
	b, err := mlxc.NewBatch(ir.CPU)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	type one struct {
		seed   uint64
		number int
		m      *ir.Module
		inputs []*ir.Tensor
		want   []*ir.Tensor
	}
	var all []one
	for seed := first; seed < first+count; seed++ {
		m := random.Exact(seed)
		_, inputs, ok := random.Inputs(m, seed, seed%2 == 0)
		if !ok || len(m.Params) > 0 {
			continue
		}
		planned, err := mlxc.Plan(m, ir.CPU, nil)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, ir.Print(m))
		}
		f, v, err := planned.Serving("run", nil, inputs)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		want, err := planned.EvalVariant(f, v, nil, inputs)
		if err != nil {
			continue // the extreme of nothing
		}
		number, err := b.Add(m, "random.mlxir")
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, ir.Print(m))
		}
		all = append(all, one{seed, number, m, inputs, want})
	}
	runners, errs, err := b.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if errs[p.number] != nil {
			t.Errorf("seed %d: %v\n%s", p.seed, errs[p.number], ir.Print(p.m))
			continue
		}
		var in, out bytes.Buffer
		for _, x := range p.inputs {
			a, err := runtime.NewArray(runtime.DType(x.DType), x.Shape...) // the two packages number dtypes alike
			if err != nil {
				t.Fatal(err)
			}
			copy(a.Bytes(), x.Bytes())
			if err := runtime.WriteNPY(&in, a); err != nil {
				t.Fatal(err)
			}
		}
		if err := runners[p.number].Run(t.Context(), "run", "", 1, &in, &out); err != nil {
			t.Errorf("seed %d: %v\n%s", p.seed, err, ir.Print(p.m))
			continue
		}
		for i, w := range p.want {
			a, err := runtime.ReadNPY(&out, math.MaxInt64)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ir.TensorOf(w.DType, a.Shape(), a.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			for n := range w.Len() {
				if g, x := got.Number(n), w.Number(n); g != x && !(math.IsNaN(g) && math.IsNaN(x)) {
					t.Errorf("seed %d: result %d: element %d is %v, the interpreter has %v\n%s", p.seed, i, n, g, x, ir.Print(p.m))
					break
				}
			}
		}
	}
	t.Logf("seeds %d to %d: %d programs", first, first+count-1, len(all))
}
