package repack

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/internal/quant"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func open(t testing.TB, path string) *runtime.Weights {
	t.Helper()
	w := must(runtime.OpenWeights(path))(t)
	t.Cleanup(func() { w.Close() })
	return w
}

// array is one of a dtype of floats.
func array(t testing.TB, d runtime.DType, x []float64, shape ...int) *runtime.Array {
	t.Helper()
	a := must(runtime.NewArray(d, shape...))(t)
	runtime.PutFloats(d, a.Bytes(), x)
	return a
}

// source is a checkpoint of arrays.
func source(t testing.TB, arrays map[string]*runtime.Array) string {
	t.Helper()
	var names []string
	var list []*runtime.Array
	for name, a := range arrays {
		names, list = append(names, name), append(list, a)
	}
	path := filepath.Join(t.TempDir(), "source.npz")
	f := must(os.Create(path))(t)
	if err := errors.Join(runtime.WriteNPZ(f, names, list), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// repack writes a file beside none, and opens it.
func repack(t testing.TB, from, name string, o Options) (*runtime.Weights, *Report) {
	t.Helper()
	o.Output = filepath.Join(t.TempDir(), name)
	job := must(Plan(from, open(t, from), o))(t)
	r := must(job.Run(context.Background(), nil))(t)
	return open(t, r.Files[len(r.Files)-1]), r
}

// bytesOf is the data of a tensor in a file.
func bytesOf(t testing.TB, w *runtime.Weights, name string) []byte {
	t.Helper()
	if w.Tensor(name) == nil {
		t.Fatalf("there is no %s, there are %q", name, w.Names())
	}
	if b := w.Tensor(name).Blocks(); b != nil {
		return b
	}
	return must(w.Tensor(name).Array())(t).Bytes()
}

// What is read back of every format are the bits of MLX and ggml.
func TestQuantise(t *testing.T) {
	oracle := open(t, "../quant/testdata/oracle.safetensors")
	x := must(oracle.Tensor("random").Array())(t)
	from := source(t, map[string]*runtime.Array{"a.weight": x, "b": x})
	for _, d := range ir.QuantisedDTypes() {
		c := quant.Of(d)
		if !c.Encodes() {
			continue
		}
		recorded, made, name := []string{""}, []string{"a.weight"}, "out.gguf"
		if c.GGUF == "" {
			recorded, made, name = []string{".weight", ".scales", ".biases"}, []string{"a.weight", "a.scales", "a.biases"}, "out.safetensors"
		}
		w, r := repack(t, from, name, Options{Quantise: c})
		size := 0
		for i := range recorded {
			got, want := bytesOf(t, w, made[i]), bytesOf(t, oracle, "random."+d.String()+recorded[i])
			if size += len(got); !bytes.Equal(got, want) {
				t.Errorf("%s: %s is %x, want %x", d, made[i], got, want)
			}
		}
		if !bytes.Equal(bytesOf(t, w, "b"), x.Bytes()) || w.Tensor("b").DType != runtime.F32 {
			t.Errorf("%s: b is another", d)
		}
		row := r.Tensors[0]
		if row.Name != "a.weight" || row.From != "f32" || !strings.EqualFold(row.To, d.String()) || row.ToBytes != int64(size) || r.To != int64(size+1024) {
			t.Errorf("%s: %+v of %d bytes", d, row, r.To)
		}
		y := make([]float32, x.Len())
		copy(y, must(runtime.Data[float32](must(oracle.Tensor("random."+d.String()+".floats").Array())(t)))(t))
		checkError(t, d.String(), row.Error, must(runtime.Data[float32](x))(t), y)
	}
}

// checkError compares an error with what it is by its definition.
func checkError(t *testing.T, what string, e *Error, x, y []float32) {
	t.Helper()
	most, differences, elements := 0.0, 0.0, 0.0
	for i := range x {
		d := float64(x[i]) - float64(y[i])
		most = max(most, math.Abs(d))
		differences += d * d
		elements += float64(x[i]) * float64(x[i])
	}
	if e == nil || e.Max != most || math.Abs(e.RMS-math.Sqrt(differences/elements)) > 1e-12 || e.RMS == 0 {
		t.Errorf("%s: the error is %+v, want %g and %g", what, e, most, math.Sqrt(differences/elements))
	}
}

// A tensor of several chunks is that of one.
func TestChunks(t *testing.T) {
	const rows, row = 1025, 768
	x := make([]float64, rows*row)
	for i := range x {
		x[i] = math.Sin(float64(i) * 0.7)
	}
	from := source(t, map[string]*runtime.Array{"weight": array(t, runtime.BF16, x, rows, row)})
	was := bytesOf(t, open(t, from), "weight")
	runtime.Floats(runtime.BF16, was, x)
	f32 := make([]float32, len(x))
	for i := range x {
		f32[i] = float32(x[i])
	}
	for _, d := range []ir.DType{ir.Q4G128, ir.Q8_0} {
		c, name, parts := quant.Of(d), "o.safetensors", []string{"weight", "scales", "biases"}
		if c.GGUF != "" {
			name, parts = "o.gguf", []string{"weight"}
		}
		var want [][]byte
		for i := range parts {
			want = append(want, make([]byte, c.Bytes(i, len(x))))
		}
		if err := c.Encode(f32, want); err != nil {
			t.Fatal(err)
		}
		w, r := repack(t, from, name, Options{Quantise: c})
		for i, part := range parts {
			if !bytes.Equal(bytesOf(t, w, part), want[i]) {
				t.Errorf("%s: %s is another", d, part)
			}
		}
		y := make([]float32, len(x))
		c.Decode(want, y)
		checkError(t, d.String(), r.Tensors[0].Error, f32, y)
	}
	x[rows*row-5] = math.NaN()
	from = source(t, map[string]*runtime.Array{"weight": array(t, runtime.F32, x, rows, row)})
	job := must(Plan(from, open(t, from), Options{Quantise: quant.Of(ir.Q8_0), Output: filepath.Join(t.TempDir(), "o.gguf")}))(t)
	if _, err := job.Run(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "element [1024, 763] is NaN") {
		t.Errorf("the NaN is in %v", err)
	}
}

// What is copied in several chunks is the same.
func TestCopy(t *testing.T) {
	x := make([]float64, 3<<18+1)
	for i := range x {
		x[i] = float64(i)
	}
	a := array(t, runtime.F64, x, len(x))
	w, r := repack(t, source(t, map[string]*runtime.Array{"x": a}), "o.safetensors", Options{})
	if !bytes.Equal(bytesOf(t, w, "x"), a.Bytes()) || r.Tensors[0].Error != nil {
		t.Error("the copy is another")
	}
}

// Floats are rounded once, to nearest even; what becomes infinite is counted.
func TestCast(t *testing.T) {
	inf := math.Inf(1)
	x := []float64{1, 1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-11, 65519, 65520, -1e300, inf, math.NaN()}
	from := source(t, map[string]*runtime.Array{"x": array(t, runtime.F64, x, 8), "i": must(runtime.From([]int64{1, -2}))(t)})
	for _, c := range []struct {
		dtype    runtime.DType
		want     []float64
		overflow int
	}{
		{runtime.F16, []float64{1, 1 + 0x1p-10, 1, 65504, inf, -inf, inf, math.NaN()}, 2},
		{runtime.BF16, []float64{1, 1, 1, 65536, 65536, -inf, inf, math.NaN()}, 1},
		{runtime.F32, []float64{1, 1 + 0x1p-11, 1 + 0x1p-11, 65519, 65520, -inf, inf, math.NaN()}, 1},
	} {
		w, r := repack(t, from, "o.safetensors", Options{Cast: c.dtype})
		got := make([]float64, len(x))
		runtime.Floats(c.dtype, bytesOf(t, w, "x"), got)
		if fmt.Sprint(got) != fmt.Sprint(c.want) || w.Tensor("x").DType != c.dtype {
			t.Errorf("%s: %v, want %v", w.Tensor("x"), got, c.want)
		}
		if e := r.Tensors[1].Error; e.Overflow != c.overflow {
			t.Errorf("%s: %d became infinite, want %d", c.dtype, e.Overflow, c.overflow)
		}
		if i := w.Tensor("i"); i.String() != "i64[2]" || !bytes.Equal(bytesOf(t, w, "i"), bytesOf(t, open(t, from), "i")) || r.Tensors[0].Error != nil {
			t.Errorf("integers became %s, %+v", i, r.Tensors[0])
		}
	}
}

// A file of GGUF says what it is mostly of, and is filled up to its alignment.
func TestGGUF(t *testing.T) {
	from := source(t, map[string]*runtime.Array{"a.weight": array(t, runtime.F32, make([]float64, 64), 2, 32), "b": array(t, runtime.F32, []float64{1}, 1)})
	number := func(n byte) string { return string([]byte{4, 0, 0, 0, n, 0, 0, 0}) }
	for _, c := range []struct {
		o             Options
		kind, version string
	}{
		{Options{Quantise: quant.Of(ir.Q8_0)}, number(7), number(2)},
		{Options{Quantise: quant.Of(ir.Q4_0), Cast: runtime.F16}, number(2), number(2)},
		{Options{Cast: runtime.BF16}, number(32), ""},
		{Options{}, "", ""},
	} {
		w, r := repack(t, from, "o.gguf", c.o)
		if kind, version := w.Metadata()["general.file_type"], w.Metadata()["general.quantization_version"]; string(kind) != c.kind || string(version) != c.version {
			t.Errorf("%+v: the file is of %q, version %q", c.o, kind, version)
		}
		if n := must(os.Stat(r.Files[0]))(t).Size(); n%32 != 0 {
			t.Errorf("%+v: the file has %d bytes", c.o, n)
		}
	}
}

// What MLX has quantised stays as it is.
func TestQuantisedByMLX(t *testing.T) {
	x := make([]float64, 128)
	for i := range x {
		x[i] = float64(i) / 3
	}
	from := source(t, map[string]*runtime.Array{"a.weight": array(t, runtime.F32, x, 2, 64), "b.scales": array(t, runtime.F32, x, 2, 64)})
	once, first := repack(t, from, "o.safetensors", Options{Quantise: quant.Of(ir.Q4G32)})
	again, r := repack(t, first.Files[0], "o.safetensors", Options{Quantise: quant.Of(ir.Q4G32), Only: []string{"*"}, Cast: runtime.BF16})
	for _, name := range []string{"a.weight", "a.scales", "a.biases"} {
		if !bytes.Equal(bytesOf(t, once, name), bytesOf(t, again, name)) || again.Tensor(name).String() != once.Tensor(name).String() {
			t.Errorf("%s became %s", once.Tensor(name), again.Tensor(name))
		}
	}
	if row := r.Tensors[1]; row.Name != "a.scales" || row.Kept != "part of a quantised tensor" || row.Error != nil {
		t.Errorf("%+v", row)
	}
	if again.Tensor("b.weight") != nil || again.Tensor("b.scales").DType != runtime.U32 {
		t.Errorf("b.scales, which are none, became %s", again.Tensor("b.scales"))
	}
}

// Every quantised type that is read is copied, and decoded where floats are asked for.
func TestBlocks(t *testing.T) {
	const file = "../../runtime/testdata/gguf/quantised.gguf"
	from := open(t, file)
	w, _ := repack(t, file, "o.gguf", Options{})
	for _, name := range from.Names() {
		if a, b := from.Tensor(name), w.Tensor(name); b == nil || a.String() != b.String() || !bytes.Equal(bytesOf(t, from, name), bytesOf(t, w, name)) {
			t.Errorf("%s became %s", a, b)
		}
	}
	for key, value := range from.Metadata() {
		if !bytes.Equal(w.Metadata()[key], value) {
			t.Errorf("%s is %q, want %q", key, w.Metadata()[key], value)
		}
	}
	if len(from.Metadata()) < 5 || len(w.Metadata()) != len(from.Metadata()) {
		t.Errorf("the metadata have %d keys, of %d", len(w.Metadata()), len(from.Metadata()))
	}

	const known = "../../testdata/quantised/blocks.gguf"
	w, r := repack(t, known, "o.safetensors", Options{Cast: runtime.F32})
	decoded := 0
	for _, row := range r.Tensors {
		c := quant.OfGGUF(row.From)
		if c == nil {
			continue
		}
		decoded++
		n := 1
		for _, m := range row.Shape {
			n *= m
		}
		want, got := make([]float32, n), make([]float64, n)
		c.Decode([][]byte{bytesOf(t, open(t, known), row.Name)}, want)
		runtime.Floats(runtime.F32, bytesOf(t, w, row.Name), got)
		for i := range want {
			if float64(want[i]) != got[i] {
				t.Fatalf("%s: element %d is %g, want %g", row.Name, i, got[i], want[i])
			}
		}
		if row.To != "f32" || *row.Error != (Error{}) {
			t.Errorf("%+v", row)
		}
	}
	if decoded < 4 {
		t.Errorf("%d tensors are decoded", decoded)
	}
}

// What is quantised, and why not.
func TestPlan(t *testing.T) {
	matrix := func(d runtime.DType, shape ...int) *runtime.Array { return must(runtime.NewArray(d, shape...))(t) }
	from := source(t, map[string]*runtime.Array{
		"a.weight": matrix(runtime.F32, 2, 64), "b.weight": matrix(runtime.BF16, 3, 128), "weight": matrix(runtime.F16, 1, 64), "double.weight": matrix(runtime.F64, 1, 64),
		"norm.weight": matrix(runtime.F32, 64), "a.kernel": matrix(runtime.F32, 2, 64), "conv.weight": matrix(runtime.F32, 2, 3, 64), "odd.weight": matrix(runtime.F32, 2, 96),
		"none.weight": matrix(runtime.F32, 0, 64), "i.weight": matrix(runtime.I32, 2, 64), "scalar.weight": matrix(runtime.F32),
	})
	all := map[string]string{
		"a.weight": "", "b.weight": "", "weight": "", "double.weight": "",
		"norm.weight": "no matrix", "a.kernel": "not named *.weight", "conv.weight": "3 axes", "odd.weight": "rows of 96 elements, no multiple of 64",
		"none.weight": "no elements", "i.weight": "no floats", "scalar.weight": "no matrix",
	}
	check := func(o Options, want map[string]string) {
		t.Helper()
		o.Output = "o.safetensors"
		for _, s := range must(Plan(from, open(t, from), o))(t).steps {
			if s.kept != want[s.Name] || (s.codec != nil) != (want[s.Name] == "") {
				t.Errorf("%s: %q, want %q; %v", s.Name, s.kept, want[s.Name], s.codec)
			}
		}
	}
	q := quant.Of(ir.Q4G64)
	check(Options{Quantise: q}, all)
	only := map[string]string{}
	for name := range all {
		only[name] = "not in --only"
	}
	only["a.weight"], only["a.kernel"], only["conv.weight"], only["i.weight"] = "", "", "", "no floats"
	check(Options{Quantise: q, Only: []string{"a.*", "c*v.weight"}}, only)
	wanted := map[string]string{}
	for name := range all {
		wanted[name] = "the model does not have it quantised"
	}
	wanted["odd.weight"], wanted["a.kernel"] = "", ""
	check(Options{Wanted: map[string]ir.Type{"odd.weight": typed(ir.Q8G32, 2, 96), "a.kernel": typed(ir.Q4G64, 2, 64)}}, wanted)
}

func typed(d ir.DType, shape ...int64) ir.Type {
	t := ir.Type{DType: d}
	for _, n := range shape {
		t.Shape = append(t.Shape, ir.N(n))
	}
	return t
}

// A file has tensors of so many bytes, or one that is larger.
func TestShards(t *testing.T) {
	arrays := map[string]*runtime.Array{}
	for i, n := range []int{10, 20, 30, 200, 1, 1} {
		arrays[fmt.Sprint("t", i)] = array(t, runtime.F32, make([]float64, n), n)
	}
	arrays["t5"] = must(runtime.From([]int64{7}))(t)
	from := source(t, arrays)
	w, r := repack(t, from, "model.safetensors", Options{Shard: 240})
	var names []string
	for _, f := range r.Files {
		names = append(names, filepath.Base(f))
	}
	if want := "[model-00001-of-00003.safetensors model-00002-of-00003.safetensors model-00003-of-00003.safetensors model.safetensors.index.json]"; fmt.Sprint(names) != want {
		t.Errorf("the files are %v", names)
	}
	for name, a := range arrays {
		if !bytes.Equal(bytesOf(t, w, name), a.Bytes()) {
			t.Errorf("%s is another", name)
		}
	}
	for i, want := range [][]string{{"t0", "t1", "t2"}, {"t3"}, {"t4", "t5"}} {
		if got := open(t, r.Files[i]).Names(); !slices.Equal(got, want) {
			t.Errorf("shard %d has %v", i, got)
		}
	}
	var index struct {
		Metadata map[string]int    `json:"metadata"`
		Shards   map[string]string `json:"weight_map"`
	}
	text := must(os.ReadFile(r.Files[3]))(t)
	if err := json.Unmarshal(text, &index); err != nil || index.Metadata["total_size"] != 1052 || index.Shards["t3"] != "model-00002-of-00003.safetensors" || len(index.Shards) != 6 {
		t.Errorf("%v, the index is %s", err, text)
	}
	if _, r := repack(t, from, "model.safetensors", Options{Shard: 1052}); len(r.Files) != 1 || filepath.Base(r.Files[0]) != "model.safetensors" {
		t.Errorf("what fits in one file is in %v", r.Files)
	}
}

// Planes lie in the file of their tensor, where all are aligned to their elements.
func TestAligned(t *testing.T) {
	x := make([]float64, 192)
	from := source(t, map[string]*runtime.Array{"a": array(t, runtime.F16, x[:1], 1), "b.weight": array(t, runtime.F32, x, 3, 64), "c": array(t, runtime.F64, x[:1], 1), "d": must(runtime.From([]int8{1}))(t)})
	_, r := repack(t, from, "o.safetensors", Options{Quantise: quant.Of(ir.Q4G64)})
	text := must(os.ReadFile(r.Files[0]))(t)
	n := binary.LittleEndian.Uint64(text)
	header := text[8 : 8+n]
	if n%8 != 0 {
		t.Errorf("the header has %d bytes", n)
	}
	for _, want := range []string{`"c":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}`, `"b.weight":{"dtype":"U32","shape":[3,8],"data_offsets":[8,104]}`, `"b.scales":{"dtype":"F16","shape":[3,1],"data_offsets":[106,112]}`, `"d":{"dtype":"I8","shape":[1],"data_offsets":[118,119]}`, `"format":"mlx"`} {
		if !bytes.Contains(header, []byte(want)) {
			t.Errorf("the header lacks %s: %s", want, header)
		}
	}
}

// The same checkpoint gives the same bytes.
func TestSameBytes(t *testing.T) {
	const file = "../../runtime/testdata/gguf/plain.gguf"
	for _, name := range []string{"o.safetensors", "o.gguf"} {
		_, a := repack(t, file, name, Options{Cast: runtime.F16})
		_, b := repack(t, file, name, Options{Cast: runtime.F16})
		if !bytes.Equal(must(os.ReadFile(a.Files[0]))(t), must(os.ReadFile(b.Files[0]))(t)) {
			t.Errorf("%s is another", name)
		}
	}
}
