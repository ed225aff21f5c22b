package mlx

import (
	"fmt"

	"github.com/mlxc/mlxc/ir"
)

// A Value is a tensor in the model being built. It is comparable; the zero Value
// means absent, for optional arguments.
type Value struct {
	b *Builder
	v *ir.Value // nil for a param, which each entry reads for itself, and for poison
	p *param
}

// Ok reports whether the value is there.
func (v Value) Ok() bool { return v.b != nil }

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

// Label names the value in the IR and in messages.
func (v Value) Label(name string) Value {
	if v.v != nil && v.v.Name == "" {
		v.v.Name = name
	}
	return v
}

func (b *Builder) poison() Value { return Value{b: b} }

// use is the IR of a value in the present entry; what names the use for messages.
func (b *Builder) use(what string, v Value) (*ir.Value, bool) {
	switch {
	case v.Poisoned():
		return nil, false
	case !v.Ok():
		b.errorf(nil, "", "%s: a value is missing", what)
		return nil, false
	case v.b != b:
		b.errorf(nil, "", "%s: the value belongs to model %s", what, v.b.module.Name)
		return nil, false
	case b.entry == nil:
		b.errorf(nil, "", "%s: outside of an entry", what)
		return nil, false
	case v.p != nil:
		return b.entry.read(v.p)
	}
	return v.v, true
}

// read is a param's value: the checkpoint's tensor, rearranged. It is made once
// an entry.
func (e *Entry) read(p *param) (*ir.Value, bool) {
	if v := e.weights[p]; v != nil {
		return v, true
	}
	e.emit.Pos = p.ir.Pos
	in, err := e.emit.Op("weight", ir.WeightAttrs{Param: p.ir})
	if err != nil {
		e.b.errorf(nil, "", "%v", err)
		return nil, false
	}
	in.Result().Name = p.ir.Name
	v := Value{b: e.b, v: in.Result()}
	if p.load != nil {
		v = e.b.rearranged(v, p.load, nil, p.typ.Shape)
	}
	e.weights[p] = v.v
	return v.v, v.v != nil
}

// Op applies an op of the table. Operands of elementwise ops are broadcast first.
// attrs is the op's attribute struct, or nil.
func (b *Builder) Op(name string, attrs any, args ...Value) Value {
	op := ir.LookupOp(name)
	if op == nil {
		b.errorf(nil, "", "there is no op %s", name)
		return b.poison()
	}
	xs := make([]*ir.Value, len(args))
	fine := true
	for i, a := range args {
		x, ok := b.use(name, a)
		fine = fine && ok
		xs[i] = x
	}
	if !fine {
		return b.poison()
	}
	if b.entry == nil {
		b.errorf(nil, "", "%s: outside of an entry", name)
		return b.poison()
	}
	e := b.entry
	e.emit.Pos = b.where()
	if op.Kind == ir.KindElementwise && len(xs) > 1 {
		shape := xs[0].Type.Shape
		for _, x := range xs[1:] {
			var err error
			if shape, err = ir.BroadcastShapes(shape, x.Type.Shape); err != nil {
				b.errorf(operandNotes(op, xs), "only the literal size 1 stretches", "%s: %v", name, err)
				return b.poison()
			}
		}
		for i, x := range xs {
			if ir.EqualShapes(x.Type.Shape, shape) {
				continue
			}
			in, err := e.emit.Op("broadcast", ir.ShapeAttrs{Shape: shape}, x)
			if err != nil {
				b.errorf(operandNotes(op, xs), "", "%s: %v", name, err)
				return b.poison()
			}
			xs[i] = in.Result()
		}
	}
	in, err := e.emit.Op(name, attrs, xs...)
	if err != nil {
		b.errorf(operandNotes(op, xs), castHint(xs), "%v", err)
		return b.poison()
	}
	return Value{b: b, v: in.Result()}
}

// operandNotes says the type of each operand and where it was made.
func operandNotes(op *ir.Op, xs []*ir.Value) []ir.Note {
	var notes []ir.Note
	for i, x := range xs {
		label := fmt.Sprintf("operand %d", i)
		if i < len(op.Operands) {
			label = op.Operands[i]
		}
		text := x.Type.String()
		if x.Name != "" {
			text += "  " + x.Name
		}
		if x.Instr != nil && x.Instr.Pos != nil {
			text += ", made at " + x.Instr.Pos.String()
		}
		notes = append(notes, ir.Note{Label: label, Text: text})
	}
	return notes
}

// castHint helps where operands differ in dtype alone.
func castHint(xs []*ir.Value) string {
	for _, x := range xs[min(1, len(xs)):] {
		if a, b := xs[0].Type, x.Type; a.DType != b.DType && a.DType != ir.Bool && b.DType != ir.Bool {
			return fmt.Sprintf("nothing is converted silently: use .to(%s) or .to(%s)", a.DType, b.DType)
		}
	}
	return ""
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

// Number is a constant of a dtype, of rank 0.
func (b *Builder) Number(t ir.DType, x float64) Value {
	return b.Op("const", ir.ConstAttrs{Value: x, DType: t})
}

// like is a number in the dtype of v.
func (v Value) like(x float64) Value {
	if v.b == nil || v.Poisoned() {
		return v
	}
	return v.b.Number(v.Type().DType, x)
}

// Operations on two values; the variants with N take a number of v's dtype.

func (v Value) Add(w Value) Value { return apply("add", nil, v, w) }
func (v Value) Sub(w Value) Value { return apply("sub", nil, v, w) }
func (v Value) Mul(w Value) Value { return apply("mul", nil, v, w) }
func (v Value) Div(w Value) Value { return apply("div", nil, v, w) }
func (v Value) Mod(w Value) Value { return apply("mod", nil, v, w) }
func (v Value) Pow(w Value) Value { return apply("pow", nil, v, w) }
func (v Value) Eq(w Value) Value  { return apply("eq", nil, v, w) }
func (v Value) Ne(w Value) Value  { return apply("ne", nil, v, w) }
func (v Value) Lt(w Value) Value  { return apply("lt", nil, v, w) }
func (v Value) Le(w Value) Value  { return apply("le", nil, v, w) }
func (v Value) Gt(w Value) Value  { return apply("gt", nil, v, w) }
func (v Value) Ge(w Value) Value  { return apply("ge", nil, v, w) }
func (v Value) And(w Value) Value { return apply("and", nil, v, w) }
func (v Value) Or(w Value) Value  { return apply("or", nil, v, w) }

func (v Value) AddN(x float64) Value { return v.Add(v.like(x)) }
func (v Value) SubN(x float64) Value { return v.Sub(v.like(x)) }
func (v Value) MulN(x float64) Value { return v.Mul(v.like(x)) }
func (v Value) DivN(x float64) Value { return v.Div(v.like(x)) }
func (v Value) PowN(x float64) Value { return v.Pow(v.like(x)) }

// Neg is -v, Not the opposite of v.
func (v Value) Neg() Value { return apply("neg", nil, v) }
func (v Value) Not() Value { return apply("not", nil, v) }

// MatMul is the product of matrices in the last two axes.
func (v Value) MatMul(w Value) Value { return apply("matmul", ir.MatmulAttrs{}, v, w) }

// To converts to another dtype.
func (v Value) To(t ir.DType) Value { return apply("cast", ir.CastAttrs{DType: t}, v) }
