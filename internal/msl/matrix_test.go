package msl

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Every row of the table that loads, stores, fills or multiplies matrices, on small
// integers, whose products are exact in every type.
func TestMatrices(t *testing.T) {
	r := testRunner(t)
	rows, _ := library()
	var text strings.Builder
	text.WriteString(head)
	tests := map[string]func(t *testing.T, r *Runner, p *Program, name string){}
	for n, row := range rows {
		name := fmt.Sprintf("row%d", n)
		var kernel string
		var test func(t *testing.T, r *Runner, p *Program, name string)
		switch row.base() {
		case "simdgroup_load", "simdgroup_store":
			kernel, test = moveKernel(name, row)
		case "make_filled_simdgroup_matrix":
			kernel, test = fillKernel(name, row)
		case "simdgroup_multiply_accumulate":
			kernel, test = multiplyKernel(name, row)
		default:
			continue
		}
		text.WriteString(kernel)
		tests[fmt.Sprintf("%s %s(%s)", name, row.name, strings.Join(row.arguments, ","))] = test
	}
	p := prepare(t, text.String())
	for _, name := range sorted(tests) {
		t.Run(name, func(t *testing.T) { tests[name](t, r, p, strings.Fields(name)[0]) })
	}
}

// element is the T of simdgroup_matrix<T, 8, 8>.
func element(t string) string {
	t, _, _ = strings.Cut(t, ",")
	return t[strings.Index(t, "<")+1:]
}

func smallIntegers(n int, seed uint64) []value {
	rnd := rand.New(rand.NewPCG(seed, 1))
	out := make([]value, n)
	for i := range out {
		out[i] = value{f: float64(rnd.IntN(9) - 4)}
	}
	return out
}

func runMatrix(t *testing.T, r *Runner, p *Program, name string, buffers ...[]byte) {
	t.Helper()
	if err := r.Verify(p, Launch{Kernel: name, Buffers: buffers, Threads: [3]uint32{32}}); err != nil {
		t.Fatal(err)
	}
}

// moveKernel copies a matrix at (5, 3) of rows of 20 to rows of 8, by one row of the
// table on one side and a plain one on the other.
func moveKernel(name string, row libraryFunction) (string, func(*testing.T, *Runner, *Program, string)) {
	e := element(row.arguments[0])
	load, group := row.base() == "simdgroup_load", strings.HasPrefix(row.arguments[1], "threadgroup")
	origin := len(row.arguments) == 5
	at := "%s + 65, 20ul"
	if origin {
		at = "%s, 20ul, ulong2(5ul, 3ul), true"
	}
	var body string
	switch {
	case load && group:
		body = "for (uint k = i; k < 400; k += 32) {\n s[k] = x[k];\n}\nthreadgroup_barrier(mem_flags::mem_threadgroup);\nsimdgroup_load(m, " + fmt.Sprintf(at, "s") + ");\nsimdgroup_store(m, y, 8ul);\n"
	case load:
		body = "simdgroup_load(m, " + fmt.Sprintf(at, "x") + ");\nsimdgroup_store(m, y, 8ul);\n"
	case group:
		body = "for (uint k = i; k < 400; k += 32) {\n s[k] = y[k];\n}\nthreadgroup_barrier(mem_flags::mem_threadgroup);\nsimdgroup_load(m, x, 8ul);\nsimdgroup_store(m, " +
			fmt.Sprintf(at, "s") + ");\nthreadgroup_barrier(mem_flags::mem_threadgroup);\nfor (uint k = i; k < 400; k += 32) {\n y[k] = s[k];\n}\n"
	default:
		body = "simdgroup_load(m, x, 8ul);\nsimdgroup_store(m, " + fmt.Sprintf(at, "y") + ");\n"
	}
	variable := ""
	if group {
		variable = "threadgroup " + e + " s[400];\n"
	}
	text := fmt.Sprintf("kernel void %[1]s(device const %[2]s *x [[buffer(0)]], device %[2]s *y [[buffer(1)]], uint i [[thread_index_in_threadgroup]]) {\n%[3]ssimdgroup_matrix<%[2]s, 8, 8> m;\n%[4]s}\n",
		name, e, variable, body)
	place := func(r, c int) int {
		if origin {
			r, c = c, r
		}
		return (r+3)*20 + c + 5
	}
	return text, func(t *testing.T, run *Runner, p *Program, name string) {
		x, y := smallIntegers(400, 1), smallIntegers(400, 2)
		want := slices.Clone(y)
		for r := range 8 {
			for c := range 8 {
				if load {
					want[r*8+c] = x[place(r, c)]
				} else {
					want[place(r, c)] = x[r*8+c]
				}
			}
		}
		out := encode(e, y)
		runMatrix(t, run, p, name, encode(e, x), out)
		if string(out) != string(encode(e, want)) {
			t.Errorf("got %v, want %v", decode(e, out), want)
		}
	}
}

func fillKernel(name string, row libraryFunction) (string, func(*testing.T, *Runner, *Program, string)) {
	e := row.arguments[0]
	text := fmt.Sprintf("kernel void %s(device const %s *x [[buffer(0)]], device %s *y [[buffer(1)]]) {\nsimdgroup_store(%s(x[1]), y, 8ul);\n}\n", name, e, e, row.name)
	return text, func(t *testing.T, r *Runner, p *Program, name string) {
		x := smallIntegers(2, 3)
		out := make([]byte, 64*sizes[e])
		runMatrix(t, r, p, name, encode(e, x), out)
		for i, v := range decode(e, out) {
			if v.f != x[1].f {
				t.Fatalf("element %d is %v, want %v", i, v.f, x[1].f)
			}
		}
	}
}

func multiplyKernel(name string, row libraryFunction) (string, func(*testing.T, *Runner, *Program, string)) {
	d, e := element(row.arguments[0]), element(row.arguments[1])
	text := fmt.Sprintf("kernel void %[1]s(device const %[3]s *x [[buffer(0)]], device const %[3]s *y [[buffer(1)]], device const %[2]s *z [[buffer(2)]], device %[2]s *w [[buffer(3)]]) {\n"+
		"simdgroup_matrix<%[3]s, 8, 8> a;\nsimdgroup_matrix<%[3]s, 8, 8> b;\nsimdgroup_matrix<%[2]s, 8, 8> c;\nsimdgroup_matrix<%[2]s, 8, 8> d;\n"+
		"simdgroup_load(a, x, 8ul);\nsimdgroup_load(b, y, 8ul);\nsimdgroup_load(c, z, 8ul);\nsimdgroup_multiply_accumulate(d, a, b, c);\nsimdgroup_store(d, w, 8ul);\n}\n", name, d, e)
	return text, func(t *testing.T, r *Runner, p *Program, name string) {
		a, b, c := smallIntegers(64, 4), smallIntegers(64, 5), smallIntegers(64, 6)
		out := make([]byte, 64*sizes[d])
		runMatrix(t, r, p, name, encode(e, a), encode(e, b), encode(d, c), out)
		for i, v := range decode(d, out) {
			want := c[i].f
			for k := range 8 {
				want += a[i/8*8+k].f * b[k*8+i%8].f
			}
			if v.f != want {
				t.Fatalf("element %d is %v, want %v", i, v.f, want)
			}
		}
	}
}
