package passes

import (
	"fmt"
	"maps"
	"math"
	"testing"

	"github.com/mlxc/mlxc/internal/random"
	"github.com/mlxc/mlxc/ir"
)

// Random programs mean the same after each pass. Until lower the reference
// evaluates them one instruction at a time, rounding each result to its dtype; the
// kernels are interpreted and round where they store. So results are equal bit by
// bit. Only the sign of a sum that is 0 depends on whether it starts from 0 or from
// its first term, which is not said: programs with sums that would tell are left out.
func TestRandomPrograms(t *testing.T) {
	ran := map[string]bool{}
	for seed := range uint64(1500) {
		checkPasses(t, seed, ran)
		if t.Failed() {
			return
		}
	}
	for _, op := range ir.Ops() {
		if !ran[op.Name] {
			t.Errorf("no program has %s", op.Name)
		}
	}
}

func FuzzPasses(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { checkPasses(t, seed, map[string]bool{}) })
}

func checkPasses(t *testing.T, seed uint64, ran map[string]bool) {
	kinds, special, same := random.AllKinds, false, equal
	if seed%2 == 0 {
		kinds, special, same = random.ByElement, true, bitwise
	}
	m := random.Module(seed, kinds)
	text := ir.Print(m)
	if err := ir.Verify(m); err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, text)
	}
	params, inputs, ok := random.Inputs(m, seed, special)
	if !ok {
		return
	}
	want, zeros, err := evalRounded(m, params, inputs)
	ops := map[string]bool{}
	for _, in := range m.Funcs[0].Body {
		ops[in.Op.Name] = true
	}
	tells := ops["div"] || ops["rsqrt"] || ops["pow"]
	if err != nil || zeros && tells { // an error would be the maximum of nothing
		return
	}
	maps.Copy(ran, ops)
	err = Run(m, ir.CPU, func(pass string, m *ir.Module) {
		if t.Failed() {
			return
		}
		var got []*ir.Tensor
		var err error
		if got, err = evalServing(m, params, inputs); err != nil {
			t.Errorf("seed %d, after %s: %v\n%s\n%s", seed, pass, err, text, ir.Print(m))
			return
		}
		for i := range want {
			if diff := difference(got[i], want[i], same); diff != "" {
				t.Errorf("seed %d, after %s: result %d: %s\n%s\n%s", seed, pass, i, diff, text, ir.Print(m))
				return
			}
		}
	})
	if err != nil {
		t.Errorf("seed %d: %v\n%s", seed, err, text)
	}
}

// evalServing runs what of the first entry serves such inputs: its kernels, if it has
// any.
func evalServing(m *ir.Module, params map[string]*ir.Tensor, inputs []*ir.Tensor) ([]*ir.Tensor, error) {
	f, v, err := m.Serving(m.Funcs[0].Name, inputs)
	if err != nil {
		return nil, err
	}
	if v != nil {
		return m.EvalVariant(f, v, params, inputs)
	}
	out, _, err := evalRounded(&ir.Module{Params: m.Params, Dims: m.Dims, Funcs: []*ir.Func{f}}, params, inputs)
	return out, err
}

// evalRounded evaluates the first entry with the result of every instruction
// rounded to its dtype. zeros tells that some sum is 0.
func evalRounded(m *ir.Module, params map[string]*ir.Tensor, inputs []*ir.Tensor) (out []*ir.Tensor, zeros bool, err error) {
	f := m.Funcs[0]
	known := map[*ir.Value]*ir.Tensor{}
	for i, v := range f.Inputs {
		known[v] = inputs[i]
	}
	run := func(in *ir.Instr) error {
		// The entry's inputs come along, since dims are solved from them.
		one := &ir.Func{Name: f.Name, Inputs: append(f.Inputs[:len(f.Inputs):len(f.Inputs)], in.Args...), Body: []*ir.Instr{in}}
		args := inputs[:len(inputs):len(inputs)]
		for _, a := range in.Args {
			args = append(args, known[a])
		}
		for _, v := range in.Results {
			one.Results = append(one.Results, ir.Result{Value: v})
		}
		outs, err := m.Eval(one, params, args)
		if err != nil {
			return err
		}
		for i, v := range in.Results {
			known[v] = outs[i].Convert(v.Type.DType)
			for _, x := range known[v].F {
				zeros = zeros || x == 0 && (in.Op.Kind == ir.KindContract || in.Op.Kind == ir.KindWindow || in.Op.Kind == ir.KindReduce)
			}
		}
		return nil
	}
	for _, in := range f.Body {
		if in.Op.Expand == nil {
			if err := run(in); err != nil {
				return nil, false, err
			}
			continue
		}
		b := &ir.Emit{}
		results, err := in.Op.Expand(b, in)
		if err != nil {
			return nil, false, err
		}
		for _, step := range b.Body {
			if err := run(step); err != nil {
				return nil, false, err
			}
		}
		for i, v := range in.Results {
			known[v] = known[results[i]]
		}
	}
	for _, r := range f.Results {
		out = append(out, known[r.Value])
	}
	return out, zeros, nil
}

// bitwise equality takes -0 and 0 apart, equal does not; for both, NaN is NaN.
func bitwise(x, y float64) bool {
	return equal(x, y) && math.Signbit(x) == math.Signbit(y) || x != x && y != y
}

func equal(x, y float64) bool { return x == y || x != x && y != y }

// nearly is equality up to what functions that stand for others may be off.
func nearly(x, y float64) bool { return equal(x, y) || math.Abs(x-y) <= 1e-6*math.Abs(y) }

// difference tells where two tensors differ; empty: nowhere.
func difference(got, want *ir.Tensor, same func(x, y float64) bool) string {
	if got.DType != want.DType || fmt.Sprint(got.Shape) != fmt.Sprint(want.Shape) {
		return fmt.Sprintf("%s%v, want %s%v", got.DType, got.Shape, want.DType, want.Shape)
	}
	for i := range got.F {
		if !same(got.F[i], want.F[i]) {
			return fmt.Sprintf("element %d is %v, want %v", i, got.F[i], want.F[i])
		}
	}
	for i := range got.I {
		if got.I[i] != want.I[i] {
			return fmt.Sprintf("element %d is %d, want %d", i, got.I[i], want.I[i])
		}
	}
	return ""
}
