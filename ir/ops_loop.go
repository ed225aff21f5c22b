package ir

import (
	"fmt"
	"slices"
)

// LoopAttrs are how often a loop runs its body. The body is given a dim, which counts the
// rounds: no size of a value mentions it, but indices may.
type LoopAttrs struct {
	Count   Size
	Carried int  // the first operands, of which each round makes the next ones
	Ends    bool // the first of these is a bool, and once it is false rounds change nothing: they may be left out
}

var loopOps = []*Op{{
	Name: "loop", Kind: KindLoop, Operands: []string{"init..."}, Attrs: LoopAttrs{},
	Doc: "what becomes of the carried operands in count rounds of the body, which takes them, then the other operands, and gives their next values; after no round they are what they were",
	Rules: []Rule{
		{"loop/body", "the body takes the operands and gives the carried ones, of their types", func(in *Instr) error {
			a := in.Attrs.(LoopAttrs)
			b := in.Body
			if b == nil || len(b.Inputs) != len(in.Args) || len(b.Results) != a.Carried || a.Carried > len(in.Args) {
				return fmt.Errorf("it does not fit %d operands, %d of them carried", len(in.Args), a.Carried)
			}
			for i, x := range in.Args {
				if !b.Inputs[i].Type.Equal(x.Type) {
					return fmt.Errorf("operand %s is %s, and the body takes %s", x.Name, x.Type, b.Inputs[i].Type)
				}
			}
			for i, r := range b.Results {
				if t := in.Args[i].Type; !r.Type.Equal(t) {
					return fmt.Errorf("%s is %s, and a round makes it %s", b.Inputs[i].Name, t, r.Type)
				}
			}
			return nil
		}},
		{"loop/ends", "what ends a loop is a bool that it carries", func(in *Instr) error {
			if a := in.Attrs.(LoopAttrs); a.Ends && a.Carried > 0 && !in.Args[0].Type.Equal(Type{DType: Bool}) {
				return fmt.Errorf("it is %s", in.Args[0].Type)
			}
			return nil
		}},
		{"loop/count", "the rounds are not negative, and the body is given their number so far, unless there is one", func(in *Instr) error {
			n, d := in.Attrs.(LoopAttrs).Count, in.Body.Dims
			if counts := len(d) == 1 && d[0].Counter; !counts && (len(d) > 0 || !n.Is(1)) {
				return fmt.Errorf("the body is not given a counter alone")
			}
			if !proves(in.Facts, n) {
				return fmt.Errorf("%s may be negative", n)
			}
			return nil
		}},
	},
	Type: func(in *Instr) ([]Type, error) {
		var types []Type
		for _, x := range in.Args[:in.Attrs.(LoopAttrs).Carried] {
			types = append(types, x.Type)
		}
		return types, nil
	},
}}

// loop evaluates a loop.
func (e *Env) loop(in *Instr, args []*Tensor) ([]*Tensor, error) {
	a := in.Attrs.(LoopAttrs)
	rounds, err := e.size(a.Count)
	if err != nil {
		return nil, err
	}
	args = slices.Clone(args)
	for t := range rounds {
		for _, d := range in.Body.Dims {
			e.Dims[d.Name] = t
		}
		next, err := e.body(in.Body, args)
		if err != nil {
			return nil, err
		}
		for i, old := range args[:a.Carried] {
			if t > 0 && old != next[i] {
				e.live -= int64(old.Len())
			}
		}
		copy(args, next)
		if a.Ends && a.Carried > 0 && args[0].I[0] == 0 {
			break
		}
	}
	return args[:a.Carried], nil
}
