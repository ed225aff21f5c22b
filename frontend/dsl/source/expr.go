package source

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mlxc/mlxc/frontend/dsl"
	"github.com/mlxc/mlxc/ir"
)

// The expressions that ops are in the language.

// primary binds tighter than all operators; dsl.Binding has those.
const primary = 11

const (
	bindsNot     = 5
	bindsCompare = 6
	bindsMinus   = 9
)

// A term is the text of an expression.
type term struct {
	text  string
	binds int         // how tightly its outermost operator does
	calls int         // how many calls stand in one another
	vars  []*ir.Value // that variables of the text stand for, as often as they are in it
	mode  mode
	plain bool // a number, which is no tensor
	named bool // a variable, a param or a state
}

// at is the text where what is around it binds as tightly as outer.
func (t term) at(outer int) string {
	if t.binds < outer {
		return "(" + t.text + ")"
	}
	return t.text
}

// A form is how an instruction is written: the values that its text is made of, which need
// not be its operands, and the text made of theirs.
type form struct {
	args []*ir.Value
	text func(args []term) term
	like *ir.Instr // one that it consists of besides, whose mode counts too; nil: none
}

// An unsayable is an op that the language has no words for.
type unsayable struct {
	op  *ir.Op
	why string
}

func (u *unsayable) Error() string {
	return fmt.Sprintf("%s: the language cannot say this: %s", u.op.Name, u.why)
}

// infix are the operators that ops of two operands are written with.
var infix = map[string]string{
	"add": "+", "sub": "-", "mul": "*", "mod": "%", "pow": "**",
	"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
}

// formOf is how an instruction is written.
func formOf(in *ir.Instr) (form, error) {
	switch write := forms[in.Op.Name]; {
	case write != nil:
		return write(in)
	case in.Op.Kind == ir.KindElementwise && in.Op.Attrs == nil:
		return elementwiseForm(in), nil
	}
	return form{}, &unsayable{in.Op, "it is a step of what other ops are made of"}
}

// called is a call; arguments that are empty are left out.
func called(name string, args []string, more ...string) term {
	all := slices.DeleteFunc(slices.Concat(args, more), func(s string) bool { return s == "" })
	return term{text: name + "(" + strings.Join(all, ", ") + ")", binds: primary, calls: 1}
}

// call is the form of a function.
func call(name string, args []*ir.Value, more ...string) (form, error) {
	return form{args: args, text: func(x []term) term { return called(name, texts(x), more...) }}, nil
}

// itself is the form of what changes nothing.
func itself(x *ir.Value) (form, error) {
	return form{args: []*ir.Value{x}, text: func(x []term) term { return term{text: x[0].text, binds: x[0].binds} }}, nil
}

// method is the form of a function that is written behind its first operand.
func method(name string, args []*ir.Value, more ...string) (form, error) {
	return form{args: args, text: func(x []term) term {
		t := called(name, texts(x[1:]), more...)
		t.text = x[0].at(primary) + "." + t.text
		return t
	}}, nil
}

func texts(args []term) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = a.text
	}
	return out
}

// joined is x op y.
func joined(op string, x, y term) term {
	if binds := dsl.Binding(op); binds > 0 {
		left, right := binds, binds+1
		if op == "**" { // which goes from right to left
			left, right = binds+1, bindsMinus
		}
		return term{text: x.at(left) + " " + op + " " + y.at(right), binds: binds}
	}
	return term{text: x.at(bindsCompare+1) + " " + op + " " + y.at(bindsCompare+1), binds: bindsCompare}
}

// elementwiseForm leaves out what stretches operands where the language does it, and
// has numbers as they are.
func elementwiseForm(in *ir.Instr) form {
	xs := stretches(in)
	likes := 0 // of the operands, the first whose dtype numbers take
	if in.Op.Name == "where" {
		likes = 1
	}
	numbers := make([]*term, len(xs))
	tensors := 0
	for i, x := range xs {
		if t, ok := literal(in, x); ok {
			numbers[i] = &t
		} else if i >= likes {
			tensors++
		}
	}
	if tensors == 0 {
		numbers[likes] = nil
	}
	var f form
	for i, x := range xs {
		if numbers[i] == nil {
			f.args = append(f.args, x)
		}
	}
	f.text = func(args []term) term {
		all := make([]term, len(xs))
		for i, n := range numbers {
			if n != nil {
				all[i] = *n
			} else {
				all[i], args = args[0], args[1:]
			}
		}
		return operation(in.Op.Name, in.Args[len(in.Args)-1].Type.DType, all)
	}
	return f
}

// operation is an elementwise op as an operator where that takes its operands, and else as a
// function.
func operation(name string, t ir.DType, x []term) term {
	tensors := !slices.ContainsFunc(x, func(t term) bool { return t.plain })
	switch op := infix[name]; {
	case name == "neg":
		return term{text: "-" + x[0].at(bindsMinus), binds: bindsMinus}
	case name == "div" && t.IsFloat():
		return joined("/", x[0], x[1])
	case op != "" && !(x[0].plain && (name == "eq" || name == "ne")):
		return joined(op, x[0], x[1])
	case name == "not" && t == ir.Bool:
		return term{text: "not " + x[0].at(bindsNot), binds: bindsNot}
	case (name == "and" || name == "or") && t == ir.Bool && tensors:
		return joined(name, x[0], x[1])
	case name == "and" || name == "or" || name == "not":
		name = "bit_" + name
	}
	return called(name, texts(x))
}

// stretches are the operands of an elementwise instruction without what stretches them, if
// without it the language would stretch them as far.
func stretches(in *ir.Instr) []*ir.Value {
	xs := slices.Clone(in.Args)
	for i, x := range xs {
		b := x.Instr
		if b == nil || b.Op.Name != "broadcast" || b.Device != in.Device {
			continue
		}
		xs[i] = b.Args[0]
		shape := xs[0].Type.Shape
		var err error
		for _, y := range xs[1:] {
			if shape, err = ir.BroadcastShapes(shape, y.Type.Shape); err != nil {
				break
			}
		}
		if err != nil || !ir.EqualShapes(shape, in.Result().Type.Shape) || ir.EqualShapes(xs[i].Type.Shape, shape) {
			xs[i] = x
		}
	}
	return xs
}

// literal is a number among the operands of an instruction, as it is written.
func literal(in *ir.Instr, v *ir.Value) (term, bool) {
	if v.Instr == nil || v.Type.Rank() > 0 || v.Instr.Device != in.Device {
		return term{}, false
	}
	a, ok := v.Instr.Attrs.(ir.ConstAttrs)
	switch {
	case !ok:
		return term{}, false
	case a.DType == ir.Bool:
		return term{text: strconv.FormatBool(a.Value != 0), binds: primary, plain: true}, true
	}
	t := numberOf(a.Value, a.DType)
	t.plain = true
	return t, true
}
