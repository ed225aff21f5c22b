package mlxc_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/codegen"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// quantisedFiles are the checkpoints of testdata/quantised, each with a matrix [24, 256] in
// each of some formats.
var quantisedFiles = map[string][]string{
	"mlx.safetensors": {"q4g32", "q4g64", "q4g128", "q8g32", "q8g64", "q8g128"},
	"blocks.gguf":     {"q4_0", "q8_0", "q4_k", "q6_k"},
}

// quantisedModel has an entry that uses quantised matrices in all ways that there are.
func quantisedModel(formats []string) string {
	var layers, results, values []string
	for _, f := range formats {
		layers = append(layers, fmt.Sprintf("_%s = nn.Linear(256, 24, bias=false, W=%[1]s) at \"%[1]s\"\n", f))
		results = append(results, fmt.Sprintf("%s: f32[T, 24], %[1]s_rows: f32[3, 256], %[1]s_plain: f32[T, 256], %[1]s_all: f32[24, 256]", f))
		values = append(values, fmt.Sprintf("_%s(x), take(_%[1]s.weight, i, axis=0), x[:, :24] @ _%[1]s.weight, dequant(_%[1]s.weight)", f))
	}
	return fmt.Sprintf("import nn\ndim 1 <= T <= 16\n%sentry f(x: f32[T, 256], i: i32[3]) -> (%s) {\n  return %s\n}\n",
		strings.Join(layers, ""), strings.Join(results, ", "), strings.Join(values, ", "))
}

func tensorOf(t *testing.T, w *runtime.Weights, name string) *ir.Tensor {
	t.Helper()
	a, err := w.Tensor(name).Array()
	if err != nil {
		t.Fatal(err)
	}
	return irTensor(t, a)
}

func irTensor(t *testing.T, a *runtime.Array) *ir.Tensor {
	t.Helper()
	d, _ := ir.ParseDType(a.DType().String())
	x, err := ir.TensorOf(d, a.Shape(), a.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// The checkpoints that MLX and the package gguf have written, in every format, are what
// these libraries read there: products, rows and all elements, by the evaluator and on the
// CPU, for one row and for several.
func TestQuantisedCheckpoints(t *testing.T) {
	want, err := runtime.OpenWeights("testdata/quantised/want.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	x, rows := tensorOf(t, want, "x"), &ir.Tensor{DType: ir.I32, Shape: []int{3}, I: []int64{3, 0, 23}}
	for file, formats := range quantisedFiles {
		t.Run(file, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.mlx")
			if err := os.WriteFile(path, []byte(quantisedModel(formats)), 0o644); err != nil {
				t.Fatal(err)
			}
			m, err := mlxc.Load(path, mlxc.Source{})
			if err != nil {
				t.Fatal(err)
			}
			file = filepath.Join("testdata/quantised", file)
			params := quantisedParams(t, m, file)
			runner, err := mlxc.BuildRunner(context.Background(), m, "m.mlx", ir.CPU, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{1, 5, 15} {
				part := &ir.Tensor{DType: ir.F32, Shape: []int{n, 256}, F: slices.Repeat(x.F, 3)[:256*n]}
				f, _, err := m.Serving("f", params, []*ir.Tensor{part, rows})
				if err != nil {
					t.Fatal(err)
				}
				reference, err := m.Eval(f, params, []*ir.Tensor{part, rows})
				if err != nil {
					t.Fatal(err)
				}
				compiled := runTensors(t, runner, "f", file, []*ir.Tensor{part, rows})
				for i, format := range formats {
					for by, got := range map[string][]*ir.Tensor{"the evaluator": reference, "the CPU": compiled} {
						checkQuantised(t, fmt.Sprintf("%s of %d rows by %s", format, n, by), format, want, part, got[4*i:4*i+4])
					}
				}
			}
		})
	}
}

// checkQuantised compares the results of a format with what MLX or gguf has. Elements are
// exact, as the product of a scale and a number of 8 bits is; sums of n terms are right to
// n roundings of their size.
func checkQuantised(t *testing.T, what, format string, want *runtime.Weights, x *ir.Tensor, got []*ir.Tensor) {
	t.Helper()
	product, rows, plain, w := got[0], got[1], got[2], got[3]
	for i, v := range tensorOf(t, want, format+".rows").F {
		if rows.F[i] != v || w.F[[]int{3, 0, 23}[i/256]*256+i%256] != v {
			t.Fatalf("%s: element %d of rows is %v, in all %v, want %v", what, i, rows.F[i], w.F[[]int{3, 0, 23}[i/256]*256+i%256], v)
		}
	}
	sums := tensorOf(t, want, format).F
	for r := range x.Shape[0] {
		for c := range 24 {
			want, size := sums[24*(r%5)+c], 0.0
			for k := range 256 {
				size += math.Abs(x.F[256*r+k] * w.F[256*c+k])
			}
			if d := math.Abs(product.F[24*r+c] - want); !(d <= 257*size/(1<<24)) {
				t.Fatalf("%s: product %d, %d is %v, want %v", what, r, c, product.F[24*r+c], want)
			}
		}
		for c := range 256 {
			sum, size := 0.0, 0.0
			for k := range 24 {
				sum += x.F[256*r+k] * w.F[256*k+c]
				size += math.Abs(x.F[256*r+k] * w.F[256*k+c])
			}
			if d := math.Abs(plain.F[256*r+c] - sum); !(d <= 25*size/(1<<24)) {
				t.Fatalf("%s: product %d, %d with the matrix as it is is %v, want %v", what, r, c, plain.F[256*r+c], sum)
			}
		}
	}
}

// quantisedParams are those of a file, for the evaluator.
func quantisedParams(t *testing.T, m *ir.Module, file string) map[string]*ir.Tensor {
	t.Helper()
	w, err := runtime.OpenWeights(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	params := map[string]*ir.Tensor{}
	for _, p := range m.Weights() {
		shape := make([]int, p.Type.Rank())
		for i, s := range p.Type.Shape {
			n, _ := s.Int()
			shape[i] = int(n)
		}
		d := map[ir.DType]runtime.DType{ir.U32: runtime.U32, ir.F16: runtime.F16, ir.U8: runtime.U8}[p.Type.DType]
		a, err := w.Tensor(p.Path).As(&runtime.Param{Name: p.Path, DType: d, Shape: shape, Format: p.Of.Type.DType.String()})
		if err != nil {
			t.Fatal(p.Path, err)
		}
		params[p.Name] = irTensor(t, a).Convert(p.Type.DType)
	}
	return params
}

func runTensors(t *testing.T, r *mlxc.Runner, entry, weights string, inputs []*ir.Tensor) []*ir.Tensor {
	t.Helper()
	var in, out bytes.Buffer
	for _, x := range inputs {
		d := map[ir.DType]runtime.DType{ir.F32: runtime.F32, ir.I32: runtime.I32}[x.DType]
		a, err := runtime.NewArray(d, x.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		copy(a.Bytes(), x.Bytes())
		if err := runtime.WriteNPY(&in, a); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Run(context.Background(), entry, weights, 0, &in, &out); err != nil {
		t.Fatal(err)
	}
	var results []*ir.Tensor
	for out.Len() > 0 {
		a, err := runtime.ReadNPY(&out, int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, irTensor(t, a))
	}
	return results
}

// What is quantised in a call is bit by bit what mlx.core.quantize makes of it: by the
// evaluator, and on the CPU with every instruction set.
func TestQuantizeIsMLXs(t *testing.T) {
	emptyCache(t)
	recorded, err := runtime.OpenWeights("internal/quant/testdata/oracle.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer recorded.Close()
	cases := []string{"random", "ties", "halves", "equal", "zero", "outlier", "positive", "negative", "large", "small", "smaller"}
	x := &ir.Tensor{DType: ir.F32, Shape: []int{len(cases), 2, 128}}
	for _, of := range cases {
		x.F = append(x.F, tensorOf(t, recorded, of).F...)
	}
	var results, lines, values []string
	for _, format := range quantisedFiles["mlx.safetensors"] {
		f, _ := ir.ParseDType(format)
		for i, typ := range f.Format().Types([]ir.Size{ir.N(int64(len(cases))), ir.N(2), ir.N(128)}) {
			values = append(values, fmt.Sprintf("%s_%d", format, i))
			results = append(results, fmt.Sprintf("%s: %s", values[len(values)-1], typ))
		}
		lines = append(lines, fmt.Sprintf("  %s = quantize(x, %s)\n", strings.Join(values[len(values)-3:], ", "), format))
	}
	m := loadText(t, fmt.Sprintf("entry f(x: f32[%d, 2, 128]) -> (%s) {\n%s  return %s\n}\n", len(cases), strings.Join(results, ", "), strings.Join(lines, ""), strings.Join(values, ", ")))
	f, _, err := m.Serving("f", nil, []*ir.Tensor{x})
	if err != nil {
		t.Fatal(err)
	}
	reference, err := m.Eval(f, nil, []*ir.Tensor{x})
	if err != nil {
		t.Fatal(err)
	}
	check := func(by string, got []*ir.Tensor) {
		t.Helper()
		for i, format := range quantisedFiles["mlx.safetensors"] {
			for plane, part := range []string{"weight", "scales", "biases"} {
				var want []byte
				for _, of := range cases {
					want = append(want, tensorOf(t, recorded, fmt.Sprintf("%s.%s.%s", of, format, part)).Bytes()...)
				}
				if !bytes.Equal(got[3*i+plane].Bytes(), want) {
					t.Errorf("%s: %s of %s are not those of MLX", by, part, format)
				}
			}
		}
	}
	check("the evaluator", reference)
	runner, err := mlxc.BuildRunner(context.Background(), m, "m.mlx", ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []string{"", "avx2", "go"} {
		t.Setenv("MLXC_CPU", limit)
		check("MLXC_CPU="+limit, runTensors(t, runner, "f", "", []*ir.Tensor{x}))
	}
}

// Products of one, few and many rows with matrices of which vectors compute many columns are
// the evaluator's, with every instruction set.
func TestQuantisedColumns(t *testing.T) {
	emptyCache(t)
	formats := []string{"q4g64", "q8g32", "q4_0", "q8_0", "q4_k", "q6_k"}
	var params, results, values []string
	for _, f := range formats {
		params = append(params, fmt.Sprintf("param w_%s: %[1]s[192, 512]\n", f))
		results, values = append(results, fmt.Sprintf("y_%s: f32[T, 192]", f)), append(values, fmt.Sprintf("x @ w_%s.T", f))
	}
	formats = append(formats, "rows")
	params = append(params, "param w_rows: q4_k[192, 512] load rearrange(_, \"(h d two) i -> (h two d) i\", h=3, two=2)\n")
	results, values = append(results, "y_rows: f32[T, 192]"), append(values, "x @ w_rows.T")
	m := loadText(t, fmt.Sprintf("dim 1 <= T <= 16\n%sentry f(x: f32[T, 512]) -> (%s) {\n  return %s\n}\n", strings.Join(params, ""), strings.Join(results, ", "), strings.Join(values, ", ")))
	planned, err := mlxc.Plan(m, ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range planned.Kernels {
		if !codegen.InAssembly(k) && len(k.Stores[0].Value.Args) > 0 && k.Stores[0].Value.Kind == ir.ScalarReduce {
			t.Errorf("kernel %s is in portable Go alone", k.Name)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	reference, names, arrays := map[string]*ir.Tensor{}, []string(nil), []*runtime.Array(nil)
	for _, p := range m.Weights() {
		n, _ := p.Type.Shape[1].Int()
		d := map[ir.DType]runtime.DType{ir.U32: runtime.U32, ir.F16: runtime.F16, ir.U8: runtime.U8}[p.Type.DType]
		a, err := runtime.NewArray(d, 192, int(n))
		if err != nil {
			t.Fatal(err)
		}
		for i := range a.Bytes() {
			a.Bytes()[i] = byte(rng.IntN(256))
		}
		halves, of := map[ir.DType][]int{ir.Q4_0: {0}, ir.Q8_0: {0}, ir.Q4_K: {0, 2}, ir.Q6_K: {208}}[p.Of.Type.DType], p.Of.Type.DType.Format().Planes[0].Units
		if d == runtime.F16 {
			halves, of = []int{0}, 2
		}
		for _, at := range halves { // some thousandths
			for i := at; i < len(a.Bytes()); i += of {
				a.Bytes()[i+1] = a.Bytes()[i+1]&0x80 | 0x18
			}
		}
		reference[p.Name] = irTensor(t, a)
		names, arrays = append(names, p.Path), append(arrays, a)
	}
	var file bytes.Buffer
	if err := runtime.WriteNPZ(&file, names, arrays); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "w.npz")
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	runner, err := mlxc.BuildRunner(context.Background(), m, "m.mlx", ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 3, 11} {
		x := ir.NewTensor(ir.F32, n, 512)
		for i := range x.F {
			x.F[i] = float64(float32(rng.NormFloat64()))
		}
		f, _, err := m.Serving("f", reference, []*ir.Tensor{x})
		if err != nil {
			t.Fatal(err)
		}
		want, err := m.Eval(f, reference, []*ir.Tensor{x})
		if err != nil {
			t.Fatal(err)
		}
		for _, limit := range []string{"", "avx2", "go"} {
			t.Setenv("MLXC_CPU", limit)
			for i, got := range runTensors(t, runner, "f", path, []*ir.Tensor{x}) {
				most := 0.0
				for _, v := range want[i].F {
					most = max(most, math.Abs(v))
				}
				for j, v := range want[i].F { // 512 roundings of sums no larger than 8 times the largest
					if d := math.Abs(got.F[j] - v); !(d <= 512*8*most/(1<<24)) {
						t.Fatalf("%s of %d rows, MLXC_CPU=%s: element %d is %v, want %v", formats[i], n, limit, j, got.F[j], v)
					}
				}
			}
		}
	}
}

// A matrix stays quantised: what is computed at load takes no more than half as much again as
// its planes, and a call of few rows has no place for its elements.
func TestQuantisedMemory(t *testing.T) {
	for _, format := range ir.QuantisedDTypes() {
		m := loadText(t, fmt.Sprintf(`import nn
dim 1 <= T <= 64
fc = nn.Linear(1024, 512, W=%s)
embed = nn.Embedding(512, 1024, W=%[1]s)
param mix: %[1]s[512, 1024]
entry run(ids: i32[T]) -> (y: f32[T, 1024]) { return fc(embed(ids)) @ mix }
`, format))
		planes := 0
		for _, p := range m.Weights() {
			n, _ := p.Type.Bytes().Int()
			planes += int(n) / 3 // of the other two nothing is computed at load
		}
		for _, target := range []ir.Target{ir.CPU, ir.Metal} {
			planned, err := mlxc.Plan(m, target, nil)
			if err != nil {
				t.Fatal(err)
			}
			packed := 0
			for _, b := range planned.Packed() {
				n, _ := b.Type.Bytes().Int()
				packed += int(n)
			}
			if packed > planes*3/2 {
				t.Errorf("%s on %s: %d bytes are computed at load of planes of %d", format, target, packed, planes)
			}
			for _, v := range planned.Funcs[0].Variants[:2] { // of one row, and of few
				for _, b := range v.Buffers {
					if n, _ := b.Type.Bytes().Max(); b.Place == ir.InArena && n >= 512*1024 {
						t.Errorf("%s on %s: %s takes %d bytes in a call of few rows", format, target, b.Name, n)
					}
				}
			}
		}
	}
}
