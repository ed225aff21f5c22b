package mlx

import (
	"fmt"
	"reflect"

	"github.com/mlxc/mlxc/ir"
)

// A Value is a tensor in the model being built. It is comparable; the zero Value
// means absent, for optional arguments.
type Value struct {
	b *Builder
	v *ir.Value // nil for a param, which each entry reads for itself, and for poison
	e *Entry    // that v belongs to
	p *param
}

// Ok reports whether the value is there.
func (v Value) Ok() bool { return v.b != nil }

// Builder is the model that the value belongs to; nil of the absent one.
func (v Value) Builder() *Builder { return v.b }

// Poisoned reports that an error has been recorded where the value was made.
func (v Value) Poisoned() bool { return v.b != nil && v.v == nil && v.p == nil }

// Type is the value's type; that of poison and of the absent value is ir.Type{}.
func (v Value) Type() ir.Type {
	switch {
	case v.p != nil:
		return v.p.typ
	case v.v != nil:
		return v.v.Type
	}
	return ir.Type{}
}

// Label names the value in the IR and in messages, unless it has a name.
func (v Value) Label(name string) Value {
	if v.v != nil && v.v.Name == "" && v.b.named("label", name) {
		v.v.Name = name
	}
	return v
}

// use is the IR of a value in the present entry; what names the use for messages.
func (b *Builder) use(what string, v Value) (*ir.Value, bool) {
	switch {
	case v.Poisoned():
		return nil, false
	case !v.Ok():
		b.errorf("%s: a value is missing", what)
	case v.b != b:
		b.errorf("%s: the value belongs to model %s", what, v.b.module.Name)
	case b.entry == nil:
		b.errorf("%s: outside of an entry", what)
	case v.quantised():
		b.Fail(fmt.Sprintf("%s: %s is quantised: %s", what, v.p.ir.Path, v.p.typ), "a quantised tensor is the right operand of `@`, the table of `take`, or the operand of `dequant`")
	case v.p != nil:
		return b.entry.read(v.p)
	case v.e == b.entry && b.entry.closed[v.v]:
		b.errorf("%s: the value belongs to a round of a loop, which does not carry it", what)
	case v.e != b.entry:
		b.errorf("%s: the value belongs to entry %s", what, v.e.fn.Name)
	default:
		return v.v, true
	}
	return nil, false
}

// use is that of v's own builder; of the absent value there is none.
func (v Value) use(what string) (*ir.Value, bool) {
	if v.b == nil {
		return nil, false
	}
	return v.b.use(what, v)
}

// poison stands for what could not be made of v; absent stays absent.
func (v Value) poison() Value { return Value{b: v.b} }

// Op applies an op of the table. Operands of elementwise ops are broadcast first.
// attrs is the op's attribute struct, or nil if it has none.
func (b *Builder) Op(name string, attrs any, args ...Value) Value {
	op := ir.LookupOp(name)
	switch {
	case op == nil:
		return b.errorf("there is no op %s", name)
	case reflect.TypeOf(attrs) != reflect.TypeOf(op.Attrs):
		return b.errorf("%s: attributes are %T, want %T", name, attrs, op.Attrs)
	case name == "weight":
		return b.errorf("weight: Param declares params")
	}
	xs := make([]*ir.Value, len(args))
	fine := true
	for i, a := range args {
		x, ok := b.use(name, a)
		fine = fine && ok
		xs[i] = x
	}
	switch {
	case !fine:
		return Value{b: b}
	case b.entry == nil:
		return b.errorf("%s: outside of an entry", name)
	}
	if len(args) > 0 {
		attrs = b.accumulating(attrs, args[0])
	}
	e := b.entry
	e.emit.Pos, e.emit.Device = b.here(), b.device
	out, err := e.apply(op, attrs, xs)
	if err != nil {
		return b.opError(op, attrs, xs, err)
	}
	return Value{b: b, v: out, e: e}
}

// apply appends an op, and before it what stretches its operands.
func (e *Entry) apply(op *ir.Op, attrs any, xs []*ir.Value) (*ir.Value, error) {
	if op.Kind == ir.KindElementwise && len(xs) > 1 {
		var err error
		if xs, err = e.stretched(xs); err != nil {
			return nil, fmt.Errorf("%s: %w", op.Name, err)
		}
	}
	in, err := e.emit.Op(op.Name, ir.NarrowAttrs(attrs, e.equalities()), xs...)
	if err != nil {
		return nil, err
	}
	if err := e.b.checkType(in.Result().Type); err != nil {
		return nil, fmt.Errorf("%s: the result %w", op.Name, err)
	}
	return in.Result(), nil
}

// A stretchError says which sizes do not broadcast.
type stretchError struct{ error }

// stretched broadcasts operands to one shape.
func (e *Entry) stretched(xs []*ir.Value) ([]*ir.Value, error) {
	shape := xs[0].Type.Shape
	for _, x := range xs[1:] {
		var err error
		if shape, err = ir.BroadcastShapes(shape, x.Type.Shape); err != nil {
			return nil, &stretchError{err}
		}
	}
	out := make([]*ir.Value, len(xs))
	for i, x := range xs {
		out[i] = x
		if !ir.EqualShapes(x.Type.Shape, shape) {
			in, err := e.emit.Op("broadcast", ir.ShapeAttrs{Shape: shape}, x)
			if err != nil {
				return nil, err
			}
			out[i] = in.Result()
		}
	}
	return out, nil
}

// apply is Op for functions that know their builder from their operands.
func apply(name string, attrs any, args ...Value) Value {
	for _, a := range args {
		if a.b != nil {
			return a.b.Op(name, attrs, args...)
		}
	}
	return Value{}
}

// like is a number in the dtype of v; where v is of no use, so is the number, and
// the op on both says why.
func (v Value) like(x float64) Value {
	if v.b == nil || v.Poisoned() || v.b.entry == nil {
		return v.poison()
	}
	return v.b.Number(v.Type().DType, x)
}

// MatMul is the product of matrices in the last two axes: [..., m, k] by
// [..., k, n] gives [..., m, n]. The right one may be quantised; then the product is computed
// in f32, or in f64 if v is that, and rounded to the dtype of v.
func (v Value) MatMul(w Value) Value {
	if w.quantised() {
		return v.timesQuantised(w)
	}
	return apply("matmul", ir.MatmulAttrs{}, v, w)
}

// To converts to another dtype, if v has not that dtype already.
func (v Value) To(t DType) Value {
	if !v.Poisoned() && v.Type().DType == t {
		return v
	}
	return apply("cast", ir.CastAttrs{DType: t}, v)
}
