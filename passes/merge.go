package passes

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// mergeProducts makes one product of those that multiply one value by weights, and may add
// a bias, and whose elements are moved next, as those of queries, keys and values are: the
// weights are joined at load, and what the products were are parts of the result. A product
// whose elements something else is done to where they are stays, since its kernel does
// that too.
func mergeProducts(m *ir.Module) error {
	for _, f := range m.Bodies() {
		if err := mergeIn(f); err != nil {
			return err
		}
	}
	return nil
}

func mergeIn(f *ir.Func) error {
	groups := linears(f)
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
		if _, joined := to[in.Result()]; joined {
			continue // with a product that stands before it
		}
		group := groups[in]
		if group == nil {
			b.Body = append(b.Body, in)
			continue
		}
		if err := join(b, group, to); err != nil {
			return fmt.Errorf("%s: %w", in.Pos, err)
		}
		for _, l := range group {
			if l.then != nil {
				to[l.product.Result()] = nil // nothing reads it
			}
		}
	}
	f.Body = b.Body
	substituteResults(f, to)
	return nil
}

// A linear is a product by weights, and what an instruction then does to it with one number
// for each column, as a bias is.
type linear struct {
	product, then *ir.Instr // then is nil where nothing is done
	bias          *ir.Value // [columns]
}

// result is the value that is moved next.
func (l linear) result() *ir.Value {
	if l.then != nil {
		return l.then.Result()
	}
	return l.product.Result()
}

// join appends the product of a group and its parts, which stand for the products.
func join(b *ir.Emit, group []linear, to map[*ir.Value]*ir.Value) error {
	in := group[0].product
	b.Pos, b.Facts, b.Device = in.Pos, in.Facts, in.Device
	op := func(name string, attrs any, args ...*ir.Value) (*ir.Value, error) {
		made, err := b.Op(name, attrs, args...)
		if err != nil {
			return nil, err
		}
		return made.Result(), nil
	}
	var factors, biases []*ir.Value
	for _, l := range group {
		factors, biases = append(factors, l.product.Args[1]), append(biases, l.bias)
	}
	all, err := op("concat", ir.AxisAttrs{Axis: 1}, factors...)
	if err != nil {
		return err
	}
	product, err := op("matmul", in.Attrs, in.Args[0], all)
	if err != nil {
		return err
	}
	if then := group[0].then; then != nil {
		bias, err := op("concat", ir.AxisAttrs{Axis: 0}, biases...)
		if err != nil {
			return err
		}
		if bias, err = op("broadcast", ir.ShapeAttrs{Shape: product.Type.Shape}, bias); err != nil {
			return err
		}
		if product, err = op(then.Op.Name, then.Attrs, product, bias); err != nil {
			return err
		}
	}
	last := product.Type.Rank() - 1
	var from ir.Size
	for _, l := range group {
		part := ir.SliceAttrs{Start: make([]ir.Size, last+1), Step: slices.Repeat([]int{1}, last+1), Size: slices.Clone(product.Type.Shape)}
		part.Start[last], part.Size[last] = from, l.result().Type.Shape[last]
		from = from.Add(part.Size[last])
		v, err := op("slice", part, product)
		if err != nil {
			return err
		}
		v.Name = l.result().Name
		to[l.result()] = v
	}
	return nil
}

// linears finds the groups of products that can be one, by their first.
func linears(f *ir.Func) map[*ir.Instr][]linear {
	weights, readers := onWeights(f), map[*ir.Value][]*ir.Instr{}
	isResult, stays := map[*ir.Value]bool{}, map[*ir.Value]bool{} // whose kernel does what follows, or stores a result
	for _, v := range f.Kept() {
		isResult[v], stays[v] = true, true
	}
	for _, in := range slices.Backward(f.Body) {
		_, isReshape := in.Attrs.(ir.ShapeAttrs)
		for _, a := range in.Args {
			stays[a] = stays[a] || in.Op.Kind == ir.KindElementwise || isReshape && stays[in.Result()]
			readers[a] = append(readers[a], in)
		}
	}
	type key struct {
		x    *ir.Value
		then *ir.Op
	}
	first := map[key]*ir.Instr{}
	groups := map[*ir.Instr][]linear{}
	for _, in := range f.Body {
		if _, ok := in.Attrs.(ir.MatmulAttrs); !ok || weights[in.Args[0]] || !weights[in.Args[1]] || in.Args[1].Type.Rank() != 2 {
			continue
		}
		l, k := linear{product: in}, key{x: in.Args[0]}
		if r := readers[in.Result()]; len(r) == 1 && !isResult[in.Result()] {
			if bias := biasOf(r[0], in); bias != nil && weights[bias] {
				l.then, l.bias, k.then = r[0], bias, r[0].Op
			}
		}
		if stays[l.result()] {
			continue
		}
		switch p := first[k]; {
		case p == nil || len(groups[p]) == maxConcat:
			first[k], groups[in] = in, []linear{l}
		case p.Attrs == in.Attrs && p.Device == in.Device && p.Args[1].Type.DType == in.Args[1].Type.DType:
			groups[p] = append(groups[p], l)
		}
	}
	for in, group := range groups {
		if len(group) < 2 {
			delete(groups, in)
		}
	}
	return groups
}

// biasOf is the vector that an instruction combines with the columns of a product; nil: it
// does something else.
func biasOf(in, product *ir.Instr) *ir.Value {
	if in.Op.Kind != ir.KindElementwise || len(in.Args) != 2 || in.Args[0] != product.Result() || in.Attrs != nil || in.Device != product.Device {
		return nil
	}
	wide := in.Args[1].Instr
	if wide == nil || !isView(wide) {
		return nil
	}
	to, ok := wide.Attrs.(ir.ShapeAttrs)
	if from := wide.Args[0].Type.Shape; !ok || len(from) != 1 || !from[0].Equal(to.Shape[len(to.Shape)-1]) {
		return nil
	}
	return wide.Args[0]
}

// onWeights are the values that views alone make of weights.
func onWeights(f *ir.Func) map[*ir.Value]bool {
	on := map[*ir.Value]bool{}
	for _, in := range f.Body {
		on[in.Result()] = isWeight(in) || isView(in) && !slices.ContainsFunc(in.Args, func(a *ir.Value) bool { return !on[a] })
	}
	return on
}
