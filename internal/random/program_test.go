package random

import (
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// Programs hold together, alone and as one module; each op is drawn, and there are several
// entries that share params.
func TestProgram(t *testing.T) {
	drawn := map[string]bool{}
	var all []*ir.Module
	several, sharing := 0, 0
	for seed := range uint64(400) {
		m, _ := Program(seed)
		if err := ir.Verify(m); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, ir.Print(m))
		}
		if len(m.Funcs) > 1 {
			several++
		}
		in := map[*ir.Param]int{}
		for i, f := range m.Funcs {
			for _, b := range f.Bodies() {
				for _, x := range b.Body {
					drawn[x.Op.Name] = true
					var p *ir.Param
					switch a := x.Attrs.(type) {
					case ir.WeightAttrs:
						p = a.Param
					case ir.ReadAttrs:
						p = a.State
					default:
						continue
					}
					if first, ok := in[p]; ok && first < i {
						sharing++
					} else {
						in[p] = i
					}
				}
			}
		}
		all = append(all, m)
	}
	for _, op := range ir.Ops() {
		if !drawn[op.Name] && op.Kind != ir.KindKernel && op.Kind != ir.KindDequant { // tests of their own have these
			t.Errorf("no program has %s", op.Name)
		}
	}
	if several < 200 || sharing < 100 {
		t.Errorf("%d programs have several entries, which read params of others %d times", several, sharing)
	}
	merged := Merge(all)
	if err := ir.Verify(merged); err != nil {
		t.Error(err)
	}
	n := 0
	for _, m := range all {
		n += len(m.Funcs)
	}
	if len(merged.Funcs) != n {
		t.Errorf("%d functions became %d", n, len(merged.Funcs))
	}
}
