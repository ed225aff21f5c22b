package ir

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// pullKernel makes the kernel of one instruction by pulling, with its operands as
// arguments: what lowering does before it folds anything.
func pullKernel(in *Instr) *Kernel {
	k := &Kernel{Name: in.Op.Name, Dims: testScope.module.Dims}
	p := &Puller{DAG: NewDAG()}
	number := map[*Value]int{}
	for i, a := range in.Args {
		number[a] = i
		k.Args = append(k.Args, KernelArg{Name: fmt.Sprintf("x%d", i), DType: a.Type.DType, Len: a.Type.Elems()})
	}
	p.Arg = func(v *Value, at []Size) *Scalar {
		return p.Load(number[v], v.Type.DType, Linear(at, v.Type.Shape))
	}
	out := in.Result().Type
	at := make([]Size, out.Rank())
	for i, e := range out.Shape {
		a := &Axis{Name: fmt.Sprintf("i%d", i), Extent: e}
		k.Par = append(k.Par, a)
		at[i] = a.Index()
	}
	k.Stores = []Store{{Arg: len(k.Args), Index: Linear(at, out.Shape), Value: p.Pull(in, at)}}
	k.Args = append(k.Args, KernelArg{Name: "out", DType: out.DType, Len: out.Elems(), Write: true})
	k.Values = p.Values
	return k
}

// runKernels computes an instruction by kernels, a composite by those of its
// expansion.
func runKernels(in *Instr, dims map[string]int64, args []*Tensor) (*Tensor, error) {
	memory := map[*Value][]byte{}
	for i, a := range in.Args {
		memory[a] = args[i].Bytes()
	}
	body, result := []*Instr{in}, in.Result()
	if in.Op.Expand != nil {
		b := &Emit{}
		results, err := in.Op.Expand(b, in)
		if err != nil {
			return nil, err
		}
		body, result = b.Body, results[0]
	}
	env := &Env{Dims: dims}
	for _, step := range body {
		var buffers [][]byte
		for _, a := range step.Args {
			buffers = append(buffers, memory[a])
		}
		n, err := env.size(step.Result().Type.Bytes())
		if err != nil {
			return nil, err
		}
		out := make([]byte, n)
		if err := pullKernel(step).Eval(dims, append(buffers, out)); err != nil {
			return nil, err
		}
		memory[step.Result()] = out
	}
	shape, err := env.sizes(in.Result().Type.Shape)
	if err != nil {
		return nil, err
	}
	return TensorOf(in.Result().Type.DType, shape, memory[result])
}

// compare checks a kernel's result, which was computed in float64 like the
// reference and rounded where it was stored.
func compare(t *testing.T, what string, op *Op, got, want *Tensor) {
	t.Helper()
	if !got.typ().Equal(want.typ()) {
		t.Errorf("%s: got %s, want %s", what, got.typ(), want.typ())
		return
	}
	for i := range got.F {
		if !op.Tolerance.Allows(got.F[i], want.F[i], got.DType, 1) {
			t.Errorf("%s: element %d is %v, want %v", what, i, got.F[i], want.F[i])
			return
		}
	}
	for i := range got.I {
		if got.I[i] != want.I[i] {
			t.Errorf("%s: element %d is %d, want %d", what, i, got.I[i], want.I[i])
			return
		}
	}
}

func TestKernelsAgainstRecordedArrays(t *testing.T) {
	for _, c := range opCases(t) {
		var args []*Tensor
		for _, a := range c.Args {
			args = append(args, parseTensor(t, a))
		}
		in := c.instr(t, args)
		got, err := runKernels(in, nil, args)
		if err != nil {
			t.Error(c, err)
			continue
		}
		compare(t, c.String(), in.Op, got, parseTensor(t, c.Want))
	}
}

// The float cases in the other float dtypes: kernels against the evaluator.
func TestKernelsInEveryFloat(t *testing.T) {
	ran := map[string]bool{}
	for _, c := range opCases(t) {
		for _, to := range []DType{F64, F16, BF16} {
			var args []*Tensor
			floats := false
			if to == F64 {
				c.Attrs = strings.ReplaceAll(c.Attrs, "acc=f32", "acc=f64")
			}
			for _, a := range c.Args {
				x := parseTensor(t, a)
				if x.DType == F32 {
					x, floats = x.Convert(to), true
				}
				args = append(args, x)
			}
			if !floats {
				continue
			}
			in := c.instr(t, args)
			want, err := (&Env{}).instr(in, args)
			if err != nil {
				t.Fatal(c, err)
			}
			got, err := runKernels(in, nil, args)
			if err != nil {
				t.Error(c, to, err)
				continue
			}
			ran[c.Op] = true
			compare(t, fmt.Sprint(c, " in ", to), in.Op, got, want[0])
		}
	}
	for _, op := range Ops() {
		if op.Grad != GradNone && !ran[op.Name] {
			t.Errorf("%s has no float case", op.Name)
		}
	}
}

// Sizes that only the call knows: extents, guards and counts are expressions.
func TestKernelsWithDims(t *testing.T) {
	cases := []struct {
		op, attrs string
		args      []string
	}{
		{"mean", "axes=[1], keep=false", []string{"f32[B, N, 2]"}},
		{"max", "axes=[1], keep=true", []string{"i32[B, N]"}},
		{"argmin", "axis=1, keep=false", []string{"f32[B, N]"}},
		{"reshape", "shape=[N, B]", []string{"f32[B, N]"}},
		{"transpose", "perm=[1, 0]", []string{"f32[B, N]"}},
		{"broadcast", "shape=[B, N]", []string{"f32[B, 1]"}},
		{"slice", "start=[0, N], step=[1, 2], size=[B, N]", []string{"f32[B, 3*N]"}},
		{"pad", "lo=[1, 0], hi=[0, 2], value=7", []string{"f32[B, N]"}},
		{"concat", "axis=1", []string{"f32[B, N]", "f32[B, 2]", "f32[B, N]"}},
		{"take", "axis=0", []string{"f32[N, 2]", "i32[B]"}},
		{"iota", "dtype=i32, shape=[B, N], axis=1", nil},
		{"max_pool", "size=[3], stride=[2], pad=[1]", []string{"f32[B, 2*N + 1, 2]"}},
		{"avg_pool", "size=[2], stride=[2], pad=[0]", []string{"f32[B, 2*N, 2]"}},
		{"matmul", "acc=f32", []string{"f32[B, N, 3]", "f32[3, N]"}},
		{"conv_transpose", "stride=[2, 3], pad=[2, 0], dilation=[1, 2], outPad=[0, 1], groups=1, acc=f32", []string{"f32[B, N + 1, N, 2]", "f32[3, 3, 2, 2]"}},
		{"flip", "axes=[0, 2]", []string{"f32[B, 3, N]"}},
		{"conv_winograd", "pad=[1, 0], acc=f32", []string{"f32[B, N + 2, N + 3, 2]", "f32[3, 3, 3, 2]"}},
		{"conv", "stride=[2], pad=[1], dilation=[1], groups=1, acc=f32", []string{"f32[B, N + 2, 3]", "f32[4, 3, 3]"}},
		{"softmax", "axis=1, acc=f32", []string{"f32[B, N]"}},
		{"var", "axes=[0, 1], keep=false", []string{"f32[N, N]"}},
		{"layer_norm", "eps=0.5, acc=f32", []string{"f32[B, N]", "f32[N]", "f32[N]"}},
		{"group_norm", "groups=2, eps=0.5, acc=f32", []string{"f32[B, N, 4]", "f32[4]", "f32[4]"}},
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range cases {
		in := testInstr(t, c.op, c.attrs, c.args...)
		types, err := in.Infer()
		if err != nil {
			t.Error(err)
			continue
		}
		in.Results = []*Value{{Type: types[0], Instr: in}}
		for _, dims := range []map[string]int64{{"B": 1, "N": 1}, {"B": 3, "N": 5}, {"B": 4, "N": 2}, {"B": 0, "N": 3}} {
			env := &Env{Dims: dims}
			var args []*Tensor
			for _, a := range in.Args {
				shape, err := env.sizes(a.Type.Shape)
				if err != nil {
					t.Fatal(err)
				}
				x := NewTensor(a.Type.DType, shape...)
				in.Op.Sample.Fill(r, x)
				args = append(args, x)
			}
			want, err := env.instr(in, args)
			if err != nil {
				t.Error(c.op, dims, err)
				continue
			}
			got, err := runKernels(in, dims, args)
			if err != nil {
				t.Error(c.op, dims, err)
				continue
			}
			compare(t, fmt.Sprint(c.op, dims), in.Op, got, want[0])
		}
	}
}
