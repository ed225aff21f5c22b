package mlxc_test

import (
	"testing"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

// No call of the models computes what depends on weights alone.
func TestNoCallReadsWeightsAlone(t *testing.T) {
	for _, target := range []ir.Target{ir.CPU, ir.Metal} {
		for _, name := range []string{"digits", "mnist"} {
			m := load(t, name)
			if err := passes.Run(m, target, nil); err != nil {
				t.Fatal(err)
			}
			if len(m.Packed()) == 0 {
				t.Errorf("%s for %s: nothing is packed, not even the scales of norms", name, target)
			}
			for _, f := range m.Funcs {
				for _, v := range f.Variants {
					for i, s := range v.Steps {
						others := 0 // arguments that are no weights
						for _, b := range s.Args {
							if b.Place != ir.InParam && b.Place != ir.InPacked {
								others++
							}
						}
						if others < 2 && len(s.Args) > others {
							t.Errorf("%s for %s: step %d, %s, reads weights alone", name, target, i, s.Kernel.Name)
						}
					}
				}
			}
		}
	}
}
