package ir

import (
	"math"
	"math/rand/v2"
	"testing"
)

// derivative propagates the slopes of a body's functions from operand i to the
// result, forward through the DAG.
func derivative(d *DAG, result *Scalar, i int) S {
	of := map[*Scalar]S{}
	for _, v := range d.Values[:len(d.Values):len(d.Values)] { // not what is added below
		if v.ID > result.ID {
			break
		}
		s := d.Wrap(v)
		if v.Kind == ScalarLoad && v.Arg == i {
			of[v] = one(s)
		}
		if v.Kind != ScalarApply {
			continue
		}
		args := make([]S, len(v.Args))
		for j, a := range v.Args {
			args[j] = d.Wrap(a)
		}
		slopes := v.Fn.Slope(args, s)
		for j, a := range v.Args {
			da, varies := of[a]
			if !varies || slopes == nil {
				continue
			}
			term := slopes[j].Mul(da)
			if sum, ok := of[v]; ok {
				term = sum.Add(term)
			}
			of[v] = term
		}
	}
	if _, ok := of[result]; !ok {
		return zero(d.Wrap(result))
	}
	return of[result]
}

// Derivatives of all smooth bodies, at operands that the op's sampler draws,
// against central differences. Those have an error of h² times the third
// derivative, and of the last bits of the body divided by h.
func TestSlopes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	used := map[Fn]bool{}
	for _, op := range Ops() {
		if op.Grad != GradBody {
			continue
		}
		d := NewDAG()
		var x []S
		for i, name := range op.Operands {
			dtype := F64
			if name == "c" {
				dtype = Bool
			}
			x = append(x, d.Wrap(d.Add(Scalar{Kind: ScalarLoad, DType: dtype, Arg: i})))
		}
		y := op.Body(x...).V
		for _, v := range d.Values {
			used[v.Fn] = true
		}
		for i := range x {
			if x[i].V.DType == Bool {
				continue
			}
			slope := derivative(d, y, i)
			for range 50 {
				at := make([]*Tensor, len(x))
				for j := range at {
					at[j] = NewTensor(x[j].V.DType, 1)
					op.Sample.Fill(r, at[j])
				}
				const h = 1e-5
				x0 := at[i].F[0]
				at[i].F[0] = x0 + h
				hi := evalBody(t, d, y, at)
				at[i].F[0] = x0 - h
				lo := evalBody(t, d, y, at)
				at[i].F[0] = x0
				got, want := evalBody(t, d, slope.V, at), (hi-lo)/(2*h)
				if math.Abs(hi-lo) > 1e4*h*max(1, math.Abs(got)) {
					continue // a step lies between
				}
				if !near(got, want, 1e-5, 1e-6) {
					t.Errorf("%s by operand %d at %v, %v: %v, difference %v", op.Name, i, x0, at[len(at)-1].F, got, want)
					break
				}
			}
		}
	}
	for fn := range Fn(len(fnTable)) {
		if fnTable[fn].slope != nil && !used[fn] && fn != FMA {
			t.Errorf("no body uses %s, so its derivative is not tested", fn)
		}
	}
}

func evalBody(t *testing.T, d *DAG, result *Scalar, args []*Tensor) float64 {
	numbers := make([]number, len(d.Values))
	for _, v := range d.Values[:result.ID+1] {
		if v.Kind == ScalarLoad {
			numbers[v.ID] = args[v.Arg].at(0)
			continue
		}
		var operands []number
		for _, a := range v.Args {
			operands = append(operands, numbers[a.ID])
		}
		var err error
		if numbers[v.ID], err = evalScalar(v, operands, nil); err != nil {
			t.Fatal(err)
		}
	}
	return numbers[result.ID].f
}

func TestFnTable(t *testing.T) {
	for fn := NoFn + 1; int(fn) < len(fnTable); fn++ {
		if fnTable[fn].name == "" || fn.Arity() == 0 {
			t.Errorf("function %d has no row", fn)
		}
		if found, ok := LookupFn(fn.String()); !ok || found != fn {
			t.Errorf("%s is found as %v", fn, found)
		}
	}
	if _, ok := LookupFn("none"); ok {
		t.Error("none is no function")
	}
}

// Functions of kernels alone, which no op of the table shows.
func TestKernelFns(t *testing.T) {
	for _, c := range []struct {
		fn   Fn
		args []float64
		want float64
	}{
		{FMA, []float64{1 + 0x1p-30, 1 - 0x1p-30, -1}, -0x1p-60}, // rounded once
		{Ldexp, []float64{0.75, 4}, 12},
		{Ldexp, []float64{1, -1074}, 0x1p-1074},
		{CopySign, []float64{3, math.Copysign(0, -1)}, -3},
		{RoundF16, []float64{1 + 0x1p-11}, 1},
		{RoundF16, []float64{1 + 3*0x1p-11}, 1 + 0x1p-9},
		{RoundF16, []float64{65520}, math.Inf(1)},
		{RoundBF16, []float64{1 + 0x1p-8}, 1},
		{RoundBF16, []float64{1 + 3*0x1p-8}, 1 + 0x1p-6},
		{RoundBF16, []float64{3.4e38}, math.Inf(1)},
		{RoundBF16, []float64{math.NaN()}, math.NaN()},
	} {
		args := make([]number, len(c.args))
		for i, a := range c.args {
			args[i].f = a
		}
		got, err := c.fn.eval(F64, args)
		if err != nil || !near(got.f, c.want, 0, 0) {
			t.Errorf("%s%v = %v, %v, want %v", c.fn, c.args, got.f, err, c.want)
		}
	}
}
