package passes

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Rewritings of elementwise ops. They go by the scalar function in an op's body,
// so that an op needs no mention here.

// scalarFn is the function that an instruction applies to its operands in their
// order; NoFn if its body is anything more.
func scalarFn(in *ir.Instr) ir.Fn {
	if in.Op.Body == nil {
		return ir.NoFn
	}
	d := ir.NewDAG()
	x := make([]ir.S, len(in.Args))
	for i, a := range in.Args {
		x[i] = d.Wrap(d.Add(ir.Scalar{Kind: ir.ScalarLoad, DType: a.Type.DType.Compute(), Arg: i}))
	}
	v := in.Op.Body(x...).V
	if v.Kind != ir.ScalarApply || !slices.EqualFunc(v.Args, x, func(a *ir.Scalar, b ir.S) bool { return a == b.V }) {
		return ir.NoFn
	}
	return v.Fn
}

// constant is the number that v holds everywhere.
func constant(v *ir.Value) (float64, bool) {
	if v.Instr == nil {
		return 0, false
	}
	a, ok := v.Instr.Attrs.(ir.ConstAttrs)
	return a.Value, ok
}

// same tells -0 from 0, and has NaN equal NaN.
func same(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) }

// foldConstants asks the evaluator what an op makes of constants. A result that
// no constant can hold, an integer beyond 2^53, stays as it is.
func foldConstants(b *rewriter, in *ir.Instr) *ir.Value {
	if in.Op.Kind != ir.KindElementwise {
		return nil
	}
	var scalar ir.Emit
	var args []*ir.Value
	for _, v := range in.Args {
		x, ok := constant(v)
		if !ok {
			return nil
		}
		c, err := scalar.Op("const", ir.ConstAttrs{Value: x, DType: v.Type.DType})
		if err != nil {
			b.err = err
			return nil
		}
		args = append(args, c.Result())
	}
	once, err := scalar.Op(in.Op.Name, in.Attrs, args...)
	if err != nil {
		b.err = err
		return nil
	}
	f := &ir.Func{Body: scalar.Body, Results: []ir.Result{{Value: once.Result()}}}
	out, err := new(ir.Module).Eval(f, nil, nil)
	if err != nil {
		b.err = err
		return nil
	}
	t := in.Result().Type
	if t.DType.IsFloat() {
		return b.number(in, t, out[0].F[0])
	}
	n := out[0].I[0]
	if n < -1<<53 || n > 1<<53 || t.DType == ir.U64 && n < 0 {
		return nil
	}
	return b.number(in, t, float64(n))
}

func constantLast(b *rewriter, in *ir.Instr) *ir.Value {
	if !in.Op.Commutative || len(in.Args) != 2 {
		return nil
	}
	_, first := constant(in.Args[0])
	_, second := constant(in.Args[1])
	if !first || second {
		return nil
	}
	return b.again(in, in.Attrs, in.Args[1], in.Args[0])
}

// An element is a constant second operand that decides what a function gives.
type element struct {
	fn    ir.Fn
	class ir.Class
	value float64
}

// neutral: fn(x, value) is x for every x, NaN and both zeros included. So x + 0 is
// not here for floats, since -0 + 0 is 0; but x + -0 and x - 0 are.
var neutral = []element{
	{ir.Add, ir.Float, math.Copysign(0, -1)}, {ir.Add, ir.Signed, 0}, {ir.Add, ir.Unsigned, 0},
	{ir.Sub, ir.Float, 0}, {ir.Sub, ir.Signed, 0}, {ir.Sub, ir.Unsigned, 0},
	{ir.Mul, ir.Float, 1}, {ir.Mul, ir.Signed, 1}, {ir.Mul, ir.Unsigned, 1},
	{ir.Div, ir.Float, 1}, {ir.Div, ir.Signed, 1}, {ir.Div, ir.Unsigned, 1},
	{ir.Pow, ir.Float, 1}, {ir.Pow, ir.Signed, 1}, {ir.Pow, ir.Unsigned, 1},
	{ir.Max, ir.Float, math.Inf(-1)}, {ir.Min, ir.Float, math.Inf(1)},
	{ir.Or, ir.Boolean, 0}, {ir.Or, ir.Signed, 0}, {ir.Or, ir.Unsigned, 0},
	{ir.Xor, ir.Boolean, 0}, {ir.Xor, ir.Signed, 0}, {ir.Xor, ir.Unsigned, 0},
	{ir.And, ir.Boolean, 1}, {ir.And, ir.Signed, -1},
	{ir.Shl, ir.Signed, 0}, {ir.Shl, ir.Unsigned, 0}, {ir.Shr, ir.Signed, 0}, {ir.Shr, ir.Unsigned, 0},
}

// absorbing: fn(x, value) is value for every x.
var absorbing = []element{
	{ir.Mul, ir.Signed, 0}, {ir.Mul, ir.Unsigned, 0},
	{ir.And, ir.Boolean, 0}, {ir.And, ir.Signed, 0}, {ir.And, ir.Unsigned, 0},
	{ir.Or, ir.Boolean, 1}, {ir.Or, ir.Signed, -1},
	{ir.Max, ir.Float, math.NaN()}, {ir.Min, ir.Float, math.NaN()},
}

// decides reports whether the second operand of in is one of the elements.
func decides(in *ir.Instr, elements []element) bool {
	if len(in.Args) != 2 {
		return false
	}
	x, ok := constant(in.Args[1])
	if !ok {
		return false
	}
	fn, class := scalarFn(in), in.Args[1].Type.DType.Class()
	return slices.ContainsFunc(elements, func(e element) bool { return e.fn == fn && e.class == class && same(e.value, x) })
}

func neutralOperand(b *rewriter, in *ir.Instr) *ir.Value {
	if !decides(in, neutral) {
		return nil
	}
	return in.Args[0]
}

func absorbingOperand(b *rewriter, in *ir.Instr) *ir.Value {
	if !decides(in, absorbing) {
		return nil
	}
	return in.Args[1]
}

// involution cancels a function with itself: a negation twice.
func involution(b *rewriter, in *ir.Instr) *ir.Value {
	if fn := scalarFn(in); fn != ir.Neg && fn != ir.Not {
		return nil
	}
	inner := in.Args[0].Instr
	if inner == nil || inner.Op != in.Op {
		return nil
	}
	return inner.Args[0]
}

func decidedSelect(b *rewriter, in *ir.Instr) *ir.Value {
	if scalarFn(in) != ir.Select {
		return nil
	}
	c, known := constant(in.Args[0])
	switch {
	case in.Args[1] == in.Args[2], known && c != 0:
		return in.Args[1]
	case known:
		return in.Args[2]
	}
	return nil
}

// foldCasts drops a cast to the same dtype, and the first of two casts if every
// number of its operand exists in the dtype between.
func foldCasts(b *rewriter, in *ir.Instr) *ir.Value {
	a, ok := in.Attrs.(ir.CastAttrs)
	if !ok {
		return nil
	}
	x := in.Args[0]
	if x.Type.DType == a.DType {
		return x
	}
	if x.Instr == nil || x.Instr.Op != in.Op || !holdsAll(x.Type.DType, x.Instr.Args[0].Type.DType) {
		return nil
	}
	return b.again(in, a, x.Instr.Args[0])
}

// holdsAll reports whether every number of from exists in to.
func holdsAll(to, from ir.DType) bool {
	if to == from || from == ir.Bool {
		return true
	}
	switch {
	case from.IsFloat():
		return to.IsFloat() && to.Size() > from.Size()
	case to.IsFloat():
		return digits[to] >= digits[from]
	case to.Class() == from.Class(), from.Class() == ir.Unsigned && to.Class() == ir.Signed:
		return to.Size() > from.Size()
	}
	return false
}

// digits are the bits of magnitude that a dtype holds exactly.
var digits = map[ir.DType]int{
	ir.F64: 53, ir.F32: 24, ir.F16: 11, ir.BF16: 8,
	ir.I64: 63, ir.I32: 31, ir.I16: 15, ir.I8: 7, ir.U64: 64, ir.U32: 32, ir.U16: 16, ir.U8: 8,
}
