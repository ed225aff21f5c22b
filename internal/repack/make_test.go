package repack

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/internal/quant"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// made is a tensor whose element i is i%5 - 2, in a type such as f16[3, 2].
func made(t *testing.T, name, typ string) Made {
	t.Helper()
	parsed := must(ir.ParseType(typ, func(string) (ir.Size, bool) { return ir.Size{}, false }, nil))(t)
	return Made{name, parsed, func(context.Context) (func(int, []float64), error) {
		return func(at int, x []float64) {
			for i := range x {
				x[i] = float64((at+i)%5 - 2)
			}
		}, nil
	}}
}

func run(t *testing.T, j *Job) *runtime.Weights {
	t.Helper()
	must(j.Run(context.Background(), nil))(t)
	return open(t, j.options.Output)
}

// What is made is in the file as from a file of it, over several chunks, in all dtypes.
func TestMake(t *testing.T) {
	dir := t.TempDir()
	tensors := []Made{made(t, "long", "f32[3, 100000]"), made(t, "empty", "f32[0]"), made(t, "q", "q4g32[5, 64]")}
	dtypes := map[string]runtime.DType{}
	for d := runtime.F64; d <= runtime.Bool; d++ {
		dtypes[d.String()] = d
		tensors = append(tensors, made(t, d.String(), d.String()+"[7]"))
	}
	w := run(t, must(Make(filepath.Join(dir, "a.safetensors"), tensors))(t))
	long := must(w.Tensor("long").Array())(t)
	x := make([]float64, 300000)
	runtime.Floats(runtime.F32, long.Bytes(), x)
	for i, got := range x {
		if got != float64(i%5-2) {
			t.Fatalf("element %d is %v", i, got)
		}
	}
	// -2 -1 0 1 2 -2 -1, in each dtype
	for name, d := range dtypes {
		a := must(w.Tensor(name).Array())(t)
		want := must(runtime.NewArray(d, 7))(t)
		numbers := []float64{-2, -1, 0, 1, 2, -2, -1}
		runtime.PutFloats(d, want.Bytes(), numbers)
		if !bytes.Equal(a.Bytes(), want.Bytes()) {
			t.Errorf("%s: % x, want % x", name, a.Bytes(), want.Bytes())
		}
	}
	floats := run(t, must(Make(filepath.Join(dir, "floats.safetensors"), []Made{made(t, "q", "f32[5, 64]")}))(t))
	quantised := run(t, must(Plan("floats", floats, Options{Output: filepath.Join(dir, "q.safetensors"), Quantise: quant.Of(ir.Q4G32), Only: []string{"q"}}))(t))
	for _, name := range quantised.Names() {
		got, want := must(w.Tensor(name).Array())(t), must(quantised.Tensor(name).Array())(t)
		if got.DType() != want.DType() || !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("%s is not what a file of floats becomes", name)
		}
	}
	blocks := run(t, must(Make(filepath.Join(dir, "b.gguf"), []Made{made(t, "q", "q8_0[5, 64]"), made(t, "h", "f16[2]")}))(t))
	if got := blocks.Tensor("q").String() + blocks.Tensor("h").String(); got != "Q8_0[5, 64]f16[2]" {
		t.Error(got)
	}
}

// What cannot be made is one message, and leaves nothing.
func TestMakeRefuses(t *testing.T) {
	dir := t.TempDir()
	failing := made(t, "w", "f32[2]")
	failing.Begin = func(ctx context.Context) (func(int, []float64), error) { return nil, errors.New("no luck") }
	for _, c := range []struct {
		to      string
		tensors []Made
		want    string
	}{
		{"a.safetensors", []Made{made(t, "q", "q8_0[2, 32]")}, `a.safetensors: tensor "q": q8_0 is a format of GGUF: the output is to be .gguf`},
		{"a.gguf", []Made{made(t, "q", "q4g32[2, 32]")}, `a.gguf: tensor "q": q4g32 is a format of MLX: the output is to be .safetensors`},
		{"a.gguf", []Made{made(t, "q", "q4_k[2, 256]")}, "q4_k is read, but not made"},
		{"a.gguf", []Made{made(t, "b", "bool[2]")}, `a.gguf: tensor "b": GGUF has no bool`},
		{"a.safetensors", []Made{made(t, "first", "f32[2]"), failing}, "no luck"},
	} {
		j, err := Make(filepath.Join(dir, c.to), c.tensors)
		if err == nil {
			_, err = j.Run(context.Background(), nil)
		}
		if err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	if left := must(os.ReadDir(dir))(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
