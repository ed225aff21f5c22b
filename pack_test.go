package mlxc_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mlxc/mlxc"
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

// What is packed of one model serves another whose params, and what is computed of them
// at load, are the same: wherever it lies, whatever it says besides, and not else.
func TestKeyOfPackedFiles(t *testing.T) {
	key := func(target ir.Target, folder, text string) string {
		path := filepath.Join(t.TempDir(), folder, "m.mlx")
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
		m, err := mlxc.Load(path, mlxc.Source{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := mlxc.Compile(m, mlxc.Options{Package: "m", Targets: []ir.Target{target}})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range p.Files {
			if k := regexp.MustCompile(`Key: +"(\w+)"`).FindSubmatch(f.Data); k != nil {
				return string(k[1])
			}
		}
		t.Fatal("there is no key")
		return ""
	}
	const model = `import nn
dim B <= 8
block Net() {
  bn = nn.BatchNorm(16)
  fc = nn.Linear(16, 24)
  param scale: f32[24] = 1
  fn forward(x: f32[B, 16]) -> f32[B, 24] { return fc(bn(x)) * scale }
}
net = Net()
entry f(x: f32[B, 16]) -> (y: f32[B, 24]) { return net(x) }
`
	want := key(ir.CPU, ".", model)
	for _, c := range []struct {
		name, from, to string
		target         ir.Target
		same           bool
	}{
		{"in another folder", "", "", ir.CPU, true},
		{"with a comment", "import nn", "# our best\nimport nn", ir.CPU, true},
		{"with another bound", "B <= 8", "B <= 9", ir.CPU, true},
		{"for the GPU", "", "", ir.Metal, false},
		{"of another size", "24", "48", ir.CPU, false},
		{"with another name of a param", "fc", "gc", ir.CPU, false},
		{"with another number in what is computed", "BatchNorm(16)", "BatchNorm(16, eps=1e-3)", ir.CPU, false},
		{"that fills a param with another number", "= 1", "= 2", ir.CPU, false},
		{"that reads more of what it reads at load alone", "fc(bn(x))", "fc(bn(x) + bn.weight)", ir.CPU, false},
	} {
		if got := key(c.target, "folder", strings.ReplaceAll(model, c.from, c.to)); (got == want) != c.same {
			t.Errorf("a model %s has the key %s, beside %s", c.name, got, want)
		}
	}
}
