package runtime

import (
	"strconv"
	"strings"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// Version1 ties generated tables to a runtime that can replay them: a package
// that was generated for another version does not compile.
const Version1 = 1

// A Program is a compiled model: the tables that mlxc generates.
type Program struct {
	Name    string
	Version int
	Dims    []Dim
	Params  []Param
	Entries []Entry
	Kernels []cpu.Kernel
}

// A Dim is a size that each call fixes, within inclusive bounds.
type Dim struct {
	Name     string
	Min, Max int64
}

// A Param is a tensor of the checkpoint.
type Param struct {
	Name  string // in the file
	DType DType
	Shape []int
	Init  *float64 // fills the tensor if the file lacks it; nil: it must be there
	Pos   string   // in the model's source
}

// Fill is an Init.
func Fill(x float64) *float64 { return &x }

// An Entry is a function that the host calls.
type Entry struct {
	Name            string
	Inputs, Outputs []Port
	Where           []Fact
	Variants        []Variant
}

// A Port is an input or an output.
type Port struct {
	Name  string
	DType DType
	Shape []Size
}

// A Fact is a relation between sizes that a call must satisfy.
type Fact struct {
	Left  Size
	Rel   Relation
	Right Size
	Text  string
}

// A Relation compares sizes.
type Relation uint8

const (
	EQ Relation = iota
	LE
	LT
)

// A Variant is a plan of an entry, taken if its guard holds; the last has none.
type Variant struct {
	Guard  []Fact
	Blocks []Block
	Plans  []Plan
	Steps  []Step
}

// A Block is a piece of the session's arena.
type Block struct{ Bytes Size }

// A Plan says, from the bottom up, which blocks each block rests on. Its offset is
// the highest end of these, rounded up.
type Plan struct {
	Order []int
	On    [][]int
}

// A Step launches a kernel.
type Step struct {
	Kernel  int
	Args    []Ref
	Sizes   []Size // the kernel's dims
	Grid    Size   // points
	Grain   int    // least points that are worth a thread of their own
	Barrier bool   // what runs before must have ended
	Pos     string // in the model's source
}

// A Ref is the memory of an argument.
type Ref struct {
	Where Place
	Index int
}

// A Place is whose memory it is.
type Place uint8

const (
	Input Place = iota
	Output
	Weight
	Arena
)

// At is the i-th memory of its place.
func (w Place) At(i int) Ref { return Ref{w, i} }

// A Size is a polynomial over the dims of a call: a sum of terms. nil is 0.
type Size []Term

// A Term is Coef times the product of Of.
type Term struct {
	Coef int64
	Of   []Factor
}

// A Factor is a dim; or, if Den is not nil, Num/Den rounded down, or with Rem its
// remainder.
type Factor struct {
	Dim      int
	Num, Den Size
	Rem      bool
}

// Mono is coef times the product of dims.
func Mono(coef int64, dims ...int) Size {
	t := Term{Coef: coef}
	for _, d := range dims {
		t.Of = append(t.Of, Factor{Dim: d})
	}
	return Size{t}
}

// at evaluates s. That nothing overflows within the dims' bounds was checked when
// the model was compiled.
func (s Size) at(dims []int64) int64 {
	var sum int64
	for _, t := range s {
		p := t.Coef
		for _, f := range t.Of {
			if f.Den == nil {
				p *= dims[f.Dim]
				continue
			}
			n, d := f.Num.at(dims), f.Den.at(dims)
			q := cpu.Div(n, d)
			if f.Rem {
				q = n - d*q
			}
			p *= q
		}
		sum += p
	}
	return sum
}

// linear splits a size that is scale*dim + rest.
func (s Size) linear() (dim int, scale, rest int64, ok bool) {
	for _, t := range s {
		switch {
		case len(t.Of) == 0:
			rest = t.Coef
		case len(t.Of) == 1 && t.Of[0].Den == nil && !ok:
			dim, scale, ok = t.Of[0].Dim, t.Coef, true
		default:
			return 0, 0, 0, false
		}
	}
	return dim, scale, rest, ok
}

func (f *Fact) holds(dims []int64) bool {
	a, b := f.Left.at(dims), f.Right.at(dims)
	switch f.Rel {
	case EQ:
		return a == b
	case LE:
		return a <= b
	}
	return a < b
}

// text prints a size with the names of dims.
func (s Size) text(dims []Dim) string {
	if len(s) == 0 {
		return "0"
	}
	var terms []string
	for _, t := range s {
		var factors []string
		if t.Coef != 1 || len(t.Of) == 0 {
			factors = append(factors, strconv.FormatInt(t.Coef, 10))
		}
		for _, f := range t.Of {
			switch {
			case f.Den == nil:
				factors = append(factors, dims[f.Dim].Name)
			case f.Rem:
				factors = append(factors, "mod("+f.Num.text(dims)+", "+f.Den.text(dims)+")")
			default:
				factors = append(factors, "div("+f.Num.text(dims)+", "+f.Den.text(dims)+")")
			}
		}
		terms = append(terms, strings.Join(factors, "*"))
	}
	return strings.Join(terms, " + ")
}

func (p *Port) text(dims []Dim) string {
	if len(p.Shape) == 0 {
		return p.DType.String()
	}
	sizes := make([]string, len(p.Shape))
	for i, s := range p.Shape {
		sizes[i] = s.text(dims)
	}
	return p.DType.String() + "[" + strings.Join(sizes, ", ") + "]"
}
