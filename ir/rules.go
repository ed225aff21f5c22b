package ir

import (
	"errors"
	"fmt"
)

// Rules and type functions that several ops share.

// operands is the rule that an op with fixed operands gets that many.
func operands(op string, n int) Rule {
	return Rule{op + "/operands", fmt.Sprintf("takes %s", plural(n, "operand")), func(in *Instr) error {
		if len(in.Args) != n {
			return fmt.Errorf("takes %s, got %d", plural(n, "operand"), len(in.Args))
		}
		return nil
	}}
}

func plural(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case what == "axis":
		what = "axe"
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// sameType: all operands from first on have one dtype and one shape.
func sameType(op string, first int) Rule {
	return Rule{op + "/same", "operands have equal dtypes and shapes", func(in *Instr) error {
		for i := first + 1; i < len(in.Args); i++ {
			if !in.Args[i].Type.Equal(in.Args[first].Type) {
				return fmt.Errorf("operands differ: %s and %s", in.Args[first].Type, in.Args[i].Type)
			}
		}
		return nil
	}}
}

// A classes value is a set of dtype classes.
type classes uint8

const (
	floats classes = 1 << Float
	ints   classes = 1<<Signed | 1<<Unsigned
	bools  classes = 1 << Boolean
)

var classText = map[classes]string{
	floats: "a float", ints: "an integer", bools: "bool",
	floats | ints: "a float or an integer", ints | bools: "an integer or bool",
}

// dtypeOf: operand i has a dtype of the given classes.
func dtypeOf(op string, i int, want classes) Rule {
	return Rule{op + "/dtype", "the operand is " + classText[want], func(in *Instr) error {
		if t := in.Args[i].Type; want&(1<<t.DType.Class()) == 0 {
			return fmt.Errorf("wants %s, got %s", classText[want], t)
		}
		return nil
	}}
}

// axisRule: an axis attribute lies within operand 0.
func axisRule(op string, axes func(in *Instr) []int) Rule {
	return Rule{op + "/axis", "each axis is in [0, rank) and given once", func(in *Instr) error {
		seen := map[int]bool{}
		for _, a := range axes(in) {
			if rank := in.Args[0].Type.Rank(); a < 0 || a >= rank {
				return &AxisError{a, in.Args[0].Type}
			}
			if seen[a] {
				return fmt.Errorf("axis %d is given twice", a)
			}
			seen[a] = true
		}
		return nil
	}}
}

// countRule is for what counts the elements along an axis of its last operand.
func countRule(op string, axis func(in *Instr) int) Rule {
	return Rule{op + "/size", "the size of the axis is not negative, whatever the dims are", func(in *Instr) error {
		x, a := in.Args[len(in.Args)-1].Type, axis(in)
		if !proves(in.Facts, x.Shape[a]) {
			return fmt.Errorf("the size %s of axis %d of %s may be negative", x.Shape[a], a, x)
		}
		return nil
	}}
}

// accRule: the accumulator is a dtype like operand 0's, or not chosen.
func accRule(op string, acc func(in *Instr) DType) Rule {
	return Rule{op + "/acc", "acc is invalid, or a dtype of the operand's class", func(in *Instr) error {
		if t := acc(in); t != Invalid && t.Class() != in.Args[0].Type.DType.Class() {
			return fmt.Errorf("acc is %s for %s", t, in.Args[0].Type)
		}
		return nil
	}}
}

// numberRule: a number of an attribute exists in the dtype that is to hold it.
func numberRule(op string, number func(in *Instr) (float64, DType)) Rule {
	return Rule{op + "/value", "an integer dtype has an integral value within its range", func(in *Instr) error {
		switch x, t := number(in); {
		case t == Invalid:
			return errors.New("the dtype is not given")
		case !t.holds(x):
			return fmt.Errorf("%v is no %s", x, t)
		}
		return nil
	}}
}

func likeArg(i int) func(in *Instr) ([]Type, error) {
	return func(in *Instr) ([]Type, error) { return []Type{in.Args[i].Type}, nil }
}

func typed(t DType, shape []Size) ([]Type, error) {
	if t.IsQuantised() {
		return nil, fmt.Errorf("only params are %s", t)
	}
	return []Type{{t, shape}}, nil
}

// An AxisError is an axis that a type does not have.
type AxisError struct {
	Axis int
	Of   Type
}

func (e *AxisError) Error() string { return fmt.Sprintf("axis %d is outside %s", e.Axis, e.Of) }
