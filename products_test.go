package mlxc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/runtime/cpu"
)

// A productCase is a contraction of numbers drawn by lot. Operands are row-major.
type productCase struct {
	shapes     [2][]int
	text       string // the body, of %a, %b and %y
	out        []int
	dtype      runtime.DType
	result     runtime.DType // its dtype; 0: that of the operands
	bias, rest bool          // more inputs, that are added
	act        string
	// terms calls f with the places of each pair of factors of an element of the result.
	terms func(at int, f func(a, b int))
}

// matmulCase is [batch, m, k] by [batch, k, n], where a or b may lie transposed.
func matmulCase(batch, m, k, n int, aT, bT bool) productCase {
	swap := func(t bool, r, c int) []int {
		if t {
			r, c = c, r
		}
		return []int{batch, r, c}
	}
	c := productCase{shapes: [2][]int{swap(aT, m, k), swap(bT, k, n)}, out: []int{batch, m, n}, dtype: runtime.F32}
	var b strings.Builder
	operand := func(name string, t bool, r, c int) string {
		if !t {
			return "%" + name
		}
		fmt.Fprintf(&b, "%%%sT = transpose(%%%s, perm=[0, 2, 1]) : f32[%d, %d, %d]\n", name, name, batch, r, c)
		return "%" + name + "T"
	}
	x, y := operand("a", aT, m, k), operand("b", bT, k, n)
	c.text = b.String() + fmt.Sprintf("%%y = matmul(%s, %s, acc=f32) : f32[%d, %d, %d]\n", x, y, batch, m, n)
	place := func(t bool, r, rows, c, cols int) int {
		if t {
			return c*rows + r
		}
		return r*cols + c
	}
	c.terms = func(at int, f func(a, b int)) {
		e, i, j := at/(m*n), at/n%m, at%n
		for l := range k {
			f(e*m*k+place(aT, i, m, l, k), e*k*n+place(bT, l, k, j, n))
		}
	}
	return c
}

// convCase is a convolution of [b, h, w, in], both sides alike.
func convCase(b, h, w, in, out, kernel, stride, pad, dilation, groups int) productCase {
	side := func(n int) int { return (n+2*pad-dilation*(kernel-1)-1)/stride + 1 }
	oh, ow, per := side(h), side(w), in/groups
	c := productCase{shapes: [2][]int{{b, h, w, in}, {out, kernel, kernel, per}}, out: []int{b, oh, ow, out}, dtype: runtime.F32}
	c.text = fmt.Sprintf("%%y = conv(%%a, %%b, stride=[%d, %d], pad=[%d, %d], dilation=[%d, %d], groups=%d, acc=f32) : f32[%d, %d, %d, %d]\n",
		stride, stride, pad, pad, dilation, dilation, groups, b, oh, ow, out)
	c.terms = func(at int, f func(a, b int)) {
		o, x, y, e := at%out, at/out%ow, at/(out*ow)%oh, at/(out*ow*oh)
		for ky := range kernel {
			for kx := range kernel {
				iy, ix := y*stride+ky*dilation-pad, x*stride+kx*dilation-pad
				if iy < 0 || iy >= h || ix < 0 || ix >= w {
					continue
				}
				for l := range per {
					f(((e*h+iy)*w+ix)*in+o/(out/groups)*per+l, ((o*kernel+ky)*kernel+kx)*per+l)
				}
			}
		}
	}
	return c
}

// overCase has a product to which another is added, the memory of which it takes.
func overCase(m, k, n int) productCase {
	return productCase{shapes: [2][]int{{m, k}, {k, n}}, out: []int{m, n}, dtype: runtime.F32, text: fmt.Sprintf(`%%a8 = slice(%%a, start=[0, 0], size=[%[1]d, 8], step=[1, 1]) : f32[%[1]d, 8]
%%b8 = slice(%%b, start=[0, 0], size=[8, %[3]d], step=[1, 1]) : f32[8, %[3]d]
%%other = matmul(%%a8, %%b8, acc=f32) : f32[%[1]d, %[3]d]
%%sums = matmul(%%a, %%b, acc=f32) : f32[%[1]d, %[3]d]
%%both = add(%%sums, %%other) : f32[%[1]d, %[3]d]
%%square = slice(%%b, start=[8, 0], size=[%[3]d, %[3]d], step=[1, 1]) : f32[%[3]d, %[3]d]
%%y = matmul(%%both, %%square, acc=f32) : f32[%[1]d, %[3]d]
`, m, k, n)}
}

// winogradCase is one of 3 by 3 kernels and stride 1 by Winograd.
func winogradCase(b, h, w, in, out, pad int) productCase {
	c := convCase(b, h, w, in, out, 3, 1, pad, 1, 1)
	c.text = fmt.Sprintf("%%y = conv_winograd(%%a, %%b, pad=[%d, %d], acc=f32) : %s\n", pad, pad, shapeText(c.dtype, c.out))
	return c
}

// half is the case with operands and result in f16.
func (c productCase) half() productCase {
	c.dtype, c.text = runtime.F16, strings.ReplaceAll(c.text, "f32[", "f16[")
	return c
}

// after is the case with more to do with the sums, in this order.
func (c productCase) after(bias, rest bool, act string) productCase {
	if !bias && !rest && act == "" {
		return c
	}
	c.bias, c.rest, c.act = bias, rest, act
	typ := shapeText(c.dtype, c.out)
	var tail strings.Builder
	at := "sums"
	step := func(to, op string) {
		fmt.Fprintf(&tail, "%%%s = %s : %s\n", to, op, typ)
		at = to
	}
	if bias {
		fmt.Fprintf(&tail, "%%wide = broadcast(%%bias, shape=[%s]) : %s\n", strings.Trim(strings.ReplaceAll(fmt.Sprint(c.out), " ", ", "), "[]"), typ)
		step("biased", "add(%"+at+", %wide)")
	}
	if rest {
		step("whole", "add(%"+at+", %rest)")
	}
	if act != "" {
		step("acted", act+"(%"+at+")")
	}
	c.text = strings.Replace(c.text, "%y = ", "%sums = ", 1) + strings.Replace(tail.String(), "%"+at+" = ", "%y = ", 1)
	return c
}

// acts are what may be done with sums last; their slopes are below 1.2.
var acts = map[string]func(x float64) float64{
	"":     func(x float64) float64 { return x },
	"relu": func(x float64) float64 { return max(x, 0) },
	"gelu": func(x float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 },
}

// inputs are the shapes of the operands, and of what is added to the sums.
func (c productCase) inputs() map[string][]int {
	in := map[string][]int{"a": c.shapes[0], "b": c.shapes[1]}
	if c.bias {
		in["bias"] = c.out[len(c.out)-1:]
	}
	if c.rest {
		in["rest"] = c.out
	}
	return in
}

var inputNames = []string{"a", "b", "bias", "rest"} // in the order of an entry

// wide is the case with operands of a dtype, and a result cast to f32.
func (c productCase) wide(t runtime.DType) productCase {
	c.text = strings.Replace(strings.ReplaceAll(c.text, "f32[", t.String()+"["), "%y = ", "%low = ", 1) +
		"%y = cast(%low, dtype=f32) : " + shapeText(runtime.F32, c.out) + "\n"
	c.dtype, c.result = t, runtime.F32
	return c
}

func shapeText(t runtime.DType, shape []int) string {
	return t.String() + strings.ReplaceAll(fmt.Sprint(shape), " ", ", ")
}

func productCases() []productCase {
	var cases []productCase
	// Around the rows and columns of micro-kernels and the sizes of tiles.
	for _, m := range []int{1, 2, 4, 5, 6, 7, 11, 12, 13, 17, 26, 96, 97} {
		for _, n := range []int{1, 8, 15, 16, 17, 31, 33, 48} {
			cases = append(cases, matmulCase(1, m, 8+(m*n)%5, n, false, false))
		}
	}
	for _, k := range []int{0, 1, 8, 2047, 2048, 2049, 4097, 5000} { // the terms that are added at a time
		cases = append(cases, matmulCase(1, 13, k, 19, false, false))
	}
	cases = append(cases,
		matmulCase(1, 100, 40, 300, false, false), matmulCase(1, 600, 8, 2100, false, false), matmulCase(1, 26, 10, 1030, false, false), matmulCase(1, 200, 2100, 258, false, false),
		matmulCase(3, 9, 20, 24, false, false), matmulCase(3, 9, 20, 25, true, false), matmulCase(3, 13, 20, 25, false, true), matmulCase(2, 7, 8, 17, true, true),
		matmulCase(1, 1, 2100, 300, false, true), matmulCase(3, 1, 30, 40, false, false),
		matmulCase(0, 9, 20, 24, false, false), matmulCase(2, 0, 20, 24, false, false), matmulCase(2, 9, 20, 0, false, false),
		matmulCase(2, 25, 30, 40, false, false).half(), matmulCase(1, 130, 2060, 270, false, true).half(),
		convCase(2, 9, 7, 3, 20, 3, 1, 1, 1, 1), convCase(1, 12, 11, 5, 17, 3, 2, 1, 1, 1), convCase(1, 13, 13, 4, 16, 3, 1, 2, 2, 1),
		convCase(1, 14, 9, 2, 9, 3, 3, 2, 2, 1), convCase(2, 8, 8, 24, 33, 1, 1, 0, 1, 1), convCase(1, 9, 9, 24, 33, 1, 2, 0, 1, 1),
		convCase(1, 12, 12, 3, 32, 4, 4, 0, 1, 1), convCase(1, 10, 10, 16, 32, 3, 1, 1, 1, 2), convCase(1, 10, 10, 24, 24, 3, 1, 1, 1, 24), convCase(2, 11, 9, 21, 21, 5, 2, 2, 1, 21), convCase(2, 11, 9, 17, 17, 3, 1, 0, 2, 17),
		convCase(1, 7, 7, 130, 20, 3, 1, 1, 1, 1), convCase(1, 1, 1, 8, 8, 3, 1, 1, 1, 1), convCase(1, 10, 9, 8, 18, 5, 1, 2, 1, 1).half())
	for _, rest := range []bool{false, true} {
		for _, act := range []string{"", "relu", "gelu"} {
			for _, bias := range []bool{false, true} {
				cases = append(cases, matmulCase(1, 13, 40, 35, false, false).after(bias, rest, act))
			}
			cases = append(cases, matmulCase(2, 10, 2100, 300, false, true).after(true, rest, act), convCase(2, 7, 8, 12, 24, 3, 1, 1, 1, 1).after(true, rest, act),
				matmulCase(1, 1, 40, 300, false, false).after(true, rest, act), matmulCase(1, 30, 40, 80, false, false).half().after(true, rest, act))
		}
	}
	return cases
}

// productModule has an entry for each case.
func productModule(t *testing.T, cases []productCase) *ir.Module {
	var text strings.Builder
	text.WriteString("mlxir 1\nmodule \"products\" {\n")
	for i, c := range cases {
		var params []string
		for _, name := range inputNames {
			if shape, ok := c.inputs()[name]; ok {
				params = append(params, "%"+name+": "+shapeText(c.dtype, shape))
			}
		}
		result := c.dtype
		if c.result != 0 {
			result = c.result
		}
		fmt.Fprintf(&text, "func @case%d(%s) -> (y: %s) {\n%sret(%%y)\n}\n", i, strings.Join(params, ", "), shapeText(result, c.out), c.text)
	}
	text.WriteString("}\n")
	m, err := mlxc.ParseIR("products.mlxir", []byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Kernels of products touch nothing beside their buffers, and compute each point by
// itself.
func TestProductsBetweenGuards(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("pages are guarded by calls of Linux")
	}
	cases := slices.DeleteFunc(productCases(), func(c productCase) bool { return c.dtype != runtime.F32 })
	cases = append(cases, overCase(20, 2100, 24), winogradCase(2, 7, 10, 9, 20, 1), winogradCase(1, 8, 6, 40, 16, 0))
	for _, dtype := range []runtime.DType{runtime.F16, runtime.BF16} {
		cases = append(cases, matmulCase(2, 13, 30, 40, false, false).wide(dtype), matmulCase(1, 1, 2100, 48, false, true).wide(dtype), convCase(1, 7, 8, 12, 24, 3, 1, 1, 1, 1).wide(dtype))
	}
	runGuardsOnARM64(t, runBetweenGuards(t, productModule(t, cases)))
}

// runBetweenGuards runs the entries of a module, compiled for the CPU, as the program
// says that stands beside it, and returns the folder that they are in.
func runBetweenGuards(t *testing.T, m *ir.Module) string {
	t.Helper()
	dir := mainPackage(t, m, "guards.mlxir", map[string]string{"main.go": "testdata/guards_main.go.txt"})
	for _, limit := range []string{"", "avx2", "go"} {
		cmd := exec.Command("go", "run", "./"+dir)
		cmd.Env = append(os.Environ(), "MLXC_CPU="+limit)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("MLXC_CPU=%s: %v\n%s", limit, err, out)
		}
	}
	return dir
}

// runGuardsOnARM64 runs what runBetweenGuards left in a folder on arm64, but not in short
// tests, since an emulator takes long.
func runGuardsOnARM64(t *testing.T, dir string) {
	t.Helper()
	if testing.Short() {
		return
	}
	if out, err := onARM64(t, "run", "./"+dir).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("arm64: %v\n%s", err, out)
	}
}

// Sums of products, compiled for the CPU, are within the bound of rounding errors of
// what f64 gives, and the same bits for any number of threads.
func TestProducts(t *testing.T) {
	emptyCache(t)
	cases := productCases()
	runner, err := mlxc.BuildRunner(context.Background(), productModule(t, cases), "products.mlxir", ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []string{"", "avx2", "go"} {
		t.Setenv("MLXC_CPU", limit)
		for i, c := range cases {
			tryProduct(t, runner, fmt.Sprintf("case%d", i), c, rand.New(rand.NewPCG(uint64(i), 1)))
		}
	}
}

// tryProduct runs an entry with 1 to 3 threads and checks what it gives.
func tryProduct(t *testing.T, runner *mlxc.Runner, entry string, c productCase, rng *rand.Rand) {
	t.Helper()
	name := fmt.Sprintf("%s %v with MLXC_CPU=%s", entry, c.shapes, os.Getenv("MLXC_CPU"))
	var inputs bytes.Buffer
	x := map[string][]float64{}
	for _, input := range inputNames {
		shape, ok := c.inputs()[input]
		if !ok {
			continue
		}
		a, err := runtime.NewArray(c.dtype, shape...)
		if err != nil {
			t.Fatal(err)
		}
		x[input] = drawNumbers(a, rng)
		if err := runtime.WriteNPY(&inputs, a); err != nil {
			t.Fatal(err)
		}
	}
	var first []byte
	for threads := 1; threads <= 3; threads++ {
		var out bytes.Buffer
		if err := runner.Run(context.Background(), entry, "", threads, bytes.NewReader(inputs.Bytes()), &out); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if first == nil {
			first = out.Bytes()
		} else if !bytes.Equal(first, out.Bytes()) {
			t.Errorf("%s: %d threads give other bits than 1", name, threads)
		}
	}
	y, err := runtime.ReadNPY(bytes.NewReader(first), math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	checkProduct(t, name, c, x, numbers(y))
}

// drawNumbers fills an array with numbers in [-1, 1) that it holds exactly.
func drawNumbers(a *runtime.Array, rng *rand.Rand) []float64 {
	x := ir.NewTensor(dtypes[a.DType()], a.Shape()...)
	for i := range x.F {
		x.F[i] = float64(rng.IntN(2048)-1024) / 1024
	}
	copy(a.Bytes(), x.Bytes())
	return x.F
}

// dtypes are the IR's names of what products are tested with.
var dtypes = map[runtime.DType]ir.DType{runtime.F32: ir.F32, runtime.F16: ir.F16}

// numbers are the elements of an array.
func numbers(a *runtime.Array) []float64 {
	x := make([]float64, a.Len())
	for i := range x {
		if a.DType() == runtime.F16 {
			x[i] = float64(cpu.F16ToF32(binary.LittleEndian.Uint16(a.Bytes()[2*i:])))
		} else {
			x[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(a.Bytes()[4*i:])))
		}
	}
	return x
}

// checkProduct holds a result to the bound for sums in any order: of n products each
// term may be rounded n times, and the result once more (Higham, Accuracy and Stability
// of Numerical Algorithms, section 3.1).
func checkProduct(t *testing.T, name string, c productCase, x map[string][]float64, got []float64) {
	t.Helper()
	unit := math.Ldexp(1, -24)
	last := unit
	if c.dtype == runtime.F16 {
		last = math.Ldexp(1, -11)
	}
	for at, y := range got {
		sum, size, n := 0.0, 0.0, 0
		c.terms(at, func(i, j int) {
			term := x["a"][i] * x["b"][j]
			sum += term
			size += math.Abs(term)
			n++
		})
		bound := float64(n) * unit * 1.01 * size
		if c.dtype == runtime.F16 { // the sum is one, before anything is added
			bound += last * (math.Abs(sum) + bound)
		}
		add := func(term float64) {
			sum += term
			bound += last * (math.Abs(sum) + bound)
		}
		if c.bias {
			add(x["bias"][at%len(x["bias"])])
		}
		if c.rest {
			add(x["rest"][at])
		}
		sum = acts[c.act](sum)
		bound *= 1.2
		if bound += 4*last*math.Abs(sum) + math.Ldexp(last, -14); !(math.Abs(y-sum) <= bound) {
			t.Errorf("%s: element %d is %v, want %v within %g", name, at, y, sum, bound)
			return
		}
	}
}

// An infinity among the terms meets nothing but its own factor: sums are infinite, and
// not NaN, whichever term it is.
func TestProductsOfInfinity(t *testing.T) {
	emptyCache(t)
	const m, k, n = 8, 9, 8
	c := matmulCase(1, m, k, n, false, false)
	runner, err := mlxc.BuildRunner(context.Background(), productModule(t, []productCase{c}), "products.mlxir", ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	for at := range k {
		var in, out bytes.Buffer
		for i, shape := range c.shapes {
			a, err := runtime.NewArray(c.dtype, shape...)
			if err != nil {
				t.Fatal(err)
			}
			x := ir.NewTensor(ir.F32, shape...)
			for j := range x.F {
				if x.F[j] = 1; i == 0 && j%k == at {
					x.F[j] = math.Inf(1)
				}
			}
			copy(a.Bytes(), x.Bytes())
			if err := runtime.WriteNPY(&in, a); err != nil {
				t.Fatal(err)
			}
		}
		if err := runner.Run(context.Background(), "case0", "", 1, &in, &out); err != nil {
			t.Fatal(err)
		}
		y, err := runtime.ReadNPY(&out, math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		for i, sum := range numbers(y) {
			if !math.IsInf(sum, 1) {
				t.Errorf("with an infinity as term %d, element %d is %v", at, i, sum)
			}
		}
	}
}
