package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTest(t *testing.T) {
	if testing.Short() {
		t.Skip("builds models")
	}
	code, out, errs := mlxcRun(t, "test", "../../testdata/decoder/decoder.mlx", "--dim", "B=1", "--dim", "S=16")
	if code != exitOK || !strings.HasSuffix(out, "2 passed, 0 failed, 0 skipped\n") {
		t.Errorf("exit %d, %s, %s", code, out, errs)
	}
	code, out, errs = mlxcRun(t, "test", digits, "--device", "reference,cpu")
	if want := "ok    " + digits + ": PyTorch's probabilities of ten samples\n1 passed, 0 failed, 0 skipped\n"; code != exitOK || out != want {
		t.Errorf("exit %d, %s, %s", code, out, errs)
	}
	code, out, errs = mlxcRun(t, "test", "../../testdata/fft/fft.mlx", "--device", "reference,cpu")
	if code != exitOK || !strings.HasSuffix(out, "1 passed, 0 failed, 0 skipped\n") {
		t.Errorf("exit %d, %s, %s", code, out, errs)
	}
	code, out, errs = mlxcRun(t, "test", "../../testdata/models/kernels.mlx", "--device", "reference,cpu")
	if code != exitOK || !strings.HasSuffix(out, "2 passed, 0 failed, 0 skipped\n") {
		t.Errorf("exit %d, %s, %s", code, out, errs)
	}
}

// The clause of the checkpoint's format gives names, and turns queries and keys: both
// checkpoints are the same layers of a Llama (scripts/oracles/gguf_names.py).
func TestWeightsClauses(t *testing.T) {
	const model = "../../testdata/weights/attention.mlx"
	for _, weights := range []string{"../../testdata/weights/model.gguf", "../../testdata/weights/model.safetensors", ""} {
		code, out, errs := mlxcRun(t, "test", model, "--device", "reference", "--weights", weights)
		if code != exitOK || !strings.HasSuffix(out, "1 passed, 0 failed, 0 skipped\n") {
			t.Errorf("%s: exit %d, %s, %s", weights, code, out, errs)
		}
	}
	code, out, errs := mlxcRun(t, "weights", "../../testdata/weights/model.gguf", model)
	if code != exitOK || !strings.HasSuffix(out, "10 ok\n") {
		t.Errorf("exit %d, %s, %s", code, out, errs)
	}
}

// What fails says by how much and where; what lacks its files is skipped.
func TestTestFailures(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	const model = `param w: f32[2]
weights "gone.safetensors"
fn twice(x: E[...S]) -> E[...S] { return 2 * x }
test "far" {
  x = array([[1, 2], [3, 4]], f32)
  assert close(twice(x), x + 1, rtol=0.5), "twice is no increment"
  assert close(twice(x), twice(x))
}
test "false" {
  x = array([[1, 2], [3, 4]], f32)
  assert all(x < 3)
  assert any(x > 4)
}
test "not a number" {
  x = array([0, -1], f32)
  assert close(sqrt(x), x, atol=1000.0)
  assert close(1 / x, log(x - x) * -1 + x)
}
test "fine" { assert close(twice(array([1, 1], i32)), 2) }
test "no arrays" uses "gone.npz" as g { assert close(twice(g.x), g.y) }
test "no weights" { assert close(twice(w), w + w) }
`
	if err := os.WriteFile("m.mlx", []byte(model), 0o666); err != nil {
		t.Fatal(err)
	}
	code, out, errs := mlxcRun(t, "test", "m.mlx", "--device", "reference")
	const want = `FAIL  m.mlx: far, on reference
m.mlx:6:10: error: twice is no increment: largest difference 3 at [1, 1]; 1 of 4 elements are not close
   6 |   assert close(twice(x), x + 1, rtol=0.5), "twice is no increment"
     |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     | got     8
     | want    5
     | allowed rtol 0.5, atol 1e-05
FAIL  m.mlx: false, on reference
m.mlx:11:10: error: ` + "`all(x < 3)`" + ` does not hold at [1, 0]; 2 of 4 elements are false
  11 |   assert all(x < 3)
     |          ^^^^^^^^^^
m.mlx:12:10: error: ` + "`any(x > 4)`" + ` does not hold
  12 |   assert any(x > 4)
     |          ^^^^^^^^^^
FAIL  m.mlx: not a number, on reference
m.mlx:16:10: error: largest difference +Inf at [1]; 1 of 2 elements are not close
  16 |   assert close(sqrt(x), x, atol=1000.0)
     |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     | got     NaN
     | want    -1
     | allowed rtol 1.3e-06, atol 1e+03
m.mlx:17:10: error: largest difference +Inf at [1]; 1 of 2 elements are not close
  17 |   assert close(1 / x, log(x - x) * -1 + x)
     |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     | got     -1
     | want    +Inf
     | allowed rtol 1.3e-06, atol 1e-05
ok    m.mlx: fine
skip  m.mlx: no arrays: gone.npz: no such file or directory
skip  m.mlx: no weights: gone.safetensors: no such file or directory
1 passed, 3 failed, 2 skipped
`
	if d := cmp.Diff(want, out); d != "" || code != exitWrong || errs != "" {
		t.Errorf("exit %d, %s\n%s", code, errs, d)
	}
	for args, want := range map[string]string{
		"test":                            "test wants models",
		"test m.mlxir":                    "tests are part of a file .mlx",
		"test m.mlx --device cpu,tpu":     `there is no device "tpu"`,
		"test m.mlx --dim B=x":            `--dim B is "x", not an integer`,
		"test m.mlx --dim B=1":            "the model has no dim `B`",
		"test m.mlx --set a":              "--set wants key=value",
		"test m.mlx --weights " + dir:     dir + ": not a regular file",
		"test " + filepath.Join(dir, "n"): "tests are part of a file .mlx",
	} {
		args := append(strings.Fields(args), "--device", "reference")
		if _, out, errs := mlxcRun(t, args...); !strings.Contains(out+errs, want) {
			t.Errorf("%s: %s%s, want %s", args, out, errs, want)
		}
	}
}
