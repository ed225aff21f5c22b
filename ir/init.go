package ir

import (
	"fmt"
	"strings"
)

// An Init makes the first value of a param or state: a constant, which is one number
// everywhere or one for each element, row-major, or a distribution of Distributions, from
// which training begins.
type Init struct {
	Name string // "constant", or a distribution's
	Args []float64
}

// A Distribution is what a param's first value may be drawn from.
type Distribution struct {
	Name, Arg string
	Default   float64 // of Arg; 0: it must be given
	Fans      bool    // the numbers depend on how many elements go into one of a product
	Doc       string
}

// Distributions are those of PyTorch's torch.nn.init, with the fans of a weight [out, ..., in].
var Distributions = []Distribution{
	{"uniform", "bound", 0, false, "between -bound and bound"},
	{"normal", "std", 0, false, "of mean 0 and standard deviation std"},
	{"trunc_normal", "std", 0, false, "normal, drawn again where it is farther than 2 std from 0"},
	{"xavier", "gain", 1, true, "uniform, with the bound gain · √(6 / (in + out)) (Glorot and Bengio, 2010)"},
	{"kaiming", "gain", 1.4142135623730951, true, "normal, with the standard deviation gain / √in (He et al., 2015)"},
	{"orthogonal", "gain", 1, true, "gain times a matrix whose rows or columns are orthonormal (Saxe et al., 2014)"},
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
		case !t.DType.IsFloat():
			return fmt.Errorf("the distribution %s is of floats, not %s", d.Name, t.DType)
		case d.Fans && t.Rank() < 2:
			return fmt.Errorf("the distribution %s is of weights with 2 axes or more, not %s", d.Name, t)
		default:
			return nil
		}
	}
	return fmt.Errorf("there is no distribution %s, but %s", in.Name, strings.Join(names, ", "))
}
