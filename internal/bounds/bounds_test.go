package bounds

import (
	"testing"

	"github.com/mlxc/mlxc/internal/random"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

// What the evaluator of graphs makes of random programs lies within the bounds of their
// kernels, if those allow for not rounding.
func TestEvaluatorIsWithin(t *testing.T) {
	var count Count
	programs := 0
	for seed := range uint64(150) {
		m := random.Module(seed, random.AllKinds)
		params, inputs, ok := random.Inputs(m, seed, false)
		if !ok {
			continue
		}
		text := ir.Print(m)
		if err := passes.Until(m, ir.CPU, "simplify"); err != nil { // which rounds constants
			t.Fatal(err)
		}
		want, err := m.Eval(m.Funcs[0], params, inputs)
		if err != nil {
			continue // the extreme of nothing
		}
		if err := passes.Until(m, ir.CPU, "lower"); err != nil {
			t.Fatal(err)
		}
		e := &Evaluation{Module: m, Exactly: true, Params: map[string]*Bound{}}
		for name, x := range params {
			e.Params[name] = Of(x)
		}
		got, err := e.Call("run", inputs)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		programs++
		for i, b := range got {
			count.Add(b)
			if diff := b.Difference(want[i]); diff != "" {
				t.Errorf("seed %d: result %d: %s\n%s", seed, i, diff, text)
			}
		}
	}
	t.Logf("%d programs: elements exact %d, near %d, vague %d", programs, count[Exact], count[Near], count[Vague])
}
