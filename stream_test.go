package mlxc_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/codegen"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// A streamCase is attention of T queries and S keys.
type streamCase struct {
	dtype                ir.DType
	heads, groups        int // of queries, and of keys
	terms, columns       int // of a score, and of a value
	mask                 string
	causal               bool
	queries, keys, batch int // T, S and B
	scale                float64
	lowest               int  // keys, the first, whose scores are -inf
	turned               bool // the queries, by rope
}

// inPlace reports that keys and values are read where they lie.
func (c *streamCase) inPlace() bool {
	return c.dtype == ir.F32 && c.columns%ir.PanelCols == 0 && c.heads/c.groups*c.queries <= ir.PanelCols
}

// streamCases are of few heads, of head sizes around the lanes of vectors, and of
// numbers of keys around those that are taken together.
func streamCases() []streamCase {
	var cases []streamCase
	masks := []struct {
		mask   string
		causal bool
	}{{"", false}, {"", true}, {"f32[B, 1, T, S]", false}, {"bool[B, 4, 1, S]", true}}
	sizes := [][2]int{{1, 1}, {1, 129}, {7, 7}, {13, 300}, {40, 9}, {65, 128}}
	for i, size := range sizes {
		for j, m := range masks {
			for k, dtype := range []ir.DType{ir.F32, ir.F16, ir.BF16} {
				c := streamCase{dtype, 4, []int{4, 2, 1}[(i+j+k)%3], []int{5, 8, 16, 40}[(i+2*j+k)%4], []int{8, 3, 40, 17}[(i+j)%4], m.mask, m.causal, size[0], size[1], 2, 0.5, 0, false}
				cases = append(cases, c)
			}
		}
	}
	return append(cases, streamCase{ir.F32, 2, 1, 256, 256, "", true, 33, 200, 1, 0.5, 0, false}, streamCase{ir.F32, 1, 1, 2, 512, "", false, 3, 700, 1, 0.5, 0, false},
		streamCase{ir.F32, 4, 2, 40, 40, "", true, 199, 530, 1, 0.5, 0, false}, streamCase{ir.F32, 4, 1, 8, 24, "", true, 300, 270, 1, 0.5, 0, false}, // more queries than keys
		streamCase{ir.F32, 2, 2, 24, 33, "f32[B, 1, T, S]", false, 101, 520, 1, 0.5, 0, false}, streamCase{ir.F32, 4, 4, 8, 8, "bool[B, 4, 1, S]", true, 50, 600, 2, 0.5, 0, false},
		streamCase{ir.F16, 4, 1, 40, 40, "", true, 100, 515, 1, 0.5, 0, false}, streamCase{ir.F32, 8, 8, 40, 40, "", false, 97, 257, 1, 0.5, 0, false},
		streamCase{ir.F32, 2, 2, 16, 16, "", true, 20, 300, 1, -0.25, 0, false}, streamCase{ir.F32, 2, 2, 16, 16, "", false, 20, 300, 1, 1, 0, false},
		streamCase{ir.F32, 1, 1, 8, 16, "", false, 9, 700, 1, 0.5, 600, false}, streamCase{ir.F32, 1, 1, 8, 16, "", false, 2, 40, 1, 0.5, 40, false},
		// Few rows.
		streamCase{ir.F32, 8, 8, 64, 64, "", true, 1, 600, 1, 0.125, 0, false}, streamCase{ir.F32, 4, 2, 9, 16, "", false, 1, 33, 2, 0.5, 0, false},
		streamCase{ir.F32, 4, 1, 40, 48, "", true, 4, 300, 1, 0.5, 0, false}, streamCase{ir.F32, 2, 2, 17, 32, "bool[B, 2, 1, S]", true, 11, 257, 1, 0.5, 0, false},
		streamCase{ir.F32, 4, 4, 8, 16, "f32[B, 1, T, S]", false, 3, 270, 2, 0.5, 0, false}, streamCase{ir.F32, 1, 1, 8, 16, "", false, 9, 700, 1, 0.5, 600, false},
		streamCase{ir.F32, 4, 2, 16, 24, "", true, 13, 300, 2, 0.5, 0, true}, streamCase{ir.F32, 8, 2, 64, 64, "", true, 1, 129, 1, 0.125, 0, true})
}

// streamModule has an entry for each case.
func streamModule(t *testing.T, cases []streamCase) *ir.Module {
	t.Helper()
	var b strings.Builder
	b.WriteString("mlxir 1\nmodule \"streams\" {\n")
	for i, c := range cases {
		sizes := func(text string) string {
			return strings.NewReplacer("B", fmt.Sprint(c.batch), "T", fmt.Sprint(c.queries), "S", fmt.Sprint(c.keys)).Replace(text)
		}
		mask, use := "", ""
		if c.mask != "" {
			mask, use = ", %m: "+sizes(c.mask), ", %m"
		}
		q, out := fmt.Sprintf("%s[%d, %d, %d, %d]", c.dtype, c.batch, c.heads, c.queries, c.terms), fmt.Sprintf("%s[%d, %d, %d, %d]", c.dtype, c.batch, c.heads, c.queries, c.columns)
		k, v := fmt.Sprintf("%s[%d, %d, %d, %d]", c.dtype, c.batch, c.groups, c.keys, c.terms), fmt.Sprintf("%s[%d, %d, %d, %d]", c.dtype, c.batch, c.groups, c.keys, c.columns)
		turn := ""
		if c.turned {
			turn = fmt.Sprintf("%%turned = rope(%%q, pos=5, theta=100, interleaved=false, factor=1, low=0, high=0, context=0, acc=invalid) : %s\n", q)
		}
		query := map[bool]string{false: "%q", true: "%turned"}[c.turned]
		fmt.Fprintf(&b, "func @case%d(%%q: %s, %%k: %s, %%v: %s%s) -> (y: %s) {\n%s%%y = attention(%s, %%k, %%v%s, scale=%v, causal=%v, acc=invalid) : %s\nret(%%y)\n}\n", i, q, k, v, mask, out, turn, query, use, c.scale, c.causal, out)
	}
	b.WriteString("}\n")
	m, err := mlxc.ParseIR("streams.mlxir", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Attention compiled for the CPU is one kernel, within the tolerance of the op of what
// f64 gives, and the same bits for any number of threads.
func TestStreams(t *testing.T) {
	emptyCache(t)
	cases := streamCases()
	m := streamModule(t, cases)
	planned, err := mlxc.Plan(m, ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range planned.Funcs {
		c := cases[i]
		n := 0 // kernels that compute more than what lies elsewhere
		for _, s := range f.Variants[0].Steps {
			if slices.ContainsFunc(s.Kernel.Values, func(v *ir.Scalar) bool { return v.Kind == ir.ScalarReduce }) {
				n++
				if want := c.inPlace() || min(c.terms, c.columns, c.keys) >= 8; c.keys > 1 && codegen.InAssembly(s.Kernel) != want {
					t.Errorf("%v in assembly: %v", c, !want)
				}
				if p, err := s.Kernel.StreamPanels(); c.keys > 1 && c.inPlace() != (err == nil && p.InPlace) {
					t.Errorf("%v in place: %v", c, !c.inPlace())
				}
			}
		}
		if n != 1 && c.keys > 1 {
			t.Errorf("%v is %d kernels", c, n)
		}
	}
	runner, err := mlxc.BuildRunner(context.Background(), m, "streams.mlxir", ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	wide := slices.Clone(cases)
	for i := range wide {
		wide[i].dtype = ir.F32
	}
	want := streamModule(t, wide)
	for _, limit := range []string{"", "avx2", "go"} {
		t.Setenv("MLXC_CPU", limit)
		for i, c := range cases {
			tryStream(t, runner, want, want.Funcs[i], c)
		}
	}
}

// tryStream runs a case with 1 to 3 threads and holds it against the evaluator.
func tryStream(t *testing.T, runner *mlxc.Runner, m *ir.Module, f *ir.Func, c streamCase) {
	t.Helper()
	if c.dtype == ir.BF16 { // which .npy files cannot hold
		return
	}
	r := rand.New(rand.NewPCG(uint64(c.queries), uint64(c.keys)))
	var inputs []*ir.Tensor // as f32, which holds them too
	var in bytes.Buffer
	for _, v := range f.Inputs {
		shape := make([]int, v.Type.Rank())
		for i, s := range v.Type.Shape {
			n, _ := s.Int()
			shape[i] = int(n)
		}
		dtype := v.Type.DType
		if v.Name != "m" {
			dtype = c.dtype
		}
		x := ir.NewTensor(dtype, shape...)
		ir.SampleNormal.Fill(r, x)
		for i := range x.F {
			if v.Name == "m" && r.IntN(3) == 0 { // of which some queries see nothing
				x.F[i] = math.Inf(-1)
			}
		}
		for i := range x.F {
			switch {
			case c.lowest == 0 || i%c.terms > 0:
			case v.Name == "q":
				x.F[i] = 1
			case v.Name == "k" && i < c.lowest*c.terms:
				x.F[i] = math.Inf(-1)
			}
		}
		inputs = append(inputs, &ir.Tensor{DType: v.Type.DType, Shape: x.Shape, F: x.F, I: x.I})
		a, err := runtime.NewArray(runtime.DType(x.DType), shape...)
		if err != nil {
			t.Fatal(err)
		}
		copy(a.Bytes(), x.Bytes())
		if err := runtime.WriteNPY(&in, a); err != nil {
			t.Fatal(err)
		}
	}
	want, err := m.Eval(f, nil, inputs)
	if err != nil {
		t.Fatal(err)
	}
	var first []byte
	for threads := 1; threads <= 3; threads++ {
		var out bytes.Buffer
		if err := runner.Run(context.Background(), f.Name, "", threads, bytes.NewReader(in.Bytes()), &out); err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		if first == nil {
			first = out.Bytes()
		} else if !bytes.Equal(first, out.Bytes()) {
			t.Errorf("%v: %d threads give other bits than 1", c, threads)
		}
	}
	y, err := runtime.ReadNPY(bytes.NewReader(first), math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ir.TensorOf(c.dtype, y.Shape(), y.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	tol := ir.LookupOp("attention").Tolerance
	for i, w := range want[0].F {
		if !tol.Allows(got.F[i], w, c.dtype, c.terms+c.keys) {
			t.Errorf("%v: element %d is %g, want %g", c, i, got.F[i], w)
			return
		}
	}
}

// Streams touch nothing beside their buffers, and compute each row by itself.
func TestStreamsBetweenGuards(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("pages are guarded by calls of Linux")
	}
	cases := slices.DeleteFunc(streamCases(), func(c streamCase) bool { return c.dtype != ir.F32 })
	runGuardsOnARM64(t, runBetweenGuards(t, streamModule(t, cases)))
}
