package onnxtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mlxc/mlxc/internal/onnxtest"
)

// worker is the argument of a process that has the results of its cases, but ends at some.
const worker = "a-worker"

func TestMain(m *testing.M) {
	if len(os.Args) != 2 || os.Args[1] != worker {
		os.Exit(m.Run())
	}
	var job struct{ Cases []onnxtest.Case }
	if err := json.NewDecoder(os.Stdin).Decode(&job); err != nil {
		panic(err)
	}
	for _, c := range job.Cases {
		switch c.Name {
		case "crash":
			fmt.Fprintln(os.Stderr, "fatal error: stack overflow\n\ngoroutine 1")
			os.Exit(2)
		case "none":
			fmt.Fprintln(os.Stderr, "no disk")
			os.Exit(5)
		}
		_ = json.NewEncoder(os.Stdout).Encode(onnxtest.Result{Case: c.Name, Verdict: onnxtest.Passed})
	}
	os.Exit(0)
}

func isolated(t *testing.T, names ...string) (results []string, err error) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var cases []onnxtest.Case
	for _, n := range names {
		cases = append(cases, onnxtest.Case{Name: n})
	}
	err = onnxtest.RunIsolated(t.Context(), cases, onnxtest.Options{Limit: time.Minute}, func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, self, worker)
	}, func(r onnxtest.Result) {
		results = append(results, strings.TrimSpace(fmt.Sprint(r.Case, " ", r.Verdict, " ", r.Reason)))
	})
	return results, err
}

// A case that ends its process fails alone.
func TestCrash(t *testing.T) {
	got, err := isolated(t, "a", "crash", "b", "c")
	want := []string{"a passed", "crash failed the compiler crashed, exit status 2: fatal error: stack overflow", "b passed", "c passed"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := isolated(t, "a", "none"); err == nil || err.Error() != "no disk" || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

// What is listed has to fail, and what is not to pass.
func TestExceptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list.txt")
	read := func(text string) (*onnxtest.Exceptions, error) {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return onnxtest.ReadExceptions(file)
	}
	for _, bad := range []string{"b\tx\na\ty\n", "a\n", "a\t\n", "a\tx\na\ty\n"} {
		if _, err := read(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
	e, err := read("bad\tnot there\nfixed\twas wrong\ngone\tno more\n")
	if err != nil {
		t.Fatal(err)
	}
	results := []onnxtest.Result{
		{Case: "good", Verdict: onnxtest.Passed}, {Case: "bad", Verdict: onnxtest.Unsupported, Reason: "another"},
		{Case: "fixed", Verdict: onnxtest.Passed}, {Case: "new", Verdict: onnxtest.Failed, Reason: "off"},
	}
	want := []string{"fixed passes, but is listed in " + file + ": was wrong", "gone is listed in " + file + ", but is no case", "new failed: off"}
	if got := e.Wrong(results); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if err := e.Update(results); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(file); string(text) != "bad\tnot there\nnew\toff\n" {
		t.Errorf("%q", text)
	}
}
