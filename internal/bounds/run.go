package bounds

import (
	"fmt"
	"maps"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A Bound is a tensor of what elements may be, row-major.
type Bound struct {
	DType  ir.DType
	Shape  []int
	Values []Value
}

// Of is what a tensor has.
func Of(x *ir.Tensor) *Bound {
	b := &Bound{DType: x.DType, Shape: x.Shape, Values: make([]Value, x.Len())}
	for i := range b.Values {
		b.Values[i] = element(x, i)
	}
	return b
}

// Difference is the first element of a tensor that the bound does not allow; empty: there is
// none.
func (b *Bound) Difference(x *ir.Tensor) string {
	if x.DType != b.DType || !slices.Equal(x.Shape, b.Shape) {
		return fmt.Sprintf("%s%v, want %s%v", x.DType, x.Shape, b.DType, b.Shape)
	}
	for i, v := range b.Values {
		if !v.Holds(x, i) {
			return fmt.Sprintf("element %d is %v, want %v", i, x.Number(i), v.describe(b.DType.IsFloat()))
		}
	}
	return ""
}

// A Count is of elements, by how much their bounds tell.
type Count [3]int

// Add counts those of a bound.
func (c *Count) Add(b *Bound) {
	for _, v := range b.Values {
		c[v.Tells(b.DType.IsFloat())]++
	}
}

// An Evaluation evaluates a module that the pass lower has made, and no later one: its
// functions are those of the model, whose errors the op table has.
type Evaluation struct {
	Module  *ir.Module
	Exactly bool              // not rounding is allowed, as the evaluator of graphs does
	Fused   bool              // a product and a sum may be one step, as on a GPU
	Params  map[string]*Bound // of the module; states are put here
}

// Call evaluates an entry.
func (e *Evaluation) Call(entry string, inputs []*ir.Tensor) ([]*Bound, error) {
	f, v, err := e.Module.Serving(entry, nil, inputs)
	if err != nil {
		return nil, err
	}
	dims, err := ir.SolveDims(f, inputs)
	if err != nil {
		return nil, err
	}
	c := &call{Evaluation: e, variant: v, dims: dims, memory: map[*ir.Buffer]*Bound{}}
	for _, b := range v.Buffers {
		if c.memory[b], err = c.buffer(b, inputs); err != nil {
			return nil, err
		}
	}
	if err := c.rounds(0, len(v.Steps), v.Loops); err != nil {
		return nil, err
	}
	out := make([]*Bound, len(f.Results))
	for _, b := range v.Buffers {
		switch b.Place {
		case ir.InState:
			e.Params[e.Module.Params[b.Index].Name] = c.memory[b]
		case ir.InOutput:
			out[b.Index] = c.memory[b]
		}
	}
	return out, nil
}

type call struct {
	*Evaluation
	variant *ir.Variant
	dims    map[string]int64
	memory  map[*ir.Buffer]*Bound
}

func (c *call) size(s ir.Size) (int64, error) {
	n, ok := s.Eval(func(name string) (int64, bool) { n, ok := c.dims[name]; return n, ok })
	if !ok {
		return 0, fmt.Errorf("size %s is not known", s)
	}
	return n, nil
}

// buffer is what a buffer has before the call.
func (c *call) buffer(b *ir.Buffer, inputs []*ir.Tensor) (*Bound, error) {
	out, elems := &Bound{DType: b.Type.DType}, int64(1)
	for _, s := range b.Type.Shape {
		n, err := c.size(s)
		if err != nil {
			return nil, err
		}
		if n < 0 {
			return nil, ErrNothing
		}
		out.Shape = append(out.Shape, int(n))
		elems *= n
	}
	first := poison(b.Type.DType)
	switch b.Place {
	case ir.InInput:
		return Of(inputs[b.Index]), nil
	case ir.InParam, ir.InState:
		p := c.Module.Params[b.Index]
		if x := c.Params[p.Name]; x != nil {
			return x, nil
		}
		if p.Init.Numbers() == nil {
			return nil, fmt.Errorf("param %s has no value", p.Name)
		}
		if first = one(p.Init.Element(0)); !b.Type.DType.IsFloat() {
			first = integer(int64(p.Init.Element(0)))
		}
	}
	out.Values = slices.Repeat([]Value{first}, int(elems))
	return out, nil
}

// rounds runs some steps, with the loops among them.
func (c *call) rounds(first, end int, loops []ir.Loop) error {
	for first < end {
		if len(loops) == 0 || first < loops[0].First {
			if err := c.step(c.variant.Steps[first]); err != nil {
				return err
			}
			first++
			continue
		}
		l, inner := loops[0], 1
		for inner < len(loops) && loops[inner].First < l.End {
			inner++
		}
		n, err := c.size(l.Count)
		if err != nil {
			return err
		}
		for t := range n { // to the end: once it may end nothing changes
			c.dims[l.Counter.Name] = t
			if err := c.rounds(l.First, l.End, loops[1:inner]); err != nil {
				return err
			}
		}
		first, loops = l.End, loops[inner:]
	}
	return nil
}

func (c *call) step(s *ir.Step) error {
	dims := maps.Clone(c.dims)
	for i, d := range s.Kernel.Dims {
		n, err := c.size(s.Sizes[i])
		if err != nil {
			return err
		}
		dims[d.Name] = n
	}
	args := make([][]Value, len(s.Args))
	for i, b := range s.Args {
		args[i] = c.memory[b].Values
	}
	return model{exactly: c.Exactly, fused: c.Fused}.launch(s.Kernel, dims, args)
}
