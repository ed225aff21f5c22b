package ir

import (
	"fmt"
	"math"
	"strings"
)

// An Init makes the first value of a param or state: a constant, which is one number
// everywhere or one for each element, row-major, or a distribution of Distributions, which
// mlxc init draws a param from.
type Init struct {
	Name string // "constant", or a distribution's
	Args []float64
}

// A Distribution is what a param's first value may be drawn from.
type Distribution struct {
	Name, Arg string
	Default   float64 // of Arg; 0: it must be given
	Matrix    bool    // it is of weights with 2 axes or more
	Doc       string

	of func(gain, in, out float64) Init // what it is for a weight of these fans; nil: itself
}

// Distributions are those of PyTorch's torch.nn.init, with the fans of a weight [out, ..., in]:
// how many elements of a product's left side go into one of its result, and how many of that
// one goes into.
var Distributions = []Distribution{
	{"uniform", "bound", 0, false, "between -bound and bound", nil},
	{"normal", "std", 0, false, "of mean 0 and standard deviation std", nil},
	{"trunc_normal", "std", 0, false, "normal, of those numbers alone that are at most 2 std from 0", nil},
	{"xavier", "gain", 1, true, "uniform, with the bound gain · √(6 / (in + out)) (Glorot and Bengio, 2010)", func(gain, in, out float64) Init {
		return Init{"uniform", []float64{gain * math.Sqrt(6/(in+out))}}
	}},
	{"kaiming", "gain", math.Sqrt2, true, "normal, with the standard deviation gain / √in (He et al., 2015)", func(gain, in, _ float64) Init {
		return Init{"normal", []float64{gain / math.Sqrt(in)}}
	}},
	{"orthogonal", "gain", 1, true, "gain times a matrix [out, ... · in] whose rows or columns are orthonormal (Saxe et al., 2014)", nil},
}

// Constant is one number everywhere, or one for each element.
func Constant(xs ...float64) Init { return Init{"constant", xs} }

// Numbers are those of a constant; of anything else there are none.
func (in *Init) Numbers() []float64 {
	if in == nil || in.Name != "constant" {
		return nil
	}
	return in.Args
}

// Element is element n of what a constant fills.
func (in *Init) Element(n int) float64 { return in.Args[min(n, len(in.Args)-1)] }

// Ordered reports whether the elements are not alike: what a param has in another order of axes
// begins with another init.
func (in *Init) Ordered() bool { return len(in.Numbers()) > 1 || in.Name == "orthogonal" }

// Check says why in cannot be the first value of a tensor of type t.
func (in *Init) Check(t Type) error {
	if in.Name == "constant" {
		if n, ok := t.Elems().Int(); len(in.Args) != 1 && (!ok || int(n) != len(in.Args)) {
			return fmt.Errorf("%d numbers for %s", len(in.Args), t)
		}
		for _, x := range in.Args {
			if !t.DType.holds(x) {
				return fmt.Errorf("%v is no %s", x, t.DType)
			}
		}
		return nil
	}
	var names []string
	for _, d := range Distributions {
		names = append(names, d.Name)
		switch {
		case d.Name != in.Name:
		case len(in.Args) != 1:
			return fmt.Errorf("the distribution %s takes a %s, got %d numbers", d.Name, d.Arg, len(in.Args))
		case !(in.Args[0] >= 0) || math.IsInf(in.Args[0], 1):
			return fmt.Errorf("the %s of %s is finite and not negative, got %v", d.Arg, d.Name, in.Args[0])
		case !t.DType.IsFloat():
			return fmt.Errorf("the distribution %s is of floats, not %s", d.Name, t.DType)
		case d.Matrix && t.Rank() < 2:
			return fmt.Errorf("the distribution %s is of weights with 2 axes or more, not %s", d.Name, t)
		default:
			return nil
		}
	}
	return fmt.Errorf("there is no distribution %s, but %s", in.Name, strings.Join(names, ", "))
}

// Of is what in, which Check allows for it, is for a weight of constant sizes [out, ..., in]: a
// distribution of fans becomes one that has numbers.
func (in Init) Of(shape []Size) Init {
	for _, d := range Distributions {
		if d.Name == in.Name && d.of != nil {
			last := len(shape) - 1
			field := Product(shape[1:last]) // what an element of a convolution sees of a channel
			return d.of(in.Args[0], fan(shape[last], field), fan(shape[0], field))
		}
	}
	return in
}

// fan is at least 1, which empty weights lack.
func fan(axis, field Size) float64 {
	n, _ := axis.Mul(field).Int()
	return float64(max(n, 1))
}

// begins is what the param's init is of: a distribution of a plane is that of the elements of
// the quantised tensor.
func (p *Param) begins() Type {
	if p.Of != nil && p.Init.Numbers() == nil {
		return Type{F32, p.Of.Type.Shape}
	}
	return p.Type
}
