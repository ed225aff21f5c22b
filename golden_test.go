package mlxc_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/codegen"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

var update = flag.Bool("update", os.Getenv("MLXC_UPDATE") == "1", "rewrite the generated packages and texts under testdata")

// models are those whose generated package is committed.
var models = []string{"decoder", "digits", "mnist", "places"}

var targets = []ir.Target{ir.Metal, ir.CPU}

func load(t *testing.T, name string) *ir.Module {
	t.Helper()
	m, err := mlxc.Load(filepath.Join("testdata", name, name+".mlx"), mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func compile(t *testing.T, name string) []codegen.File {
	t.Helper()
	p, err := mlxc.Compile(load(t, name), mlxc.Options{Package: name, Source: name + ".mlx", Targets: targets})
	if err != nil {
		t.Fatal(err)
	}
	return p.Files
}

// Who looks at the stages sees one target after the other; nobody else makes another package.
func TestObservedCompile(t *testing.T) {
	m := load(t, "digits")
	var seen, want []string
	note := func(stages *[]string) func(string, *ir.Module) {
		return func(pass string, m *ir.Module) { *stages = append(*stages, pass+" "+string(m.Target)) }
	}
	for _, target := range targets {
		if _, err := mlxc.Plan(m, target, note(&want)); err != nil {
			t.Fatal(err)
		}
	}
	p, err := mlxc.Compile(m, mlxc.Options{Package: "digits", Source: "digits.mlx", Targets: targets, Observe: note(&seen)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(p.Files, compile(t, "digits")); diff != "" {
		t.Error(diff)
	}
}

// examples are the models of the programs in examples, each of which has the package of its
// model in a folder of that name.
var examples = []string{"ddpm", "stories", "vad"}

// The models are compiled at once: the compiler keeps nothing that two would share.
func TestGeneratedPackages(t *testing.T) {
	type model struct{ source, dir string }
	var all []model
	for _, name := range models {
		all = append(all, model{filepath.Join("testdata", name, name+".mlx"), filepath.Join("testdata", "gen", name)})
	}
	for _, name := range examples {
		all = append(all, model{filepath.Join("testdata", "models", name+".mlx"), filepath.Join("examples", name, name)})
	}
	compiled := make([]*mlxc.Package, len(all))
	var compiling sync.WaitGroup
	for i, of := range all {
		compiling.Go(func() {
			m, err := mlxc.Load(of.source, mlxc.Source{})
			if err != nil {
				t.Error(err)
				return
			}
			if compiled[i], err = mlxc.Compile(m, mlxc.Options{Package: filepath.Base(of.dir), Source: of.source, Targets: targets}); err != nil {
				t.Error(err)
			}
		})
	}
	if compiling.Wait(); t.Failed() {
		return
	}
	for i, of := range all {
		dir, files := of.dir, compiled[i].Files
		if *update {
			if err := mlxc.WriteDir(dir, files); err != nil {
				t.Fatal(err)
			}
		}
		var made []string
		for _, f := range files {
			made = append(made, f.Name)
			want, err := os.ReadFile(filepath.Join(dir, f.Name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(f.Data)); diff != "" {
				t.Errorf("%s/%s:\n%s", dir, f.Name, diff)
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !slices.Contains(made, e.Name()) {
				t.Errorf("%s/%s is not made any more", dir, e.Name())
			}
		}
	}
}

// A package of one target builds where that is, and elsewhere too. It lies in the tree,
// where its imports are found.
func TestPackagesOfOneTarget(t *testing.T) {
	for _, target := range targets {
		p, err := mlxc.Compile(load(t, "digits"), mlxc.Options{Package: "digits", Source: "digits.mlx", Targets: []ir.Target{target}})
		if err != nil {
			t.Fatal(err)
		}
		dir, err := os.MkdirTemp("testdata", "single-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		for _, f := range p.Files {
			if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, tags := range []string{"", "mlxc_metal"} {
			build := exec.Command("go", "build", "-tags", tags, "./"+dir)
			if out, err := build.CombinedOutput(); err != nil {
				t.Errorf("target %s, tags %q: %v\n%s", target, tags, err, out)
			}
		}
	}
}

// The package must not tell on which machine it was made, nor from which folder.
func TestCompilationRepeats(t *testing.T) {
	for _, name := range models {
		first := compile(t, name)
		abs, err := filepath.Abs(filepath.Join("testdata", name, name+".mlx"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := mlxc.Load(abs, mlxc.Source{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := mlxc.Compile(m, mlxc.Options{Package: name, Source: abs, Targets: targets})
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range p.Files {
			if !bytes.Equal(f.Data, first[i].Data) {
				t.Errorf("%s/%s differs when compiled by another path:\n%s", name, f.Name, cmp.Diff(string(first[i].Data), string(f.Data)))
			}
			if bytes.Contains(f.Data, []byte(filepath.Dir(abs))) {
				t.Errorf("%s/%s holds a path of this machine", name, f.Name)
			}
		}
	}
}

// compareIR compares modules by what they hold. References within a module are
// compared by name or number, since following them would visit shared parts once
// for each path to them; ops are entries of one table.
var compareIR = cmp.Options{
	cmpopts.EquateNaNs(),
	cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b *ir.Op) bool { return a == b }),
	cmp.Comparer(func(a, b ir.Size) bool { return a.Equal(b) }),
	cmp.Comparer(func(a, b *ir.Value) bool {
		return a == nil && b == nil || a != nil && b != nil && a.Name == b.Name && a.Type.Equal(b.Type)
	}),
	cmp.Transformer("scalar", func(s *ir.Scalar) any {
		if s == nil {
			return nil
		}
		flat := *s
		flat.Args = nil
		var args []int
		for _, a := range s.Args {
			args = append(args, a.ID)
		}
		return struct {
			Scalar ir.Scalar
			Args   []int
		}{flat, args}
	}),
	cmp.Transformer("step", func(s *ir.Step) any {
		flat := *s
		flat.Kernel = nil
		return struct {
			Step   ir.Step
			Kernel string
		}{flat, s.Kernel.Name}
	}),
}

func TestTextRoundTripsAtEveryStage(t *testing.T) {
	for _, name := range models {
		for _, target := range targets {
			m := load(t, name)
			check := func(stage string, m *ir.Module) {
				text := ir.Print(m)
				back, err := ir.Parse(name+".mlxir", []byte(text))
				if err != nil {
					t.Fatalf("%s after %s: %v", name, stage, err)
				}
				if again := ir.Print(back); again != text {
					t.Errorf("%s after %s: the text changes:\n%s", name, stage, cmp.Diff(text, again))
				}
				if diff := cmp.Diff(m, back, compareIR); diff != "" {
					t.Errorf("%s after %s: the module changes:\n%s", name, stage, strings.Join(strings.SplitN(diff, "\n", 40), "\n"))
				}
			}
			check("load", m)
			if err := passes.Run(m, target, check); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestPlansMeetTheirBound(t *testing.T) {
	for _, name := range models {
		m := load(t, name)
		if err := passes.Run(m, ir.CPU, nil); err != nil {
			t.Fatal(err)
		}
		points := m.Funcs[0].Variants[0].Plan.Report
		if len(points) < 3 {
			t.Errorf("%s: planned at %d points", name, len(points))
		}
		for _, p := range points {
			t.Logf("%s at %v: arena %d, live %d, bound over all orders %d", name, p.Dims, p.Arena, p.Live, p.Bound)
			if float64(p.Arena) > 1.10*float64(p.Bound) {
				t.Errorf("%s at %v: arena %d is beyond 1.10 of the bound %d", name, p.Dims, p.Arena, p.Bound)
			}
		}
	}
}
