package passes

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// Pulled whole, attention is one kernel, and a stream: three folds over the keys share the
// scores, and their exponentials, with each other. It is what the op means, also where a query
// sees nothing and where there are more queries than keys.
func TestAttentionPulledWhole(t *testing.T) {
	const cases = 4
	masks := [cases]struct{ arg, use string }{
		{}, {}, {", %m: f32[B, 1, T, S]", ", %m"}, {", %m: bool[B, 1, 1, S]", ", %m"},
	}
	for n := range 2 * cases {
		d, mask, causal := []string{"f32", "f16"}[n/cases], masks[n%cases], n%cases == 1
		q, kv := d+"[B, 4, T, 5]", d+"[B, 2, S, 5]"
		text := fmt.Sprintf("mlxir 1\nmodule \"one\" {\ndim B 1..4\ndim T 1..9\ndim S 1..9\nfunc @f(%%q: %s, %%k: %s, %%v: %s%s) -> (y: %s) {\n"+
			"%%y = attention(%%q, %%k, %%v%s, scale=0.5, causal=%v, acc=invalid) : %s\nret(%%y)\n}\n}", q, kv, kv, mask.arg, q, mask.use, causal, q)
		m, want := parse(t, text), parse(t, text)
		if err := expand(m); err != nil {
			t.Fatal(err)
		}
		k, args, err := groupKernel(m, []*ir.Value{m.Funcs[0].Results[0].Value}, func(*ir.Value) bool { return false }, nil)
		if err != nil {
			t.Fatal(err)
		}
		if st := k.Stream; st == nil || len(k.Stores) != 1 {
			t.Errorf("no stream, or several results, of\n%s", text)
		} else if rows, columns, batch := most(st.M), most(st.N), most(st.Batch(k)); rows != 2*9 || columns != 5 || batch != 4*2 {
			t.Errorf("%d rows and %d columns, %d times, of\n%s", rows, columns, batch, ir.PrintKernel(k))
		} else if seen := st.Seen.String(); causal && seen != "S - T + i2 + 1" || !causal && seen != "0" {
			t.Errorf("causal: %v, and a row sees the keys up to %s", causal, seen)
		}
		for _, size := range [][2]int{{1, 1}, {1, 7}, {7, 7}, {3, 8}, {7, 3}} {
			evalPulled(t, want, m.Funcs[0], k, args, size[0], size[1])
		}
		for i := range k.Args {
			k.Args[i].Name = fmt.Sprintf("a%d", i)
		}
		dialects[ir.OnCPU].rewrite(k) // the exponential, too
		contractFMA(k)
		k.Name, m.Kernels = "whole", []*ir.Kernel{k}
		again := parse(t, ir.Print(m)).Kernels[0]
		if got, want := ir.PrintKernel(again), ir.PrintKernel(k); got != want || again.Stream == nil || again.Stream.Check(again) != nil {
			t.Errorf("read again it is\n%swant\n%s", got, want)
		}
	}
}

// evalPulled holds a kernel of f's result against the op, for T queries and S keys.
func evalPulled(t *testing.T, op *ir.Module, f *ir.Func, k *ir.Kernel, args []*ir.Value, queries, keys int) {
	t.Helper()
	dims := map[string]int64{"B": 2, "T": int64(queries), "S": int64(keys)}
	r := rand.New(rand.NewPCG(uint64(queries), uint64(keys)))
	var inputs []*ir.Tensor
	bytes := make([][]byte, len(args))
	for _, v := range f.Inputs {
		shape := make([]int, v.Type.Rank())
		for i, s := range v.Type.Shape {
			n, _ := s.Eval(func(name string) (int64, bool) { return dims[name], true })
			shape[i] = int(n)
		}
		x := ir.NewTensor(v.Type.DType, shape...)
		ir.SampleNormal.Fill(r, x)
		inputs = append(inputs, x)
		for i, a := range args {
			if a == v {
				bytes[i] = x.Bytes()
			}
		}
	}
	want, err := op.Eval(op.Funcs[0], nil, inputs)
	if err != nil {
		t.Fatal(err)
	}
	out := want[0]
	stored := make([]byte, len(out.Bytes()))
	bytes[len(bytes)-1] = stored
	if err := k.Eval(dims, bytes); err != nil {
		t.Fatal(err)
	}
	got, err := ir.TensorOf(out.DType, out.Shape, stored)
	if err != nil {
		t.Fatal(err)
	}
	tol := op.Funcs[0].Body[0].Op.Tolerance
	for i, w := range out.F {
		if !tol.Allows(got.F[i], w, out.DType, 5+keys) {
			t.Fatalf("T = %d, S = %d: element %d is %g, want %g", queries, keys, i, got.F[i], w)
		}
	}
}
