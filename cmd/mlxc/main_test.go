package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc/internal/explain"
	"github.com/mlxc/mlxc/ir"
)

const digits = "../../testdata/digits/digits.mlx"

// cache is run with inputs, but for the size that it is given.
const cache = "../../testdata/cache/cache.mlx --device reference --in cache=[[1,1],[2,2],[3,3],[4,4]] --in rows=[[7,8]]"

func mlxcRun(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMessagesAndExitCodes(t *testing.T) {
	bad := write(t, "bad.mlx", "entry f(x: f32[4]) -> (y: f32[4]) { return rellu(x) }\n")
	double := write(t, "double.mlx", "entry f(x: f64[4]) -> (y: f64[4]) {\n  return exp(x)\n}\n")
	unused := write(t, "unused.mlx", "entry f(x: f32[1]) -> (z: f32[1]) {\n  y = x\n  return exp(x)\n}\n")
	wide := filepath.Join(t.TempDir(), "wide.png")
	f, err := os.Create(wide)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, image.NewGray(image.Rect(0, 0, 30, 28))); err != nil {
		t.Fatal(err)
	}
	f.Close()
	noPicture := write(t, "no.png", "hello")
	shortJSON := write(t, "ragged.json", "[[1, 2], [3]]")
	seven := "image=../../testdata/digits/seven.png"
	for _, c := range []struct {
		args string
		code int
		want string // of stderr
	}{
		{"", exitOK, ""},
		{"frobnicate", exitUsage, `unknown command "frobnicate"`},
		{"check", exitUsage, `check wants one model, got 0 arguments`},
		{"check --nonsense x", exitUsage, `unknown flag: --nonsense`},
		{"check nowhere.mlx", exitWrong, `nowhere.mlx: no such file`},
		{"check README.md", exitWrong, `README.md: a model is a file .mlx, .mlxir or .onnx`},
		{"check " + bad, exitWrong, `bad.mlx:1:\d+: error: .*rellu`},
		{"check " + digits, exitOK, `ok, 1 entry, 20 parameters, 1 test`},
		{"check " + unused, exitOK, `unused.mlx:2:3: warning: .y. is assigned and never read\n   2 |   y = x(?s:.*)ok, 1 entry`},
		{"run " + unused + " --device reference --in x=[1]", exitOK, `unused.mlx:2:3: warning: .y. is assigned and never read`},
		{"compile " + unused + " -o x", exitWrong, `unused.mlx:2:3: error: .y. is assigned and never read`},
		{"check " + digits + " --set x", exitUsage, `--set wants key=value`},
		{"compile " + digits, exitUsage, `compile needs -o DIR`},
		{"compile " + digits + " -o x --package 3d", exitWrong, `"3d" is no name for a Go package`},
		{"compile " + double + " -o x", exitWrong, `double.mlx:2:10: error: exp: the GPU has no f64, and x is f64\[4\]`},
		{"compile " + digits + " -o x --target tpu", exitUsage, `there is no target "tpu"; the targets are metal and cpu`},
		{"compile " + digits + " -o x --target cpu,cpu", exitUsage, `target cpu is named twice`},
		{"ir " + digits + " --after fuze", exitWrong, `there is no pass "fuze"; the passes are simplify`},
		{"ir " + digits + " --entry reed", exitWrong, `has no entry "reed", it has read; did you mean read`},
		{"ops convv", exitWrong, `there is no op "convv"; did you mean conv`},
		{"run " + digits, exitUsage, `entry read needs --in image=FILE, f32\[B, 28, 28, 1\]`},
		{"run " + digits + " --in picture=x.png", exitWrong, `has no input "picture", it has image`},
		{"run " + cache, exitUsage, `entry step needs --dim pos=N, 0 to 16`},
		{"run " + cache + " --dim pos=x", exitUsage, `--dim pos is "x", not an integer`},
		{"run " + cache + " --dim pos=1 --dim at=1", exitUsage, `entry step is not given a size "at"`},
		{"run " + cache + " --dim pos=4", exitWrong, `T \+ pos <= S does not hold`},
		{"run " + digits + " --in image", exitUsage, `--in wants NAME=VALUE`},
		{"run " + digits + " --in image=nowhere.png", exitWrong, `nowhere.png: no such file`},
		{"run " + digits + " --in image=" + noPicture, exitWrong, `no.png: cannot read the picture`},
		{"run " + digits + " --in image=" + wide, exitWrong, `wide.png: the picture is 30x28, want f32\[B, 28, 28, 1\]; nothing is resized`},
		{"run " + digits + " --in image=" + shortJSON, exitWrong, `ragged.json: lists of different lengths`},
		{"run " + digits + " --in image=[1,2]", exitWrong, `image is f32\[2\], want f32\[B, 28, 28, 1\]`},
		{"run " + digits + " --device tpu --in " + seven, exitUsage, `there is no device "tpu"`},
		{"run " + digits + " --device metal --in " + seven, exitDevice, `metal`},
		{"test ../../testdata/models/kernels.mlx --device metal", exitDevice, `metal: `},
		{"run " + digits + " --threads -1 --in " + seven, exitUsage, `--threads is -1`},
		{"run " + digits + " --weights nowhere.safetensors --in " + seven, exitWrong, `nowhere.safetensors: no such file`},
		{"run " + digits + " --weights " + noPicture + " --in " + seven, exitWrong, `no.png: `},
		{"run " + digits + " --out prob=p.npy --in " + seven, exitWrong, `has no result "prob", it has label, probs`},
		{"run " + digits + " --out probs=p.txt --in " + seven, exitWrong, `p.txt: results are written as .npy, .npz, .png or .wav`},
		{"explain " + digits + " --dim B", exitUsage, `--dim wants NAME=SIZE, got "B"`},
		{"explain " + digits + " --dim T=1", exitWrong, `has no dim "T", it has B`},
		{"explain " + digits + " --dim B=300", exitWrong, `--dim B=300: B lies in 0..256`},
		{"explain " + digits + " --entry reed", exitWrong, `has no entry "reed", it has read; did you mean read`},
		{"explain " + digits + " --target tpu", exitUsage, `there is no target "tpu"`},
		{"explain " + digits + " --peak -1", exitUsage, `--peak and --bandwidth are more than 0`},
		{"explain " + digits + " --json --html x.html", exitUsage, `--html and --json exclude each other`},
		{"explain " + double + " --target metal", exitWrong, `double.mlx:2:10: error: exp: the GPU has no f64`},
		{"bench " + digits + " --dim B=300", exitWrong, `--dim B=300: B lies in 0..256`},
		{"bench " + digits + " --format csv", exitUsage, `there is no format "csv"; the formats are text and benchstat`},
		{"bench " + digits + " --count 0", exitUsage, `--count and --threads are 1 or more`},
		{"bench " + digits + " --threads 0", exitUsage, `--count and --threads are 1 or more`},
		{"bench " + digits + " --device tpu", exitUsage, `there is no device "tpu"; the devices are auto, cpu and metal`},
		{"bench " + digits + " --device cpu --count 1 --weights nowhere.safetensors", exitWrong, `nowhere.safetensors: no such file`},
		{"opt " + bad + " --passes simplify", exitWrong, `bad.mlx:1:1: error: unexpected`},
		{"weights", exitUsage, `weights wants a checkpoint and maybe a model, got 0 arguments`},
		{"weights nowhere.gguf", exitWrong, `nowhere.gguf: no such file`},
		{"weights " + noPicture, exitWrong, `no.png: `},
		{"weights ../../testdata/digits/digits.safetensors nowhere.mlx", exitWrong, `nowhere.mlx: no such file`},
		{"version", exitOK, ""},
	} {
		code, _, stderr := mlxcRun(t, strings.Fields(c.args)...)
		if code != c.code || !regexp.MustCompile(c.want).MatchString(stderr) {
			t.Errorf("mlxc %s: exit %d, want %d; stderr %q, want %q", c.args, code, c.code, stderr, c.want)
		}
	}
}

// The three ways of running agree, and a result that is written can be read.
func TestRun(t *testing.T) {
	goCache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOCACHE", strings.TrimSpace(string(goCache)))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	args := []string{"run", digits, "--in", "image=../../testdata/digits/seven.png"}
	code, built, stderr := mlxcRun(t, args...)
	if code != exitOK || !regexp.MustCompile(`(?m)^label +i32\[1\] +7$`).MatchString(built) {
		t.Fatalf("exit %d\n%s%s", code, built, stderr)
	}
	if code, again, _ := mlxcRun(t, args...); code != exitOK || again != built {
		t.Errorf("the second run: exit %d\n%s", code, again)
	}
	if code, one, _ := mlxcRun(t, append(args, "--threads", "1")...); code != exitOK || one != built {
		t.Errorf("one thread: exit %d\n%s", code, one)
	}
	if code, reference, stderr := mlxcRun(t, append(args, "--device", "reference")...); code != exitOK || reference != built {
		t.Errorf("the reference: exit %d\n%s%s", code, reference, stderr)
	}
	dir := t.TempDir()
	for _, ext := range []string{".npy", ".npz"} {
		file := filepath.Join(dir, "probs"+ext)
		if code, out, stderr := mlxcRun(t, append(args, "--out", "probs="+file)...); code != exitOK || strings.Contains(out, "probs") {
			t.Fatalf("%s: exit %d\n%s%s", ext, code, out, stderr)
		}
		if a, err := readArray(pair{"probs", file}); err != nil || a.String() != "f32[1, 10]" {
			t.Errorf("%s: %v, %v", ext, a, err)
		}
	}
	packed := filepath.Join(dir, "packed.safetensors")
	if code, out, stderr := mlxcRun(t, "pack", digits, "-o", packed); code != exitOK || !strings.HasPrefix(out, packed+": 130 KiB for cpu") {
		t.Fatalf("pack: exit %d\n%s%s", code, out, stderr)
	}
	if code, out, stderr := mlxcRun(t, append(args, "--weights", packed)...); code != exitOK || out != built {
		t.Errorf("packed: exit %d\n%s%s", code, out, stderr)
	}
	if code, _, stderr := mlxcRun(t, "pack", digits, "--weights", packed, "-o", packed); code != exitWrong || !strings.Contains(stderr, "is packed already") {
		t.Errorf("a packed file is packed: exit %d\n%s", code, stderr)
	}
}

func TestCompileLeavesOtherFilesAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "reader")
	if code, out, stderr := mlxcRun(t, "compile", digits, "-o", dir, "--dump", filepath.Join(filepath.Dir(dir), "dump")); code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, out, stderr)
	}
	model, err := os.ReadFile(filepath.Join(dir, "model.go"))
	if err != nil || !strings.Contains(string(model), "package reader") {
		t.Fatalf("model.go: %v", err)
	}
	own := filepath.Join(dir, "own.go")
	if err := os.WriteFile(own, []byte("package reader\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := mlxcRun(t, "compile", digits, "-o", dir); code != exitOK {
		t.Fatalf("again: exit %d %s", code, stderr)
	}
	if _, err := os.Stat(own); err != nil {
		t.Error(err)
	}
	taken := filepath.Join(dir, "kernels.go")
	if err := os.WriteFile(taken, []byte("package reader // mine\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := mlxcRun(t, "compile", digits, "-o", dir)
	if text, _ := os.ReadFile(taken); code != exitWrong || !strings.Contains(stderr, "not written by mlxc") || string(text) != "package reader // mine\n" {
		t.Errorf("exit %d, %s, kernels.go holds %q", code, stderr, text)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".mlxc-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestIRIsReadBack(t *testing.T) {
	code, text, stderr := mlxcRun(t, "ir", digits, "--after", "plan")
	if code != exitOK {
		t.Fatalf("exit %d %s", code, stderr)
	}
	file := write(t, "digits.mlxir", text)
	if code, again, stderr := mlxcRun(t, "ir", file); code != exitOK || again != text {
		t.Errorf("exit %d %s", code, stderr)
	}
}

// A graph has an edge into each value from each of its operands, and after lower one
// into each launch.
func TestDot(t *testing.T) {
	for _, c := range []struct{ after, want string }{
		{"", `f0_0 \[label="image\\nf32\[B, 28, 28, 1\]", shape=ellipse\]`},
		{"plan", `\[label="0 read_`},
	} {
		file := filepath.Join(t.TempDir(), "digits.dot")
		if code, out, stderr := mlxcRun(t, "ir", digits, "--after", c.after, "--dot", file); code != exitOK || out != "" {
			t.Fatalf("exit %d\n%s%s", code, out, stderr)
		}
		text, err := os.ReadFile(file)
		if err != nil || !regexp.MustCompile(c.want).Match(text) {
			t.Errorf("%v\n%s", err, text)
		}
		nodes, edges := map[string]bool{}, 0
		for _, n := range regexp.MustCompile(`(?m)^    (\w+) \[`).FindAllSubmatch(text, -1) {
			nodes[string(n[1])] = true
		}
		for _, e := range regexp.MustCompile(`(?m)^    (\w*) -> (\w*)`).FindAllSubmatch(text, -1) {
			if edges++; !nodes[string(e[1])] || !nodes[string(e[2])] {
				t.Errorf("%s has no nodes", e[0])
			}
		}
		if edges < len(nodes)-1 {
			t.Errorf("%d edges between %d nodes", edges, len(nodes))
		}
	}
	if code, out, _ := mlxcRun(t, "ir", digits, "--dot", "-"); code != exitOK || !strings.HasPrefix(out, `digraph "digits" {`) {
		t.Errorf("exit %d\n%s", code, out)
	}
}

// The machine's figures come from the flags, and the JSON is what the text is.
func TestExplain(t *testing.T) {
	args := []string{"explain", digits, "--dim", "B=2", "--target", "cpu,metal", "--peak", "1", "--bandwidth", "1000"}
	code, text, stderr := mlxcRun(t, args...)
	if code != exitOK || !strings.Contains(text, "digits: entry read on metal, at B = 2") || !strings.Contains(text, "with 1.00 GFLOP/s and 1.00 TB/s") {
		t.Errorf("exit %d\n%s%s", code, text, stderr)
	}
	code, text, stderr = mlxcRun(t, append(args, "--json")...)
	var e explain.Explanation
	if err := json.Unmarshal([]byte(text), &e); code != exitOK || err != nil {
		t.Fatalf("exit %d, %v\n%s", code, err, stderr)
	}
	if len(e.Plans) != 2 || e.Plans[1].Target != "metal" || e.Plans[0].Dims[0].Value != 2 || e.Plans[0].Machine.FLOPs != 1e9 || e.Plans[0].Launches[0].Bound != "compute" {
		t.Errorf("%s", text)
	}
}

func TestOps(t *testing.T) {
	if code, out, _ := mlxcRun(t, "ops"); code != exitOK || !strings.Contains(out, "conv(x, w)") {
		t.Errorf("exit %d\n%s", code, out)
	}
	if code, out, _ := mlxcRun(t, "ops", "matmul"); code != exitOK || !strings.Contains(out, "matmul/inner") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

// Of many points of a plan the first, the worst and the last are shown.
func TestTellingPoints(t *testing.T) {
	points := make([]ir.PlanPoint, 9)
	for i := range points {
		points[i] = ir.PlanPoint{Dims: []int64{int64(9 - i)}, Arena: 100, Live: 100}
	}
	points[6].Arena = 101
	if got := tellingPoints(points); len(got) != 3 || got[0].Dims[0] != 9 || got[1].Dims[0] != 3 || got[2].Dims[0] != 1 {
		t.Errorf("%v", got)
	}
	if got := tellingPoints(points[:manyPoints]); len(got) != manyPoints {
		t.Errorf("%v", got)
	}
}

func TestInterrupted(t *testing.T) {
	var out strings.Builder
	if code := report(&cobra.Command{}, fmt.Errorf("pack: %w", context.Canceled), &out); code != exitWrong || out.String() != "mlxc: interrupted\n" {
		t.Errorf("exit code %d, message %q", code, &out)
	}
}
