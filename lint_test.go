package mlxc_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// What a hand-written kernel must not say is found before anything runs, in its line.
func TestLintOfKernels(t *testing.T) {
	for text, want := range map[string]string{
		"uint i = thread_position_in_grid.x;\ny[i] = E(2.0f) * x[j];":             "line 2: kernel k: j is not declared",
		"uint i = thread_position_in_grid.x;\n\ny[i] = E(2.0) * x[i];":            "line 3: kernel k: 2.0 needs a suffix: 2.0f",
		"threadgroup_barrier(mem_flags::mem_threadgroup);":                        "kernel k: a grid of [33] threads has a threadgroup with threads outside it, and threadgroup_barrier waits for all: make it a multiple of the threadgroup",
		"uint i = thread_position_in_grid.x;\ny[i] = E(frobnicate(float(x[i])));": "line 2: kernel k: frobnicate is not in the table of functions",
	} {
		b := mlx.New("m")
		b.Entry("f", func(e *mlx.Entry) {
			k := mlx.Kernel{Name: "k", In: []string{"x"}, Out: []string{"y"}, DTypes: map[string]mlx.DType{"E": mlx.F16}, Grid: []mlx.Dim{mlx.N(33)}, Group: []int{32}, Metal: text}
			e.Out("y", b.Kernel(k, func(x []mlx.Value) []mlx.Value { return []mlx.Value{mlx.Exp(x[0])} }, e.In("x", "f16[33]"))[0])
		})
		p, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		_, err = mlxc.Plan(p.Module(), ir.Metal, nil)
		var wrong ir.Diagnostics
		if !errors.As(err, &wrong) || len(wrong) != 1 {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := wrong[0].Msg
		for _, n := range wrong[0].Notes {
			got = n.Label + ": " + got
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
		if _, err := mlxc.Plan(p.Module(), ir.CPU, nil); err != nil {
			t.Errorf("%q on the CPU: %v", text, err)
		}
	}
}

// What Metal in a model's file must not say is found where it stands there.
func TestLintOfMetalInAModel(t *testing.T) {
	const file = "testdata/models/kernels.mlx"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kernels.mlx")
	for _, c := range []struct{ good, bad, want string }{
		{"group=[256]) `", "group=[256]) `nothing();", "9:43: error: kernel swiglu: nothing is not in the table of functions"},
		{"(out: E[...S])", "(gate: E[...S])", "9:14: error: kernel swiglu: it calls two things gate"},
		{"(out: E[...S])", "(half: E[...S])", "9:14: error: kernel swiglu: half means something else in Metal: give it another name"},
		{"1.0f + exp(-g)", "1.0 + exp(-g)", "12:21: error: kernel swiglu: 1.0 needs a suffix: 1.0f"},
		{"E(g / (1.0f + exp(-g))", "E(g / (1.0f + metal::exp(-g))", "12:28: error: kernel swiglu: metal: names of the library are written without metal::"},
		{"threadgroup_position_in_grid.x, t", "threadgroup_position_in_grid.x, D", "27:19: error: kernel row_rms: t is not declared"},
		{"[N * THREADS]", "[N * 200]", "24:14: error: kernel row_rms: a grid of [200*N] threads has a threadgroup with threads outside it"},
	} {
		if !strings.Contains(string(text), c.good) {
			t.Fatalf("%s has no %s", file, c.good)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), c.good, c.bad, 1)), 0o666); err != nil {
			t.Fatal(err)
		}
		m, err := mlxc.Load(path, mlxc.Source{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = mlxc.Plan(m, ir.Metal, nil)
		var wrong ir.Diagnostics
		if !errors.As(err, &wrong) || repeats(wrong) || !strings.HasPrefix(wrong[0].Error(), path+":"+c.want) {
			t.Errorf("%s: %v, want %s", c.bad, err, c.want)
		}
	}
}

// repeats reports that two diagnostics say the same of one place.
func repeats(all ir.Diagnostics) bool {
	seen := map[string]bool{}
	for _, d := range all {
		key := d.Pos.String() + d.Msg
		if seen[key] {
			return true
		}
		seen[key] = true
	}
	return false
}

// The kernels of a model in the language compile for both targets.
func TestCompileKernelsOfTheLanguage(t *testing.T) {
	m, err := mlxc.Load("testdata/models/kernels.mlx", mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	made, err := mlxc.Compile(m, mlxc.Options{Package: "kernels", Targets: []ir.Target{ir.CPU, ir.Metal}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range made.Files {
		if strings.Contains(string(f.Data), "out[i] = half(g / (1.0f + exp(-g)) * float(up[i]));") {
			return
		}
	}
	t.Error("no file has the text of swiglu for f16")
}

// A package for both targets has the text in its Metal and the reference in its Go.
func TestCompileWrittenByHand(t *testing.T) {
	b := mlx.New("m")
	n := b.Dim("N", 100)
	b.Entry("f", func(e *mlx.Entry) {
		k := mlx.Kernel{Name: "twice", In: []string{"x"}, Out: []string{"y"}, Grid: []mlx.Dim{n}, Group: []int{32},
			Metal: "uint i = thread_position_in_grid.x;\ny[i] = 2.0f * x[i];"}
		e.Out("y", b.Kernel(k, func(x []mlx.Value) []mlx.Value { return []mlx.Value{x[0].Add(x[0])} }, e.In("x", "f32[N]"))[0])
	})
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	made, err := mlxc.Compile(p.Module(), mlxc.Options{Package: "m", Targets: []ir.Target{ir.CPU, ir.Metal}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range made.Files {
		if f.Name == "model.metal" && strings.Contains(string(f.Data), "y[i] = 2.0f * x[i];") {
			return
		}
	}
	t.Error("the text is not in model.metal")
}
