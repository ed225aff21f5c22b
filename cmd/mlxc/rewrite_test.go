package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/internal/repack"
	"github.com/mlxc/mlxc/runtime"
)

// floatsFile is a checkpoint with a matrix fc.weight of so many rows of 256 and a bias.
func floatsFile(t *testing.T, rows int) string {
	t.Helper()
	x := make([]float32, rows*256)
	for i := range x {
		x[i] = float32(i*i%509)/256 - 1
	}
	matrix, err := runtime.From(x, rows, 256)
	if err != nil {
		t.Fatal(err)
	}
	bias, err := runtime.From(make([]float32, rows), rows)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "floats.npz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(runtime.WriteNPZ(f, []string{"fc.weight", "fc.bias"}, []*runtime.Array{matrix, bias}), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPackCheckpoint(t *testing.T) {
	from, dir := floatsFile(t, 4), t.TempDir()
	out := filepath.Join(dir, "o.safetensors")
	code, stdout, stderr := mlxcRun(t, "pack", from, "-o", out, "--quantise", "q4g64", "--cast", "f16")
	want := `tensor shape from bytes to bytes max error RMS error
fc.bias [4] f32 16 f16 8 0 0 no matrix
fc.weight [4, 256] f32 4096 q4g64 576 0.119 0.0641
` + out + ": 2 tensors, 584 B of 4.0 KiB"
	if code != exitOK || unspaced(stdout) != want {
		t.Errorf("exit %d\n%s%s", code, unspaced(stdout), stderr)
	}
	code, stdout, stderr = mlxcRun(t, "pack", out, "-o", filepath.Join(dir, "m.safetensors"), "--shard", "0.6kB", "--json")
	var report repack.Report
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != exitOK || len(report.Files) != 1 || len(report.Tensors) != 4 || report.To != 584 {
		t.Errorf("exit %d, %v\n%s%s", code, err, stdout, stderr)
	}
	if _, stdout, stderr = mlxcRun(t, "pack", out, "-o", filepath.Join(dir, "m.safetensors"), "--shard", "520"); !strings.HasSuffix(stdout, "m.safetensors: 4 tensors in 2 shards, 584 B of 584 B\n") {
		t.Errorf("%s%s", stdout, stderr)
	}
}

// What is quantised for a model is what it loads, and computes with: as one of floats does
// with the decoded tensors.
func TestPackForModel(t *testing.T) {
	model := write(t, "m.mlx", `import nn
config { W: dtype = f32 }
fc = nn.Linear(256, 4, W=W)
entry f(x: f32[1, 256]) -> (y: f32[1, 4]) { return fc(x) }
`)
	from, dir := floatsFile(t, 4), t.TempDir()
	ones := "x=[[" + strings.Repeat("0.5,", 255) + "1]]"
	for format, ext := range map[string]string{"q8_0": ".gguf", "q4_0": ".gguf", "q4g128": ".safetensors"} {
		set, quantised := "W="+format, filepath.Join(dir, format+ext)
		if code, out, stderr := mlxcRun(t, "weights", from, model, "--set", set); code != exitWrong || !strings.Contains(out, "--for MODEL") || !strings.Contains(stderr, ": 0 missing, 1 wrong") {
			t.Errorf("%s: exit %d\n%s%s", format, code, out, stderr)
		}
		if code, out, stderr := mlxcRun(t, "pack", from, "--for", model, "--set", set, "-o", quantised); code != exitOK {
			t.Fatalf("%s: exit %d\n%s%s", format, code, out, stderr)
		}
		if code, out, stderr := mlxcRun(t, "weights", quantised, model, "--set", set); code != exitOK || !strings.Contains(out, " ok") {
			t.Errorf("%s: exit %d\n%s%s", format, code, out, stderr)
		}
		code, got, stderr := mlxcRun(t, "run", model, "--device", "reference", "--set", set, "--weights", quantised, "--in", ones)
		if code != exitOK {
			t.Fatalf("%s: exit %d\n%s%s", format, code, got, stderr)
		}
		if ext != ".gguf" {
			continue
		}
		decoded := filepath.Join(dir, format+".safetensors")
		if code, out, stderr := mlxcRun(t, "pack", quantised, "--cast", "f32", "-o", decoded); code != exitOK {
			t.Fatalf("%s: exit %d\n%s%s", format, code, out, stderr)
		}
		if code, want, stderr := mlxcRun(t, "run", model, "--device", "reference", "--weights", decoded, "--in", ones); code != exitOK || got != want {
			t.Errorf("%s: exit %d\n%swant\n%s%s", format, code, got, want, stderr)
		}
	}
	if code, _, stderr := mlxcRun(t, "pack", from, "--for", model, "-o", filepath.Join(dir, "o.gguf")); code != exitWrong || !strings.Contains(stderr, "m.mlx has no quantised params") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
}

func TestPackRefuses(t *testing.T) {
	from := floatsFile(t, 1)
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"pack", exitUsage, "pack wants one model or checkpoint, got 0 arguments"},
		{"pack " + from, exitUsage, "-o names no file to write"},
		{"pack " + digits, exitUsage, "-o names no file to write"},
		{"pack " + digits + " -o o.gguf", exitUsage, "o.gguf: a packed file is .safetensors"},
		{"pack " + digits + " -o o.safetensors --quantise q4g64", exitUsage, "--quantise is for a checkpoint, which " + digits + " is not"},
		{"pack " + from + " -o o.safetensors --device cpu", exitUsage, "--device is for a model"},
		{"pack " + from + " -o o.npz", exitUsage, "o.npz: a checkpoint is written as .safetensors or .gguf"},
		{"pack " + from + " -o o.gguf --quantise q5_0", exitUsage, `--quantise: there is no format "q5_0"; the formats are q4g32, q4g64, q4g128, q8g32, q8g64, q8g128, q4_0, q8_0`},
		{"pack " + from + " -o o.gguf --quantise q4_k", exitUsage, `there is no format "q4_k"`},
		{"pack " + from + " -o o.gguf --quantise q4g64", exitWrong, "q4g64 is a format of MLX: the output is to be .safetensors"},
		{"pack " + from + " -o o.safetensors --quantise q8_0", exitWrong, "q8_0 is a format of GGUF: the output is to be .gguf"},
		{"pack " + from + " -o o.safetensors --only *", exitUsage, "--only is of --quantise"},
		{"pack " + from + " -o o.safetensors --quantise q4g64 --for m.mlx", exitUsage, "--quantise and --for exclude each other"},
		{"pack " + from + " -o o.safetensors --set a=1", exitUsage, "--set and --config are of the model of --for"},
		{"pack " + from + " -o o.safetensors --cast i8", exitUsage, `--cast: floats become f32, f16, bf16, not "i8"`},
		{"pack " + from + " -o o.safetensors --shard 0", exitUsage, `--shard wants a size such as 2GB, got "0"`},
		{"pack " + from + " -o o.safetensors --shard 2QB", exitUsage, `--shard wants a size such as 2GB, got "2QB"`},
		{"pack " + from + " -o o.gguf --shard 2GB", exitUsage, "--shard: shards are .safetensors"},
		{"pack " + from + " -o o.safetensors --for nowhere.mlx", exitWrong, "nowhere.mlx: no such file"},
		{"pack nowhere.gguf -o o.gguf", exitWrong, "nowhere.gguf: no such file"},
		{"pack " + from + " -o nowhere/o.gguf", exitWrong, "nowhere/o.gguf: no such file or directory"},
	} {
		code, _, stderr := mlxcRun(t, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("mlxc %s: exit %d, want %d\n%s\nwant %s", c.args, code, c.code, stderr, c.want)
		}
	}
}

// The page shows what the command prints, and all formats that it makes.
func TestPackingPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/packing.md")
	if err != nil {
		t.Fatal(err)
	}
	code, out, stderr := mlxcRun(t, "pack", "../../testdata/digits/digits.safetensors", "--quantise", "q8_0", "-o", filepath.Join(t.TempDir(), "o.gguf"))
	if code != exitOK {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	_, example, _ := strings.Cut(string(page), "with `--quantise q8_0`:\n\n```\n")
	example, _, _ = strings.Cut(example, "```")
	lines := strings.Split(strings.TrimSpace(unspaced(example)), "\n")
	if len(lines) != 3 {
		t.Errorf("the example is %q", lines)
	}
	for _, line := range lines {
		if !strings.Contains(unspaced(out), line+"\n") {
			t.Errorf("it does not print %q but\n%s", line, unspaced(out))
		}
	}
	for _, format := range madeFormats() {
		if !strings.Contains(string(page), "`"+format+"`") {
			t.Errorf("the page lacks %s", format)
		}
	}
}
