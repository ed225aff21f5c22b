package mlxc_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/codegen"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// points are expressions of x and y, f32[R, C], and w, f32[C], that sum nothing.
var points = []string{
	"relu(x)", "gelu(x)", "tanh(x)", "sigmoid(x)", "exp(x)", "log(x)", "erf(x)", "-abs(x)", "sqrt(x)", "floor(x) + ceil(y)", "round(x) - trunc(y)",
	"maximum(x, y)", "minimum(x, w)", "maximum(x, 0.5)", "minimum(3, x)", "where(x < y, x, w)", "where(x == y, w, y)", "where(isnan(x), y, x * w)", "x * y + w", "x / y", "sin(x)", "clip(x, -1, 1)",
	"max(x, axis=1)", "min(x * w, axis=1)", "x - max(x, axis=1, keep=true)",
}

// sums are expressions of the same, of q, f32[C, C], and of z, f32[R, 13, 6, C], that have
// sums in rows, or of rows.
var sums = []string{"softmax(x)", "softmax(softmax(x) * y)", "log_softmax(x * w)", "rms_norm(x, w)", "layer_norm(x, w, w)", "sum(x * y, axis=1)", "mean(x, axis=1)", "x / (1 + sum(abs(x) + y * y, axis=1, keep=true))", "mean(z, axis=[1, 2])", "w + max(z * w, axis=[1, 2], keep=true) / (1 + mean(abs(z), axis=[1, 2], keep=true))", "sum(q, axis=0) * w"}

// inPlace are expressions of the same and q, f32[C, C], whose rows lie over what they
// are computed from: the result of a product that nothing else reads.
var inPlace = []string{"softmax(x @ q) @ q", "layer_norm(x @ q, w, w) @ q", "rms_norm(x @ q, w) @ q", "log_softmax(x @ q) @ q", "(gelu(x @ q) - max(gelu(x @ q), axis=1, keep=true) + x @ q) @ q"}

// rowsModule has an entry for each expression and several widths.
func rowsModule(t *testing.T, dtype ir.DType, widths []int) *ir.Module {
	var text strings.Builder
	lists := [][]string{points, sums, inPlace}
	if dtype != ir.F32 {
		lists = lists[:2]
	}
	for n, list := range lists {
		for i, e := range list {
			for j, c := range widths {
				rows := 1 + (i+j)%4
				out := fmt.Sprintf("[%d, %d]", rows, c)
				switch {
				case strings.HasSuffix(e, "axis=1)"):
					out = fmt.Sprintf("[%d]", rows)
				case strings.HasPrefix(e, "sum(q"):
					out = fmt.Sprintf("[%d]", c)
				case strings.HasPrefix(e, "w + max"):
					out = fmt.Sprintf("[%d, 1, 1, %d]", rows, c)
				}
				name := fmt.Sprintf("%s%d_%d", []string{"point", "sum", "inplace"}[n], i, c)
				line := fmt.Sprintf("entry %s(x: f32[%d, %d], y: f32[%[2]d, %d], w: f32[%[3]d], q: f32[%[3]d, %[3]d], z: f32[%[2]d, 13, 6, %[3]d]) -> (y_out: f32%s) { return %s }\n", name, rows, c, out, e)
				text.WriteString(strings.ReplaceAll(line, "f32", dtype.String()))
			}
		}
	}
	return loadText(t, text.String())
}

// Rows in assembly touch nothing beside their buffers, give what portable Go gives, and
// compute each point by itself.
func TestRowsBetweenGuards(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("pages are guarded by calls of Linux")
	}
	m := rowsModule(t, ir.F32, []int{8, 9, 15, 16, 17, 31, 33, 40, 47, 63, 64, 70})
	planned, err := mlxc.Plan(m, ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range planned.Kernels {
		if !codegen.InAssembly(k) && !strings.HasSuffix(k.Name, "_panels") {
			t.Errorf("kernel %s is in portable Go alone", k.Name)
		}
	}
	for _, f := range planned.Funcs {
		shared := slices.ContainsFunc(f.Variants[0].Plan.Blocks, func(b *ir.Block) bool { return len(b.Buffers) > 1 })
		if strings.HasPrefix(f.Name, "inplace") && !shared {
			t.Errorf("%s computes nothing in place", f.Name)
		}
	}
	runGuardsOnARM64(t, runBetweenGuards(t, m))
}

// Rows of narrow floats are converted on the way, the rest of a row too.
func TestNarrowRowsBetweenGuards(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("pages are guarded by calls of Linux")
	}
	for _, dtype := range []ir.DType{ir.F16, ir.BF16} {
		m := rowsModule(t, dtype, []int{8, 9, 15, 23, 34, 70})
		planned, err := mlxc.Plan(m, ir.CPU, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range planned.Kernels {
			if !codegen.InAssembly(k) {
				t.Errorf("%s: kernel %s is in portable Go alone", dtype, k.Name)
			}
		}
		runGuardsOnARM64(t, runBetweenGuards(t, m))
	}
}

// So are rows of words and bytes, whose terms are multiplied by what all lanes have in common,
// as those of quantised matrices are.
func TestQuantisedRowsBetweenGuards(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("pages are guarded by calls of Linux")
	}
	var text strings.Builder
	for _, n := range []int{8, 9, 15, 16, 17, 31, 40, 47, 64, 70, 128} {
		for i, e := range []string{
			"x.T[..., none] * (bit_and(shr(w, 4), 15).to(i32).to(f32) * s[:, none].to(f32) + 1)",
			"x.T[..., none] * (shr(w, 28).to(i32).to(f32) - b.to(i32).to(f32) * s[:, none].to(f32))",
			"x.T[..., none] * bit_xor(b.to(i32), bit_and(w, 7).to(i32)).to(f32)",
		} {
			fmt.Fprintf(&text, "entry sum%d_%d(x: f32[13, 5], w: u32[5, 13, %[2]d], b: u8[5, 13, %[2]d], s: f16[5, %[2]d]) -> (y: f32[%[2]d]) { return max(%s, axis=[0, 1]) }\n", i, n, e)
		}
	}
	m := loadText(t, text.String())
	planned, err := mlxc.Plan(m, ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range planned.Kernels {
		if !codegen.InAssembly(k) {
			t.Errorf("kernel %s is in portable Go alone", k.Name)
		}
	}
	runGuardsOnARM64(t, runBetweenGuards(t, m))
}

// So are rows whose lanes are no neighbours: every third element, backwards, or across rows,
// of what is loaded, of what is stored, and of what is summed beside it.
func TestRowsApartBetweenGuards(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("pages are guarded by calls of Linux")
	}
	var text strings.Builder
	for _, n := range []int{8, 9, 15, 16, 17, 31, 40, 47, 64, 70, 128} {
		for i, c := range [][2]string{
			{"x[:, :, 1] * y + exp(x[:, :, 2])", "3, %d"},
			{"tanh(flip(y, 1)) - y", "3, %d"},
			{"gelu(q.T) * w", "%d, %d"},
			{"x[:, :, 0] / sum(abs(y), axis=1, keep=true)", "3, %d"},
			{"sum(x[:, :, 1] * y, axis=1, keep=true) + y", "3, %d"},
			{"stack([tanh(y), y * w, w + y], axis=2)", "3, %d, 3"},
			{"stack([y * w, flip(y, 1) / (1 + abs(w))], axis=0)", "2, 3, %d"},
		} {
			kind := "point"
			if strings.Contains(c[0], "sum(") {
				kind = "sum"
			}
			fmt.Fprintf(&text, "entry %s%d_%d(x: f32[3, %[3]d, 3], y: f32[3, %[3]d], w: f32[%[3]d], q: f32[%[3]d, %[3]d]) -> (z: f32["+strings.ReplaceAll(c[1], "%d", "%[3]d")+"]) { return %[4]s }\n", kind, i, n, c[0])
		}
	}
	m := loadText(t, text.String())
	planned, err := mlxc.Plan(m, ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range planned.Kernels {
		if !codegen.InAssembly(k) {
			t.Errorf("kernel %s is in portable Go alone", k.Name)
		}
	}
	runGuardsOnARM64(t, runBetweenGuards(t, m))
}

// So are norms of channels that come last, which fold terms across rows in several stages, and
// of all that a picture has, whose rows are folded as well.
func TestNormsBetweenGuards(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("pages are guarded by calls of Linux")
	}
	var text strings.Builder
	for _, n := range []int{4, 7, 8, 16, 33, 70} {
		for i, c := range []struct {
			text, shape string
			least       int // channels
		}{
			{"var(z, axis=[1, 2]) * w", "2, %d", 8},
			{"softmax(y, axis=0)", "13, %d", 8},
			{"(z - mean(z, axis=[1, 2], keep=true)) * rsqrt(var(z, axis=[1, 2], keep=true) + 0.1) * w + tanh(w)", "2, 5, 6, %d", 8},
			{"relu((z - mean(z, axis=[1, 2, 3], keep=true)) * rsqrt(var(z, axis=[1, 2, 3], keep=true) + 0.1) * w + w)", "2, 5, 6, %d", 4},
			{"max(z * w, axis=[1, 2, 3])", "2", 8},
			{"group_norm(z, 1, w, w, 1e-5)", "2, 5, 6, %d", 8},
		} {
			if n < c.least {
				continue
			}
			for _, dtype := range []string{"f32", "bf16"} {
				line := fmt.Sprintf("entry sum%d_%d_%s(y: f32[13, %[2]d], z: f32[2, 5, 6, %[2]d], w: f32[%[2]d]) -> (out: f32["+strings.ReplaceAll(c.shape, "%d", "%[2]d")+"]) { return %[4]s }\n", i, n, dtype, c.text)
				text.WriteString(strings.ReplaceAll(line, ": f32", ": "+dtype))
			}
		}
	}
	m := loadText(t, text.String())
	planned, err := mlxc.Plan(m, ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range planned.Kernels {
		if !codegen.InAssembly(k) {
			t.Errorf("kernel %s is in portable Go alone", k.Name)
		}
	}
	runGuardsOnARM64(t, runBetweenGuards(t, m))
}

// So are those that are padded, joined or spread apart, whose loads have guards: over rows, over
// lanes, and over lanes that are gathered.
func TestGuardedRowsBetweenGuards(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("pages are guarded by calls of Linux")
	}
	var text strings.Builder
	for _, dtype := range []ir.DType{ir.F32, ir.F16} {
		for _, c := range []int{8, 13, 33} {
			for _, e := range []struct{ text, shape string }{
				{"pad(relu(x + w), [1, 2, 0], [2, 1, 0]) * 2", "8, 9, %d"},
				{"pad(x * w, [0, 1, 0], [1, 1, 0], value=-3)", "6, 8, %d"},
				{"pad(x * w, [0, 1, 3], [1, 1, 2])", "6, 8, %d + 5"},
				{"concat([x * 2, -y, x + y], axis=1)", "5, 18, %d"},
				{"concat([x * w, abs(z), y], axis=2)", "5, 6, 2 * %d + 5"},
				{"concat([abs(z), -(q.transpose([1, 2, 0])), x - w], axis=2)", "5, 6, %d + 7"},
				{"conv_transpose(relu(x[none] + w), k, stride=[2, 3], pad=[1, 0])", "1, 9, 18, %d"},
				{"conv(exp(x[none]), k, pad=[2, 1])", "1, 7, 6, %d"},
			} {
				if dtype != ir.F32 && strings.Contains(e.text, "q.") { // narrow lanes are neighbours
					continue
				}
				line := fmt.Sprintf("(x: f32[5, 6, %[1]d], y: f32[5, 6, %[1]d], z: f32[5, 6, 5], q: f32[2, 5, 6], w: f32[%[1]d], k: f32[%[1]d, 3, 3, %[1]d]) -> (r: f32[%[2]s]) { return %[3]s }\n", c, fmt.Sprintf(e.shape, c), e.text)
				fmt.Fprintf(&text, "entry e%d%s", strings.Count(text.String(), "\n"), strings.ReplaceAll(line, "f32", dtype.String()))
			}
		}
	}
	m := loadText(t, text.String())
	planned, err := mlxc.Plan(m, ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range planned.Kernels {
		if !codegen.InAssembly(k) && !strings.HasSuffix(k.Name, "_panels") {
			t.Errorf("kernel %s is in portable Go alone: %s", k.Name, codegen.WhyPortable(k))
		}
	}
	runGuardsOnARM64(t, runBetweenGuards(t, m))
}

// Results larger than the caches, which go past them in assembly, are the same, from any
// first element of a line on.
func TestLargeRowsBetweenGuards(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("pages are guarded by calls of Linux")
	}
	runBetweenGuards(t, loadText(t, `
entry odd(x: f32[4096, 2049], w: f32[2049]) -> (y: f32[4096, 2049]) { return relu(x * w + 1) }
entry wide(x: f32[4096, 2049]) -> (y: f32[4096, 2049]) { return x / sum(abs(x), axis=1, keep=true) }
entry late(x: f32[8192, 1040]) -> (y: f32[8192, 1040]) { return softmax(x) }
`))
}

// So are rows of which what is kept between two loops does not fit the frame.
func TestLongRowsBetweenGuards(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("pages are guarded by calls of Linux")
	}
	runGuardsOnARM64(t, runBetweenGuards(t, loadText(t, `entry long(x: f32[3, 4099]) -> (y: f32[3, 4099]) { return softmax(x) * 4099 }`)))
}

// loadText is the module of a model's text.
func loadText(t *testing.T, text string) *ir.Module {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.mlx")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := mlxc.Load(path, mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A size that varies is a number in rows too, as in a mean; rows may be empty then.
func TestRowsOfVaryingSizes(t *testing.T) {
	emptyCache(t)
	path := filepath.Join(t.TempDir(), "sizes.mlx")
	if err := os.WriteFile(path, []byte("dim R <= 9, N <= 99\nentry run(x: f32[R, N]) -> (y: f32[R]) { return mean(x, axis=1) }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := mlxc.Load(path, mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	planned, err := mlxc.Plan(m, ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !codegen.InAssembly(planned.Kernels[0]) {
		t.Error("the mean is in portable Go alone")
	}
	runner, err := mlxc.BuildRunner(t.Context(), m, path, ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []string{"", "avx2", "go"} {
		t.Setenv("MLXC_CPU", limit)
		for _, n := range []int{0, 9, 70} {
			x, err := runtime.NewArray(runtime.F32, 3, n)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 3 * n {
				binary.LittleEndian.PutUint32(x.Bytes()[4*i:], math.Float32bits(float32(i)))
			}
			var in, out bytes.Buffer
			if err := runtime.WriteNPY(&in, x); err != nil {
				t.Fatal(err)
			}
			if err := runner.Run(t.Context(), "run", "", 2, &in, &out); err != nil {
				t.Fatal(err)
			}
			y, err := runtime.ReadNPY(&out, math.MaxInt64)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				got := math.Float32frombits(binary.LittleEndian.Uint32(y.Bytes()[4*i:]))
				want := float32(n*i) + float32(n-1)/2
				if got != want && (n > 0 || got == got) { // the mean of nothing is NaN
					t.Errorf("MLXC_CPU=%s: the mean of row %d of %d is %v, want %v", limit, i, n, got, want)
				}
			}
		}
	}
}
