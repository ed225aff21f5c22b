package ir

import (
	"fmt"
	"slices"
)

// An Emit appends checked instructions to a body: what the builder, expansions
// and rewriting passes make instructions with.
type Emit struct {
	Body   []*Instr
	Pos    *Pos   // given to every instruction
	Facts  []Fact // of the function, likewise
	Device Device // likewise
}

// Op appends an instruction, whose operands are its own where args are those of another.
// The error says which rule of the op is broken, with the types found; then nothing is
// appended.
func (b *Emit) Op(name string, attrs any, args ...*Value) (*Instr, error) {
	op := LookupOp(name)
	if op == nil {
		return nil, fmt.Errorf("there is no op %q", name)
	}
	return b.append(op, attrs, args)
}

func (b *Emit) append(op *Op, attrs any, args []*Value) (*Instr, error) {
	in := &Instr{Op: op, Args: slices.Clone(args), Attrs: attrs, Device: b.Device, Pos: b.Pos, Facts: b.Facts}
	types, err := in.Infer()
	if err != nil {
		return nil, err
	}
	for _, t := range types {
		in.Results = append(in.Results, &Value{Type: t, Instr: in})
	}
	b.Body = append(b.Body, in)
	return in, nil
}

// Infer checks the rules of an instruction and computes the types of its results.
func (in *Instr) Infer() ([]Type, error) {
	for _, r := range in.Op.Rules {
		if err := r.Check(in); err != nil {
			return nil, &RuleError{Rule: r.ID, Instr: in, Err: err}
		}
	}
	types, err := in.Op.Type(in)
	for _, t := range types {
		for _, s := range t.Shape {
			if err == nil && (s.Overflow() || s.negative()) {
				err = &RuleError{Rule: in.Op.Name + "/type", Instr: in, Err: fmt.Errorf("the result would be %s", t)}
			}
		}
	}
	return types, err
}

// A RuleError says which rule an instruction breaks.
type RuleError struct {
	Rule  string
	Instr *Instr
	Err   error
}

func (e *RuleError) Error() string { return e.Instr.Op.Name + ": " + e.Err.Error() }

func (e *RuleError) Unwrap() error { return e.Err }
