package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fake stands for the interpreter: it has one peer, for which a second passes.
const fake = `#!/bin/sh
read line
echo '{"peers": {"softmax": ["turtle"], "conv1x1": ["broken"]}, "versions": {"torch": "9"}}'
while read line; do
  case "$line" in
  *turtle*) echo '{"seconds": 1}' ;;
  *) echo '{"error": "no"}' ;;
  esac
done
`

// Each case has a row for each number of threads, in which the peer is slower by what
// both took; a case that does not compile, or a peer that fails, says why.
func TestTable(t *testing.T) {
	goCache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOCACHE", strings.TrimSpace(string(goCache)))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	for name, text := range map[string]string{
		"python":      fake,
		"softmax.mlx": "entry run(x: f32[8, 16]) -> (y: f32[8, 16]) { return x + 1 }\n",
		"conv1x1.mlx": "entry run(x: f32[8, 16]) -> (y: f32[8, 16]) { return x + 1 }\n",
		"conv3x3.mlx": "entry run(x: f32[8, 16]) -> (y: f32[8, 16]) { return y }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	all, err := chosen(dir, "softmax|conv")
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), &out, filepath.Join(dir, "python"), all, 2, "1,2"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`torch 9, onnxruntime ; medians of 2 rounds`,
		`(?m)^softmax +1 +\S+ [nµ]s .* turtle \d{4,}\.\d\d ±\d+%$`,
		`(?m)^ +2 +\S+ [nµ]s .* turtle \d{4,}\.\d\d ±\d+%$`,
		`(?m)^conv3x3 +.*conv3x3.mlx:1:\d+: error`,
		`(?m)^conv1x1 +broken: no$`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "sgemm") {
		t.Errorf("a case that was not asked for:\n%s", out.String())
	}
	for _, threads := range []string{"0", "x"} {
		if err := run(t.Context(), &out, "python", all, 1, threads); err == nil {
			t.Errorf("%s threads are no error", threads)
		}
	}
}

func TestONNXFiles(t *testing.T) {
	all, err := onnxFiles([]string{"a/ddpm.onnx", "N=4", "vad.onnx", "batch=1", "sr=16000"})
	if err != nil || len(all) != 2 || all[0].name != "ddpm" || all[1].name != "vad" {
		t.Fatalf("got %v, %v", all, err)
	}
	if sizes := all[1].ask["sizes"].(map[string]int64); len(sizes) != 2 || sizes["sr"] != 16000 {
		t.Errorf("got %v", sizes)
	}
	for _, args := range [][]string{{"N=4"}, {"a.onnx", "N=x"}, {"a.mlx"}} {
		if _, err := onnxFiles(args); err == nil {
			t.Errorf("%v are no error", args)
		}
	}
}
