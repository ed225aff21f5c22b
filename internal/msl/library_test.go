package msl

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A value is a scalar: a float in f, an integer or bool in i.
type value struct {
	f float64
	i int64
}

var sizes = map[string]int{"bool": 1, "char": 1, "uchar": 1, "short": 2, "ushort": 2, "int": 4, "uint": 4, "long": 8, "ulong": 8, "half": 2, "bfloat": 2, "float": 4}

func isFloat(t string) bool    { return t == "half" || t == "bfloat" || t == "float" }
func isUnsigned(t string) bool { return t[0] == 'u' || t == "bool" }

// shapeOf is the scalar and the number of elements of a scalar or vector type.
func shapeOf(t string) (string, int) {
	if s := scalarOf(t); s != t {
		return s, int(t[len(t)-1] - '0')
	}
	return t, 1
}

func encode(t string, values []value) []byte {
	var out []byte
	for _, v := range values {
		bits := uint64(v.i)
		switch t {
		case "float":
			bits = uint64(math.Float32bits(float32(v.f)))
		case "half":
			bits = uint64(halfBits(float32(v.f)))
		case "bfloat":
			bits = uint64(bfloatBits(float32(v.f)))
		}
		out = append(out, binary.LittleEndian.AppendUint64(nil, bits)[:sizes[t]]...)
	}
	return out
}

func decode(t string, data []byte) []value {
	var out []value
	for size := sizes[t]; len(data) > 0; data = data[size:] {
		bits := binary.LittleEndian.Uint64(append(slices.Clone(data[:size]), make([]byte, 8)...))
		v := value{i: wrap(t, int64(bits))}
		switch t {
		case "float":
			v.f = float64(math.Float32frombits(uint32(bits)))
		case "half":
			v.f = float64(halfFloat(uint16(bits)))
		case "bfloat":
			v.f = float64(math.Float32frombits(uint32(bits) << 16))
		}
		out = append(out, v)
	}
	return out
}

// wrap takes an integer into the range of t.
func wrap(t string, i int64) int64 {
	n := 64 - 8*sizes[t]
	if isUnsigned(t) {
		return int64(uint64(i) << n >> n)
	}
	return i << n >> n
}

// round takes a number to the nearest of t.
func round(t string, f float64) float64 {
	return decode(t, encode(t, []value{{f: f}}))[0].f
}

// ulps are the bounds of the specification for precise functions of float; the others
// are rounded correctly. Those of half are good to 1.
var ulps = map[string]float64{
	"exp": 4, "exp2": 4, "log": 4, "log2": 4, "log10": 4, "pow": 16, "sin": 4, "cos": 4, "tan": 6, "sinh": 4, "cosh": 4, "tanh": 5,
	"asin": 5, "acos": 5, "atan": 5, "atan2": 6, "asinh": 5, "acosh": 5, "atanh": 5, "rsqrt": 1,
}

var ofFloats = map[string]func(x []float64) float64{
	"abs": func(x []float64) float64 { return math.Abs(x[0]) }, "fabs": func(x []float64) float64 { return math.Abs(x[0]) },
	"acos": func(x []float64) float64 { return math.Acos(x[0]) }, "acosh": func(x []float64) float64 { return math.Acosh(x[0]) },
	"asin": func(x []float64) float64 { return math.Asin(x[0]) }, "asinh": func(x []float64) float64 { return math.Asinh(x[0]) },
	"atan": func(x []float64) float64 { return math.Atan(x[0]) }, "atanh": func(x []float64) float64 { return math.Atanh(x[0]) },
	"atan2": func(x []float64) float64 { return math.Atan2(x[0], x[1]) }, "ceil": func(x []float64) float64 { return math.Ceil(x[0]) },
	"clamp": func(x []float64) float64 { return fmin(fmax(x[0], x[1]), x[2]) }, "copysign": func(x []float64) float64 { return math.Copysign(x[0], x[1]) },
	"cos": func(x []float64) float64 { return math.Cos(x[0]) }, "cosh": func(x []float64) float64 { return math.Cosh(x[0]) },
	"divide": func(x []float64) float64 { return x[0] / x[1] }, "exp": func(x []float64) float64 { return math.Exp(x[0]) },
	"exp2": func(x []float64) float64 { return math.Exp2(x[0]) }, "floor": func(x []float64) float64 { return math.Floor(x[0]) },
	"fma": func(x []float64) float64 { return x[0]*x[1] + x[2] }, "fmax": func(x []float64) float64 { return fmax(x[0], x[1]) },
	"fmin": func(x []float64) float64 { return fmin(x[0], x[1]) }, "fmod": func(x []float64) float64 { return math.Mod(x[0], x[1]) },
	"log": func(x []float64) float64 { return math.Log(x[0]) }, "log10": func(x []float64) float64 { return math.Log10(x[0]) },
	"log2": func(x []float64) float64 { return math.Log2(x[0]) }, "max": func(x []float64) float64 { return fmax(x[0], x[1]) },
	"min": func(x []float64) float64 { return fmin(x[0], x[1]) }, "pow": func(x []float64) float64 { return math.Pow(x[0], x[1]) },
	"rint": func(x []float64) float64 { return math.RoundToEven(x[0]) }, "round": func(x []float64) float64 { return math.Round(x[0]) },
	"rsqrt": func(x []float64) float64 { return 1 / math.Sqrt(x[0]) }, "sin": func(x []float64) float64 { return math.Sin(x[0]) },
	"sinh": func(x []float64) float64 { return math.Sinh(x[0]) }, "sqrt": func(x []float64) float64 { return math.Sqrt(x[0]) },
	"tan": func(x []float64) float64 { return math.Tan(x[0]) }, "tanh": func(x []float64) float64 { return math.Tanh(x[0]) },
	"trunc": func(x []float64) float64 { return math.Trunc(x[0]) }, "sign": sign,
}

// A maximum or minimum of a number and NaN is the number.
func fmax(x, y float64) float64 {
	if x != x || y > x {
		return y
	}
	return x
}

func fmin(x, y float64) float64 {
	if x != x || y < x {
		return y
	}
	return x
}

func sign(x []float64) float64 {
	switch {
	case x[0] == 0:
		return x[0]
	case x[0] != x[0]:
		return 0
	}
	return math.Copysign(1, x[0])
}

var ofIntegers = map[string]func(t string, x []int64) int64{
	"abs": func(_ string, x []int64) int64 { return max(x[0], -x[0]) }, "max": func(t string, x []int64) int64 { return larger(t, x[0], x[1]) },
	"min":   func(t string, x []int64) int64 { return x[0] ^ x[1] ^ larger(t, x[0], x[1]) },
	"clamp": func(_ string, x []int64) int64 { return min(max(x[0], x[1]), x[2]) },
	"clz":   func(t string, x []int64) int64 { return int64(bits.LeadingZeros64(word(t, x[0])) - 64 + 8*sizes[t]) },
	"ctz":   func(t string, x []int64) int64 { return int64(min(bits.TrailingZeros64(word(t, x[0])), 8*sizes[t])) },
	"popcount": func(t string, x []int64) int64 {
		return int64(bits.OnesCount64(word(t, x[0])))
	},
	"reverse_bits": func(t string, x []int64) int64 { return int64(bits.Reverse64(word(t, x[0])) >> (64 - 8*sizes[t])) },
	"rotate":       func(_ string, x []int64) int64 { return int64(bits.RotateLeft32(uint32(x[0]), int(x[1]%32))) },
}

func word(t string, i int64) uint64 { return uint64(i) << (64 - 8*sizes[t]) >> (64 - 8*sizes[t]) }

func larger(t string, a, b int64) int64 {
	if isUnsigned(t) && uint64(a) < uint64(b) || !isUnsigned(t) && a < b {
		return b
	}
	return a
}

var predicates = map[string]func(x float64) bool{
	"isnan":    math.IsNaN,
	"isinf":    func(x float64) bool { return math.IsInf(x, 0) },
	"isfinite": func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) },
	"signbit":  math.Signbit,
}

// expect is what a function gives for one element of each argument; each lane of a
// simdgroup has its own.
func expect(r libraryFunction, lanes [][]value, lane int) (value, bool) {
	x, t, _ := lanes[lane], "", 0
	t, _ = shapeOf(r.arguments[0])
	var f []float64
	var i []int64
	for _, v := range x {
		f, i = append(f, v.f), append(i, v.i)
	}
	fold := func(op string, from, to int, start value) value {
		acc := start
		for _, l := range lanes[from:to] {
			switch {
			case op == "sum":
				acc = value{round(t, acc.f+l[0].f), wrap(t, acc.i+l[0].i)}
			case op == "product":
				acc = value{round(t, acc.f*l[0].f), wrap(t, acc.i*l[0].i)}
			case isFloat(t):
				acc.f = ofFloats[op]([]float64{acc.f, l[0].f})
			default:
				acc.i = ofIntegers[op](t, []int64{acc.i, l[0].i})
			}
		}
		return acc
	}
	shuffled := func(from int) value {
		if from < 0 || from >= len(lanes) {
			return x[0]
		}
		return lanes[from][0]
	}
	switch name := r.base(); name {
	case "select":
		return x[min(1, x[2].i)], true
	case "ldexp":
		return value{f: math.Ldexp(x[0].f, int(x[1].i))}, true
	case "simd_sum", "simd_product", "simd_max", "simd_min":
		return fold(strings.TrimPrefix(name, "simd_"), 1, len(lanes), lanes[0][0]), true
	case "simd_prefix_exclusive_sum":
		return fold("sum", 0, lane, value{0, 0}), true
	case "simd_prefix_inclusive_sum":
		return fold("sum", 0, lane+1, value{0, 0}), true
	case "simd_prefix_exclusive_product":
		return fold("product", 0, lane, value{1, 1}), true
	case "simd_prefix_inclusive_product":
		return fold("product", 0, lane+1, value{1, 1}), true
	case "simd_all", "simd_any":
		n := 0
		for _, l := range lanes {
			n += int(l[0].i)
		}
		if name == "simd_all" && n == len(lanes) || name == "simd_any" && n > 0 {
			return value{i: 1}, true
		}
		return value{}, true
	case "simd_shuffle":
		return shuffled(int(x[1].i)), true
	case "simd_shuffle_xor":
		return shuffled(lane ^ int(x[1].i)), true
	case "simd_shuffle_up":
		return shuffled(lane - int(x[1].i)), true
	case "simd_shuffle_down":
		return shuffled(lane + int(x[1].i)), true
	default:
		if p := predicates[name]; p != nil {
			if p(f[0]) {
				return value{i: 1}, true
			}
			return value{}, true
		}
		if fn := ofFloats[name]; fn != nil && isFloat(t) {
			return value{f: fn(f)}, true
		}
		if fn := ofIntegers[name]; fn != nil && !isFloat(t) {
			return value{i: wrap(t, fn(t, i))}, true
		}
	}
	return value{}, false
}

// samples are arguments of a row: n of each, the i-th argument's at [i].
func samples(r libraryFunction, n int, rnd *rand.Rand) [][]value {
	special := []float64{0, math.Copysign(0, -1), 1, -1, 0.5, 2.5, -2.5, math.Inf(1), math.Inf(-1), math.NaN(), 1e-40, 100, -100}
	out := make([][]value, len(r.arguments))
	for k, arg := range r.arguments {
		t, elems := shapeOf(arg)
		for i := range n * elems {
			var v value
			switch {
			case r.meets() && k > 0 && k == len(r.arguments)-1: // a lane, one for all
				v.i = int64(5)
			case r.base() == "ldexp" && k == 1:
				v.i = rnd.Int64N(40) - 20
			case r.base() == "rotate" && k == 1:
				v.i = rnd.Int64N(64)
			case t == "bool":
				v.i = rnd.Int64N(2)
			case !isFloat(t):
				v.i = wrap(t, int64(rnd.Uint64()>>rnd.IntN(64)))
				if r.base() == "abs" && v.i == wrap(t, -1<<(8*sizes[t]-1)) {
					v.i++
				}
			case r.meets():
				v.f = round(t, 1+rnd.Float64()/16)
			case i < len(special)*len(special):
				v.f = round(t, special[[]int{i, i / len(special), i / 2}[k]%len(special)])
			default:
				v.f = round(t, (rnd.Float64()*2-1)*4)
			}
			if r.base() == "clamp" && k == 2 { // from above to the bound below is undefined
				v.f, v.i = out[1][i].f+1, out[1][i].i
				if v.f != v.f {
					v.f = 1
				}
			}
			if r.base() == "clamp" && k == 1 && v.f != v.f {
				v.f = 0
			}
			out[k] = append(out[k], v)
		}
	}
	return out
}

// rowKernel is a kernel that calls the function of a row in each thread.
func rowKernel(n int, r libraryFunction) string {
	var params, args []string
	for i, t := range r.arguments {
		arg := fmt.Sprintf("a%d[i]", i)
		if t == "bool" {
			t, arg = "uchar", arg+" != 0"
		}
		params, args = append(params, fmt.Sprintf("device const %s *a%d [[buffer(%d)]]", t, i, i)), append(args, arg)
	}
	call := fmt.Sprintf("%s(%s)", r.name, strings.Join(args, ", "))
	result := r.result
	if result == "bool" {
		result, call = "uchar", "uchar("+call+")"
	}
	return fmt.Sprintf("kernel void row%d(%s, device %s *out [[buffer(%d)]], uint i [[thread_position_in_grid]]) {\n    out[i] = %s;\n}\n",
		n, strings.Join(params, ", "), result, len(r.arguments), call)
}

// Every function of the table that takes and gives numbers does so: one text of a
// kernel each is accepted by every pass, and gives what the functions of Go give.
func TestLibraryValues(t *testing.T) {
	r := testRunner(t)
	rows, _ := library()
	var text strings.Builder
	text.WriteString(head)
	tested := map[int]libraryFunction{}
	for n, row := range rows {
		if strings.HasPrefix(row.name, "simdgroup") || strings.HasPrefix(row.name, "make_filled") || strings.HasSuffix(row.name, "barrier") {
			continue // TestMatrices, TestBarriers
		}
		text.WriteString(rowKernel(n, row))
		tested[n] = row
	}
	p := prepare(t, text.String())
	rnd := rand.New(rand.NewPCG(1, 2))
	for n, row := range tested {
		t.Run(fmt.Sprintf("%s(%s)", row.name, strings.Join(row.arguments, ",")), func(t *testing.T) {
			count := 256
			if row.meets() {
				count = maxLanes
			}
			args := samples(row, count, rnd)
			l := Launch{Kernel: fmt.Sprintf("row%d", n), Threads: [3]uint32{uint32(count)}}
			for k, arg := range row.arguments {
				s, _ := shapeOf(arg)
				l.Buffers = append(l.Buffers, encode(s, args[k]))
			}
			s, elems := shapeOf(row.result)
			l.Buffers = append(l.Buffers, make([]byte, count*elems*sizes[s]))
			if err := r.Verify(p, l); err != nil {
				t.Fatal(err)
			}
			got := l.Buffers[len(row.arguments)]
			if row.base() == "as_type" {
				if !bytes.Equal(got, l.Buffers[0]) {
					t.Errorf("other bits: % x from % x", got, l.Buffers[0])
				}
				return
			}
			compareRow(t, row, args, decode(s, got), count)
		})
	}
}

const maxLanes = 32

func compareRow(t *testing.T, row libraryFunction, args [][]value, got []value, count int) {
	t.Helper()
	s, elems := shapeOf(row.result)
	if row.base() == "dot" {
		for i := range count {
			want := 0.0
			for k := range 4 {
				want += args[0][4*i+k].f * args[1][4*i+k].f
			}
			if d := math.Abs(got[i].f - want); d > 1e-5*(1+math.Abs(want)) {
				t.Errorf("dot %d = %v, want %v", i, got[i].f, want)
			}
		}
		return
	}
	for e := range elems {
		lanes := make([][]value, count)
		for i := range lanes {
			for k, a := range row.arguments {
				_, n := shapeOf(a)
				lanes[i] = append(lanes[i], args[k][i*n+min(e, n-1)])
			}
		}
		for i := range lanes {
			want, ok := expect(row, lanes, i)
			if !ok {
				t.Fatal("the test knows no such function")
			}
			if g := got[i*elems+e]; !agrees(row, s, g, want) {
				t.Fatalf("%v = %v, want %v", lanes[i], g, want)
			}
		}
	}
}

// agrees: is got within the bound of want, which is not rounded yet?
func agrees(row libraryFunction, t string, got, want value) bool {
	if !isFloat(t) {
		return got.i == want.i
	}
	w := round(t, want.f)
	if got.f == w || got.f != got.f && w != w {
		return true
	}
	bound := ulps[row.base()]
	if t == "half" && bound > 0 {
		bound = 1
	}
	ulp := math.Max(math.Ldexp(math.Abs(want.f), -23), math.Ldexp(1, -149))
	if t == "half" {
		ulp = math.Max(math.Ldexp(math.Abs(want.f), -10), math.Ldexp(1, -24))
	}
	return bound > 0 && math.Abs(got.f-want.f) <= (bound+0.5)*ulp
}
