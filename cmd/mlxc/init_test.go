package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What init writes is what the model loads and runs with; the same seed gives the same bytes.
func TestInit(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, args ...string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		code, out, stderr := mlxcRun(t, append(args, "-o", path)...)
		if code != exitOK || !strings.HasPrefix(out, path+": 20 tensors, 115 KiB, seed ") {
			t.Fatalf("exit %d\n%s%s", code, out, stderr)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := file("a.safetensors", "init", digits)
	if again := file("b.safetensors", "init", digits, "--seed", "0"); again != first {
		t.Error("the same seed gives other bytes")
	}
	if other := file("c.safetensors", "init", digits, "--seed", "18446744073709551615"); other == first {
		t.Error("another seed gives the same bytes")
	}
	path := filepath.Join(dir, "a.safetensors")
	if code, out, stderr := mlxcRun(t, "weights", path, digits); code != exitOK || !strings.HasSuffix(out, "20 tensors, 115 KiB, 20 ok\n") {
		t.Errorf("exit %d\n%s%s", code, out, stderr)
	}
	if code, out, stderr := mlxcRun(t, "run", digits, "--device", "reference", "--weights", path, "--in", "image=../../testdata/digits/seven.png"); code != exitOK || !strings.Contains(out, "probs") {
		t.Errorf("exit %d\n%s%s", code, out, stderr)
	}
}

// The names are those of the weights clause for the file, and quantised params are made as such.
func TestInitQuantised(t *testing.T) {
	model := write(t, "m.mlx", `import nn
config { W: dtype = f32 }
fc = nn.Linear(64, 4, W=W)
entry f(x: f32[1, 64]) -> (y: f32[1, 4]) { return fc(x) }
weights "m.safetensors"
weights gguf "m.gguf" { "fc.weight" -> "blk.weight" }
`)
	for set, want := range map[string]string{
		"m.safetensors W=f32":   "fc.weight f32 [4, 64] 1024 ok",
		"m.safetensors W=q4g64": "fc.weight u32 [4, 8] 128 ok",
		"m.gguf W=q8_0":         "blk.weight Q8_0 [4, 64] 272 ok",
	} {
		name, set, _ := strings.Cut(set, " ")
		path := filepath.Join(t.TempDir(), name)
		if code, out, stderr := mlxcRun(t, "init", model, "--set", set, "-o", path); code != exitOK {
			t.Fatalf("exit %d\n%s%s", code, out, stderr)
		}
		if code, out, stderr := mlxcRun(t, "weights", path, model, "--set", set); code != exitOK || !strings.Contains(unspaced(out), want) {
			t.Errorf("%s: exit %d\n%s%s", set, code, out, stderr)
		}
	}
}

func TestInitRefuses(t *testing.T) {
	dir := t.TempDir()
	without := write(t, "w.mlx", "param a: f32[2]\nparam b: f32[2] = 0\nentry f(x: f32) -> (y: f32) { return x + sum(a + b) }\n")
	none := write(t, "n.mlx", "entry f(x: f32) -> (x: f32) { return x }\n")
	o := filepath.Join(dir, "o.safetensors")
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"init", exitUsage, "init wants one model, got 0 arguments"},
		{"init " + digits, exitUsage, "-o names no file to write"},
		{"init " + digits + " -o o.npz", exitUsage, "o.npz: a checkpoint is written as .safetensors or .gguf"},
		{"init " + digits + " --seed -1 -o " + o, exitUsage, "--seed"},
		{"init m.onnx -o " + o, exitUsage, "m.onnx: a model of ONNX has its weights"},
		{"init nowhere.mlx -o " + o, exitWrong, "nowhere.mlx: no such file"},
		{"init " + none + " -o " + o, exitWrong, "n.mlx has no parameters"},
		{"init " + without + " -o " + o, exitWrong, "error: these parameters have no init, such as `= init.normal(0.02)` or `= 0`:\n  " + without + ":1:7: a f32[2]\n"},
		{"init " + digits + " -o " + dir + "/nowhere/o.gguf", exitWrong, "no such file or directory"},
	} {
		code, _, stderr := mlxcRun(t, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("mlxc %s: exit %d, want %d\n%s\nwant %s", c.args, code, c.code, stderr, c.want)
		}
	}
	there := write(t, "there.safetensors", "trained")
	if code, _, stderr := mlxcRun(t, "init", digits, "-o", there); code != exitWrong || !strings.Contains(stderr, there+" is there") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	if text, err := os.ReadFile(there); err != nil || string(text) != "trained" {
		t.Errorf("%q, %v", text, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// The page and the table of the commands name the command as it is.
func TestInitIsDocumented(t *testing.T) {
	for file, want := range map[string]string{
		"../../docs/language.md": "mlxc init model.mlx --seed 1 -o model.safetensors",
		"../../README.md":        "| `init MODEL -o FILE` |",
	} {
		text, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(text, []byte(want)) {
			t.Errorf("%s lacks %q: %v", file, want, err)
		}
	}
}
