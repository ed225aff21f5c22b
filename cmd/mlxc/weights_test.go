package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/runtime"
)

// unspaced is a table with one space between columns.
func unspaced(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

const quantised = "../../runtime/testdata/gguf/quantised.gguf"

func TestWeightsList(t *testing.T) {
	code, out, stderr := mlxcRun(t, "weights", quantised)
	want := "IQ4_XS IQ4_XS [2, 256] 272\nQ4_0 Q4_0 [2, 256] 288\nQ4_K Q4_K [2, 256] 288\nQ6_K Q6_K [2, 256] 420\nQ8_0 Q8_0 [2, 256] 544\nnorm f32 [4] 16\n6 tensors, 1.8 KiB"
	if code != exitOK || unspaced(out) != want {
		t.Errorf("exit %d\n%s%s", code, out, stderr)
	}
}

// comparison is a model, and a checkpoint that has something of every kind.
func comparison(t *testing.T) (file, model string) {
	model = write(t, "m.mlx", `param ok: f32[2]
param half: f32[2]
param there: f32[2]
param shape: f32[3]
param kind: f32[2]
param init: f32[2] = 0.5
entry f(x: f32[2]) -> (y: f32[2]) { return x * ok + half + there + shape[:2] + kind + init }
`)
	file = filepath.Join(t.TempDir(), "w.npz")
	var names []string
	var arrays []*runtime.Array
	for _, c := range []struct {
		name  string
		dtype runtime.DType
	}{{"ok", runtime.F32}, {"half", runtime.F16}, {"shape", runtime.F32}, {"kind", runtime.I32}, {"more", runtime.I8}} {
		a, err := runtime.NewArray(c.dtype, 2)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		names, arrays = append(names, c.name), append(arrays, a)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(runtime.WriteNPZ(f, names, arrays), f.Close()); err != nil {
		t.Fatal(err)
	}
	return file, model
}

func TestWeightsCompare(t *testing.T) {
	file, model := comparison(t)
	code, out, stderr := mlxcRun(t, "weights", file, model)
	want := `half f16 [2] 4 converted to f32
init f32 [2] 0 filled with 0.5
kind i32 [2] 8 wrong i32[2], want f32[2]
more i8 [2] 2 extra
ok f32 [2] 8 ok
shape f32 [2] 8 wrong f32[2], want f32[3]
there f32 [2] 0 missing
5 tensors, 30 B, 1 ok, 1 converted, 1 filled, 1 extra, 1 missing, 2 wrong`
	if code != exitWrong || unspaced(out) != want || !strings.Contains(stderr, "m.mlx would not load from "+file+": 1 missing, 2 wrong") {
		t.Errorf("exit %d\n%s%s", code, out, stderr)
	}
	code, out, _ = mlxcRun(t, "weights", file, model, "--json")
	var list weightList
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != exitWrong || len(list.Tensors) != 7 || list.Count != 5 || list.Bytes != 30 || list.Tensors[6].Status != weightMissing {
		t.Errorf("exit %d, %v\n%s", code, err, out)
	}
	if code, out, stderr := mlxcRun(t, "weights", "../../testdata/digits/digits.safetensors", digits); code != exitOK || !strings.HasSuffix(out, "20 tensors, 115 KiB, 20 ok\n") {
		t.Errorf("exit %d\n%s%s", code, out, stderr)
	}
}

// What is said agrees with what Load does of a quantised param, and of a file of another model.
func TestWeightsThatDoNotLoad(t *testing.T) {
	for text, want := range map[string]string{
		"param Q4_K: f32[2, 256]\nentry f(x: f32[256]) -> (y: f32[2, 256]) { return x * Q4_K }\n": "would not load from " + quantised + ": 0 missing, 1 wrong",
		"param w: f32 = 0\nentry f(x: f32[2]) -> (y: f32[2]) { return x * w }\n":                  "which has none of its tensors",
	} {
		code, out, stderr := mlxcRun(t, "weights", quantised, write(t, "m.mlx", text))
		if code != exitWrong || !strings.Contains(stderr, want) {
			t.Errorf("exit %d, want %q\n%s%s", code, want, out, stderr)
		}
	}
}

// A packed file has other tensors than the model's.
func TestWeightsPacked(t *testing.T) {
	header := `{"__metadata__":{"mlxc.pack":"k"}}`
	packed := write(t, "p.safetensors", string(binary.LittleEndian.AppendUint64(nil, uint64(len(header))))+header)
	if code, out, stderr := mlxcRun(t, "weights", packed); code != exitOK || out != "0 tensors, 0 B\n" {
		t.Errorf("exit %d\n%s%s", code, out, stderr)
	}
	if code, _, stderr := mlxcRun(t, "weights", packed, digits); code != exitWrong || !strings.Contains(stderr, "p.safetensors is packed") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
}

// A pattern in the weights clause is the one file that it matches.
func TestWeightsPattern(t *testing.T) {
	text, err := os.ReadFile("../../runtime/testdata/gguf/aligned.gguf")
	if err != nil {
		t.Fatal(err)
	}
	model := write(t, "m.mlx", "param a: f32[3]\nentry f(x: f32[3]) -> (y: f32[3]) { return x + a }\nweights gguf \"*.gguf\"\n")
	if err := os.WriteFile(filepath.Join(filepath.Dir(model), "one.gguf"), text, 0o666); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := mlxcRun(t, "run", model, "--device", "reference", "--in", "x=[1,1,1]")
	if code != exitOK || !strings.Contains(out, "1.0000 2.0000 3.0000") {
		t.Errorf("exit %d\n%s%s", code, out, stderr)
	}
}
