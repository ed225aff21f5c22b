package mlxc_test

import (
	"bytes"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// A call of an entry, which may be given sizes.
type call struct {
	entry  string
	given  []int
	inputs []*runtime.Array // without those that are fed
	want   []string         // the recorded arrays that its results are to be; "": of no interest
}

// A model of testdata/models, built for the CPU.
type builtModel struct {
	module  *ir.Module
	program string
}

func buildModel(t *testing.T, name string, set map[string]string, calls ...call) builtModel {
	t.Helper()
	return buildCalls(t, name, sampleModel(t, name, set, calls))
}

// buildCalls builds a program that makes calls of a module.
func buildCalls(t *testing.T, name string, m *ir.Module) builtModel {
	t.Helper()
	dir := mainPackage(t, m, name+".mlx", map[string]string{"main.go": "testdata/models/calls_main.go.txt"})
	program := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("go", "build", "-o", program, "./"+dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return builtModel{m, program}
}

// sampleModel is a model of testdata/models, with the entries of some calls or else all.
func sampleModel(t *testing.T, name string, set map[string]string, calls []call) *ir.Module {
	t.Helper()
	m, err := mlxc.Load(filepath.Join("testdata", "models", name+".mlx"), mlxc.Source{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	m.Funcs = slices.DeleteFunc(m.Funcs, func(f *ir.Func) bool {
		return calls != nil && !slices.ContainsFunc(calls, func(c call) bool { return c.entry == f.Name })
	})
	return m
}

// run makes calls one after another in one session with these dims, and returns the results of
// each. fed are pairs of an input and a result: the input of each call but the first is that
// result of the one before.
func (b builtModel) run(t *testing.T, weights string, dims []int, calls []call, fed ...[2]int) [][]*runtime.Array {
	t.Helper()
	words := func(ns []int) string { return strings.Trim(fmt.Sprint(ns), "[]") }
	args := []string{weights, words(dims)}
	var in, out, message bytes.Buffer
	for i, c := range calls {
		text := c.entry + " " + words(c.given)
		for _, f := range fed {
			if i > 0 {
				text += fmt.Sprintf(" %d<%d", f[0], f[1])
			}
		}
		args = append(args, text)
		for _, a := range c.inputs {
			if err := runtime.WriteNPY(&in, a); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd := exec.Command(b.program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &message
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, message.String())
	}
	results := make([][]*runtime.Array, len(calls))
	for i, c := range calls {
		for range b.module.Func(c.entry).Results {
			a, err := runtime.ReadNPY(&out, math.MaxInt64)
			if err != nil {
				t.Fatal(err)
			}
			results[i] = append(results[i], a)
		}
	}
	return results
}
