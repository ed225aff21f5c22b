package passes

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// mergeProducts makes one product of those that multiply one value by weights and whose
// elements are moved next, as those of queries, keys and values are: the weights are joined
// at load, and what the products were are parts of the result. A product whose elements
// something is done to where they are stays, since its kernel does that too.
func mergeProducts(m *ir.Module) error {
	for _, f := range m.Funcs {
		if err := mergeIn(f); err != nil {
			return err
		}
	}
	return nil
}

func mergeIn(f *ir.Func) error {
	groups := linear(f)
	if len(groups) == 0 {
		return nil
	}
	weights := onWeights(f)
	var first, rest []*ir.Instr // weights stand before all that they are joined for
	for _, in := range f.Body {
		if weights[in.Result()] {
			first = append(first, in)
		} else {
			rest = append(rest, in)
		}
	}
	b := &ir.Emit{Body: first}
	to := map[*ir.Value]*ir.Value{}
	for _, in := range rest {
		substitute(in.Args, to)
		if to[in.Result()] != nil {
			continue // a part of a product that stands before it
		}
		group := groups[in]
		if group == nil {
			b.Body = append(b.Body, in)
			continue
		}
		if err := join(b, group, to); err != nil {
			return fmt.Errorf("%s: %w", in.Pos, err)
		}
	}
	f.Body = b.Body
	substituteResults(f, to)
	return nil
}

// join appends the product of a group and its parts, which stand for the products.
func join(b *ir.Emit, group []*ir.Instr, to map[*ir.Value]*ir.Value) error {
	in := group[0]
	b.Pos, b.Facts = in.Pos, in.Facts
	op := func(name string, attrs any, args ...*ir.Value) (*ir.Value, error) {
		made, err := b.Op(name, attrs, args...)
		if err != nil {
			return nil, err
		}
		made.Device = in.Device
		return made.Result(), nil
	}
	var factors []*ir.Value
	for _, p := range group {
		factors = append(factors, p.Args[1])
	}
	all, err := op("concat", ir.AxisAttrs{Axis: 1}, factors...)
	if err != nil {
		return err
	}
	product, err := op("matmul", in.Attrs, in.Args[0], all)
	if err != nil {
		return err
	}
	last := product.Type.Rank() - 1
	var from ir.Size
	for _, p := range group {
		part := ir.SliceAttrs{Start: make([]ir.Size, last+1), Step: slices.Repeat([]int{1}, last+1), Size: slices.Clone(product.Type.Shape)}
		part.Start[last], part.Size[last] = from, p.Result().Type.Shape[last]
		from = from.Add(part.Size[last])
		v, err := op("slice", part, product)
		if err != nil {
			return err
		}
		v.Name = p.Result().Name
		to[p.Result()] = v
	}
	return nil
}

// linear finds the groups of products that can be one, by their first.
func linear(f *ir.Func) map[*ir.Instr][]*ir.Instr {
	weights, stays := onWeights(f), map[*ir.Value]bool{} // a product's kernel does what follows, or stores a result
	for _, r := range f.Results {
		stays[r.Value] = true
	}
	for _, in := range slices.Backward(f.Body) {
		_, isReshape := in.Attrs.(ir.ShapeAttrs)
		for _, a := range in.Args {
			stays[a] = stays[a] || in.Op.Kind == ir.KindElementwise || isReshape && stays[in.Result()]
		}
	}
	first := map[*ir.Value]*ir.Instr{}
	groups := map[*ir.Instr][]*ir.Instr{}
	for _, in := range f.Body {
		if _, ok := in.Attrs.(ir.MatmulAttrs); !ok || weights[in.Args[0]] || !weights[in.Args[1]] || in.Args[1].Type.Rank() != 2 || stays[in.Result()] {
			continue
		}
		p := first[in.Args[0]]
		switch {
		case p == nil:
			first[in.Args[0]], groups[in] = in, []*ir.Instr{in}
		case p.Attrs == in.Attrs && p.Device == in.Device && p.Args[1].Type.DType == in.Args[1].Type.DType:
			groups[p] = append(groups[p], in)
		}
	}
	for in, group := range groups {
		if len(group) < 2 {
			delete(groups, in)
		}
	}
	return groups
}

// onWeights are the values that views alone make of weights.
func onWeights(f *ir.Func) map[*ir.Value]bool {
	on := map[*ir.Value]bool{}
	for _, in := range f.Body {
		on[in.Result()] = isWeight(in) || isView(in) && !slices.ContainsFunc(in.Args, func(a *ir.Value) bool { return !on[a] })
	}
	return on
}
