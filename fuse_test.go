package mlxc_test

import (
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

// ResNet-18 is as many launches as it has products, its pool, its mean, its last product
// and its label, apart from what depends on weights alone.
func TestLaunchesOfResNet18(t *testing.T) {
	for _, target := range targets {
		m, err := mlxc.Load("testdata/models/resnet18.mlx", mlxc.Source{})
		if err != nil {
			t.Fatal(err)
		}
		if err := passes.Until(m, target, "fuse"); err != nil {
			t.Fatal(err)
		}
		why := map[int]string{}
		for _, f := range m.Funcs {
			for _, in := range f.Body {
				if in.Kernel != 0 {
					why[in.Kernel] = in.Why
				}
			}
		}
		launches := 0
		for _, w := range why {
			if w != "depends on weights alone" {
				launches++
			}
		}
		if launches > 24 {
			t.Errorf("%s: %d launches:\n%s", target, launches, ir.Print(m))
		}
	}
}
