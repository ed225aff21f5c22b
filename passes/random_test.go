package passes

import (
	"fmt"
	"maps"
	"math"
	"slices"
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
		checkPasses(t, seed, ir.CPU, ran)
		if t.Failed() {
			return
		}
	}
	for _, op := range ir.Ops() {
		if !ran[op.Name] && op.Kind != ir.KindLoop && op.Kind != ir.KindKernel && op.Kind != ir.KindDequant { // tests of their own have these
			t.Errorf("no program has %s", op.Name)
		}
	}
}

func FuzzPasses(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { checkPasses(t, seed, ir.CPU, map[string]bool{}) })
}

// Programs whose instructions are placed at random, for target metal. The verifier sees to
// it that no kernel joins what two devices compute.
func TestRandomPlaces(t *testing.T) {
	for seed := range uint64(600) {
		checkPasses(t, seed, ir.Metal, map[string]bool{})
		if t.Failed() {
			return
		}
	}
}

func checkPasses(t *testing.T, seed uint64, target ir.Target, ran map[string]bool) {
	kinds, special, same := random.AllKinds, false, equal
	if seed%2 == 0 {
		kinds, special, same = random.ByElement, true, bitwise
	}
	m := random.Module(seed, kinds)
	if seed%3 == 0 {
		m = random.Stateful(seed, kinds)
	}
	if target == ir.Metal {
		random.Place(m, seed)
	}
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
	amplified, factors, kernels := false, false, 0
	err = Run(m, target, func(pass string, m *ir.Module) {
		if t.Failed() {
			return
		}
		if pass == "fuse" { // which decides what is rounded
			if want, err = evalServing(m, params, inputs); err != nil {
				t.Errorf("seed %d: %v\n%s", seed, err, ir.Print(m))
			}
			return
		}
		var got []*ir.Tensor
		var err error
		if got, err = evalServing(m, params, inputs); err != nil {
			t.Errorf("seed %d, after %s: %v\n%s\n%s", seed, pass, err, text, ir.Print(m))
			return
		}
		same := same
		if pass == "lower" {
			amplified, factors = amplifies(m), computesFactors(m)
		}
		rows := pass == "tile" && len(m.Kernels) > kernels // of windows, which are stored and so rounded
		kernels = len(m.Kernels)
		if pass == "legalise" || rows {
			if same = legal; amplified || rows && factors {
				want = got
				return
			}
		}
		for i := range want {
			if diff := difference(got[i], want[i], same); diff != "" {
				t.Errorf("seed %d, after %s: result %d: %s\n%s\n%s", seed, pass, i, diff, text, ir.Print(m))
				return
			}
		}
		want = got
	})
	if err != nil {
		t.Errorf("seed %d: %v\n%s", seed, err, text)
	}
}

// amplifies reports whether a kernel computes from a function that others will stand
// for something whose error no bound on the function's tells: a difference, a
// remainder, a comparison.
func amplifies(m *ir.Module) bool {
	tame := []ir.Fn{ir.Mul, ir.Div, ir.Neg, ir.Abs, ir.Max, ir.Min, ir.Select, ir.Sqrt, ir.Rsqrt}
	for _, k := range m.Kernels {
		inexact := map[*ir.Scalar]bool{}
		for _, v := range k.Values {
			if (v.Fn == ir.Log || v.Fn == ir.Log2) && v.Kind == ir.ScalarApply && v.Args[0].Kind != ir.ScalarLoad {
				return true // near 1, where the rounding of what it is of is all of it
			}
			from := slices.ContainsFunc(v.Args, func(a *ir.Scalar) bool { return inexact[a] })
			if from && (v.Kind != ir.ScalarApply || !slices.Contains(tame, v.Fn)) {
				return true
			}
			inexact[v] = from || v.Kind == ir.ScalarApply && fnWork(v.Fn) > 4
		}
	}
	return false
}

// computesFactors reports whether a factor of a sum of products is computed: where it is laid
// out before the product it is rounded, and the sum may cancel.
func computesFactors(m *ir.Module) bool {
	return slices.ContainsFunc(m.Kernels, func(k *ir.Kernel) bool {
		return slices.ContainsFunc(k.Values, func(v *ir.Scalar) bool {
			return v.Kind == ir.ScalarReduce && v.Fn == ir.Add && v.Args[0].Fn == ir.Mul &&
				slices.ContainsFunc(v.Args[0].Args, func(a *ir.Scalar) bool { return a.Kind == ir.ScalarApply })
		})
	})
}

// evalServing runs what of the first entry serves such inputs: its kernels, if it has
// any. After the results come the states of the module.
func evalServing(m *ir.Module, params map[string]*ir.Tensor, inputs []*ir.Tensor) ([]*ir.Tensor, error) {
	f, v, err := m.Serving(m.Funcs[0].Name, params, inputs)
	if err != nil {
		return nil, err
	}
	if v != nil {
		params = maps.Clone(params)
		out, err := m.EvalVariant(f, v, params, inputs)
		return append(out, statesOf(m, params)...), err
	}
	out, _, err := evalRounded(&ir.Module{Params: m.Params, Dims: m.Dims, Funcs: []*ir.Func{f}}, params, inputs)
	return out, err
}

func statesOf(m *ir.Module, params map[string]*ir.Tensor) []*ir.Tensor {
	var states []*ir.Tensor
	for _, p := range m.Params {
		if p.State && !p.Local {
			states = append(states, params[p.Name])
		}
	}
	return states
}

// evalRounded evaluates the first entry with the result of every instruction
// rounded to its dtype; after fuse, of every instruction that a kernel stores, each
// kernel computing anew what is not stored. zeros tells that some sum is 0.
func evalRounded(m *ir.Module, params map[string]*ir.Tensor, inputs []*ir.Tensor) (out []*ir.Tensor, zeros bool, err error) {
	f := m.Funcs[0]
	if slices.ContainsFunc(f.Body, func(in *ir.Instr) bool { return in.Body != nil }) { // in float64
		after := maps.Clone(params)
		out, err := m.Eval(f, after, inputs)
		return append(out, statesOf(m, after)...), false, err
	}
	e := &evaluation{m: m, f: f, params: params, inputs: inputs, known: map[*ir.Value]*ir.Tensor{}}
	for i, v := range f.Inputs {
		e.known[v] = inputs[i]
	}
	groups := storedTogether(f)
	if fused.holds(m) && len(groups) > 0 {
		for _, group := range groups {
			here := map[*ir.Value]*ir.Tensor{}
			for _, v := range group {
				if _, err := e.inKernel(v, group, here); err != nil {
					return nil, false, err
				}
			}
			for _, v := range group {
				e.known[v] = here[v].Convert(v.Type.DType)
			}
		}
		for _, r := range f.Results {
			x, err := e.inKernel(r.Value, nil, map[*ir.Value]*ir.Tensor{})
			if err != nil {
				return nil, false, err
			}
			out = append(out, x.Convert(r.Type.DType))
		}
		after := maps.Clone(params)
		for _, w := range f.Writes {
			x, err := e.inKernel(w.Value, nil, map[*ir.Value]*ir.Tensor{})
			if err != nil {
				return nil, false, err
			}
			after[w.State.Name] = x.Convert(w.State.Type.DType)
		}
		return append(out, statesOf(m, after)...), e.zeros, nil
	}
	for _, in := range f.Body {
		body, results := []*ir.Instr{in}, in.Results
		if in.Op.Expand != nil {
			b := &ir.Emit{}
			if results, err = in.Op.Expand(b, in); err != nil {
				return nil, false, err
			}
			body = b.Body
		}
		for _, step := range body {
			x, err := e.run(step, e.known)
			if err != nil {
				return nil, false, err
			}
			e.known[step.Result()] = x.Convert(step.Result().Type.DType)
		}
		for i, v := range in.Results {
			e.known[v] = e.known[results[i]]
		}
	}
	for _, r := range f.Results {
		out = append(out, e.known[r.Value])
	}
	after := maps.Clone(params)
	for _, w := range f.Writes {
		after[w.State.Name] = e.known[w.Value]
	}
	return append(out, statesOf(m, after)...), e.zeros, nil
}

type evaluation struct {
	m      *ir.Module
	f      *ir.Func
	params map[string]*ir.Tensor
	inputs []*ir.Tensor
	known  map[*ir.Value]*ir.Tensor // in memory
	zeros  bool
}

// inKernel is v as the kernel of a group computes it.
func (e *evaluation) inKernel(v *ir.Value, group []*ir.Value, here map[*ir.Value]*ir.Tensor) (*ir.Tensor, error) {
	if x := here[v]; x != nil {
		return x, nil
	}
	if x := e.known[v]; x != nil && !slices.Contains(group, v) {
		return x, nil
	}
	args := map[*ir.Value]*ir.Tensor{}
	for _, a := range v.Instr.Args {
		x, err := e.inKernel(a, group, here)
		if err != nil {
			return nil, err
		}
		args[a] = x
	}
	x, err := e.run(v.Instr, args)
	if err != nil {
		return nil, err
	}
	if isSum(v.Instr) && v.Type.DType.IsFloat() && v.Type.DType.Size() == 2 {
		x = x.Convert(v.Type.DType) // of another dtype than it is accumulated in
	}
	here[v] = x
	return x, nil
}

// run evaluates one instruction. The entry's inputs come along, since dims are
// solved from them.
func (e *evaluation) run(in *ir.Instr, known map[*ir.Value]*ir.Tensor) (*ir.Tensor, error) {
	one := &ir.Func{Name: e.f.Name, Inputs: append(e.f.Inputs[:len(e.f.Inputs):len(e.f.Inputs)], in.Args...), Body: []*ir.Instr{in}}
	args := e.inputs[:len(e.inputs):len(e.inputs)]
	for _, a := range in.Args {
		args = append(args, known[a])
	}
	one.Results = []ir.Result{{Value: in.Result()}}
	outs, err := e.m.Eval(one, e.params, args)
	if err != nil {
		return nil, err
	}
	if isSum(in) {
		for _, x := range outs[0].Convert(in.Result().Type.DType).F {
			e.zeros = e.zeros || x == 0
		}
	}
	return outs[0], nil
}

func isSum(in *ir.Instr) bool {
	return in.Op.Kind == ir.KindContract || in.Op.Kind == ir.KindWindow || in.Op.Kind == ir.KindReduce
}

// bitwise equality takes -0 and 0 apart, equal does not; for both, NaN is NaN.
func bitwise(x, y float64) bool {
	return equal(x, y) && math.Signbit(x) == math.Signbit(y) || x != x && y != y
}

func equal(x, y float64) bool { return x == y || x != x && y != y }

// legal is equality up to what functions that stand for others may be off. What they
// make of what is not finite, or so small that f32 has no such number, they make in
// f32, and not in the float64 of the evaluator: see TestFunctionsOfF32.
func legal(x, y float64) bool {
	finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	return equal(x, y) || math.Abs(x-y) <= 1e-6*math.Abs(y)+0x1p-126 || !finite(x) || !finite(y)
}

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
