package repack

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/internal/quant"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// Each thing that cannot be is one message, and nothing is written.
func TestRefused(t *testing.T) {
	x := make([]float64, 512)
	x[300] = math.NaN()
	nan := array(t, runtime.F32, x, 4, 128)
	x[300] = 1e30
	large := array(t, runtime.F32, x, 4, 128)
	fine := array(t, runtime.F32, make([]float64, 128), 2, 64)
	from := source(t, map[string]*runtime.Array{
		"fine.weight": fine, "nan.weight": nan, "large.weight": large,
		"axes": must(runtime.NewArray(runtime.F32, 1, 1, 1, 1, 1))(t),
	})
	bools := source(t, map[string]*runtime.Array{"b": must(runtime.NewArray(runtime.Bool, 1))(t)})
	wide := source(t, map[string]*runtime.Array{"weight": array(t, runtime.F32, x, 2, 256)})
	whole := source(t, map[string]*runtime.Array{"a.weight": fine})
	twice := source(t, map[string]*runtime.Array{"a.weight": fine, "a.scales": fine})
	long := source(t, map[string]*runtime.Array{strings.Repeat("n", 65): fine})
	odd := source(t, map[string]*runtime.Array{"odd.weight": must(runtime.NewArray(runtime.F32, 2, 63))(t)})
	packed := filepath.Join(t.TempDir(), "packed.safetensors")
	header, _, err := runtime.SafetensorsHeader(nil, map[string]string{"mlxc.pack": "key"}, 8)
	if err := errors.Join(err, os.WriteFile(packed, header, 0o666)); err != nil {
		t.Fatal(err)
	}
	const blocks = "../../runtime/testdata/gguf/quantised.gguf"
	q4, q8 := quant.Of(ir.Q4G64), quant.Of(ir.Q8_0)
	for _, c := range []struct {
		from, to string
		o        Options
		want     string
	}{
		{from, "o.safetensors", Options{Quantise: q4, Only: []string{"nan*"}}, `tensor "nan.weight": element [2, 44] is NaN, which q4g64 does not hold`},
		{from, "o.safetensors", Options{Quantise: q4, Only: []string{"large*"}}, `tensor "large.weight": element [2, 0] begins a group of 64 whose scale is too large for f16`},
		{from, "o.gguf", Options{}, `tensor "axes": 5 axes, GGUF allows 4`},
		{bools, "o.gguf", Options{}, `tensor "b": GGUF has no bool`},
		{wide, "o.gguf", Options{Quantise: q8}, `tensor "weight": element [1, 32] begins a group of 32 whose scale is too large for f16`},
		{from, "o.safetensors", Options{Quantise: q4, Only: []string{"none*"}}, `no tensor matches "none*"`},
		{from, "o.safetensors", Options{Quantise: q4, Only: []string{"[a"}}, `"[a" is no pattern`},
		{odd, "o.safetensors", Options{Quantise: q4}, `no tensor can be q4g64, such as odd.weight: rows of 63 elements, no multiple of 64`},
		{whole, "o.safetensors", Options{Quantise: q8}, `q8_0 is a format of GGUF: the output is to be .gguf`},
		{whole, "o.gguf", Options{Quantise: q4}, `q4g64 is a format of MLX: the output is to be .safetensors`},
		{twice, "o.safetensors", Options{Quantise: q4, Only: []string{"a.weight"}}, `two tensors are called "a.scales"`},
		{long, "o.gguf", Options{}, `GGUF has no names of more than 64 bytes`},
		{whole, "o.safetensors", Options{Wanted: map[string]ir.Type{"b": typed(ir.Q4G64, 2, 64)}}, `tensor "b": is not there, want q4g64[2, 64]`},
		{whole, "o.safetensors", Options{Wanted: map[string]ir.Type{"a.weight": typed(ir.Q4G64, 3, 64)}}, `tensor "a.weight": f32[2, 64], want q4g64[3, 64]`},
		{wide, "o.gguf", Options{Wanted: map[string]ir.Type{"weight": typed(ir.Q4_K, 2, 256)}}, `q4_k is read, but not made`},
		{packed, "o.safetensors", Options{}, `is packed for a model`},
		{blocks, "o.gguf", Options{Quantise: q8, Only: []string{"*"}}, `no tensor can be q8_0, such as IQ4_XS: quantised already`},
		{blocks, "o.safetensors", Options{}, `tensor "IQ4_XS": safetensors have no IQ4_XS`},
		{blocks, "o.safetensors", Options{Cast: runtime.F16}, `tensor "IQ4_XS": IQ4_XS is not decoded`},
		{whole, "none/o.safetensors", Options{}, `none/o.safetensors: no such file or directory`},
		{whole, ".", Options{}, `file exists`},
	} {
		dir := t.TempDir()
		c.o.Output = filepath.Join(dir, c.to)
		job, err := Plan(c.from, open(t, c.from), c.o)
		if err == nil {
			_, err = job.Run(context.Background(), nil)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), ".mlxc-pack") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %s", err, c.want)
		}
		left, _ := filepath.Glob(filepath.Join(dir, "*"))
		hidden, _ := filepath.Glob(filepath.Join(dir, ".*"))
		if len(left)+len(hidden) > 0 {
			t.Errorf("%s: %v, %v are left", c.want, left, hidden)
		}
	}
}

// A file that is read is not written, be it a shard; and what was there stays until all is
// written.
func TestOutputsAreWhole(t *testing.T) {
	from := source(t, map[string]*runtime.Array{"a": array(t, runtime.F32, make([]float64, 4), 4), "b": array(t, runtime.F32, make([]float64, 4), 4)})
	dir := t.TempDir()
	o := Options{Output: filepath.Join(dir, "m.safetensors"), Shard: 16}
	if _, err := must(Plan(from, open(t, from), o))(t).Run(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	index := open(t, o.Output+".index.json")
	for _, o := range []Options{{Output: filepath.Join(dir, "m-00002-of-00002.safetensors")}, o} {
		if _, err := must(Plan("m", index, o))(t).Run(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "is the checkpoint that is read") {
			t.Errorf("over a shard: %v", err)
		}
	}

	old := filepath.Join(dir, "old.safetensors")
	if err := os.WriteFile(old, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	before := len(must(os.ReadDir(dir))(t))
	ctx, cancel := context.WithCancel(context.Background())
	done := int64(0)
	_, err := must(Plan("m", index, Options{Output: old, Cast: runtime.F16}))(t).Run(ctx, func(n, all int64) {
		if done = n; n != 8 || all != 16 {
			t.Errorf("%d of %d are written", n, all)
		}
		cancel()
	})
	if !errors.Is(err, context.Canceled) || done != 8 {
		t.Errorf("cancelled after a tensor: %v", err)
	}
	if text := must(os.ReadFile(old))(t); string(text) != "old" || len(must(os.ReadDir(dir))(t)) != before {
		t.Errorf("there is %q, and %d files of %d", text, len(must(os.ReadDir(dir))(t)), before)
	}
	if _, err := must(Plan("m", index, Options{Output: old}))(t).Run(context.Background(), nil); err != nil {
		t.Error(err)
	}
	if got, mode := open(t, old).Names(), must(os.Stat(old))(t).Mode(); len(got) != 2 || mode != 0o644 {
		t.Errorf("the file has %v, and the mode %s", got, mode)
	}
}

// The memory of a file is given back as it is written.
func TestMemory(t *testing.T) {
	const n = 24
	path := filepath.Join(t.TempDir(), "large.safetensors")
	var specs []runtime.TensorSpec
	for i := range n {
		specs = append(specs, runtime.TensorSpec{Name: strings.Repeat("x", i+1), Type: "f32", Shape: []int{1 << 20}})
	}
	header, starts, err := runtime.SafetensorsHeader(specs, nil, 8)
	if err := errors.Join(err, os.WriteFile(path, header, 0o666), os.Truncate(path, starts[n])); err != nil {
		t.Fatal(err)
	}
	w, before, most := open(t, path), resident(t), 0
	o := Options{Output: filepath.Join(t.TempDir(), "o.safetensors"), Cast: runtime.F16}
	if _, err := must(Plan(path, w, o))(t).Run(context.Background(), func(int64, int64) { most = max(most, resident(t)) }); err != nil {
		t.Fatal(err)
	}
	if grown := most - before; grown > n*4<<10/2 {
		t.Errorf("%d kB more are resident than before, of a file of %d kB", grown, n*4<<10)
	}
}
