package dsl

import (
	"maps"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// A kernel is called as a function: its reference is inlined as the body of one, and gives
// the values wherever Metal does not run.

// declareKernel checks what is wrong with a kernel wherever it is used.
func (c *context) declareKernel(k *Kernel, annos []*Anno) value {
	name := "kernel `" + k.Name.Name + "`"
	for _, r := range k.Results.Tuple {
		switch {
		case r.Name == nil:
			return c.hintf(Span{r.Type.Pos, 0}, "Metal writes it by its name: `-> (y: f32[4])`", "each result of %s needs a name", name)
		case r.Type.List != nil || isKind(r.Type):
			return c.errorf(Span{r.Type.Pos, 0}, "result `%s` of %s must be a tensor, not %s", r.Name.Name, name, r.Type)
		}
	}
	if r := k.Results; len(r.Tuple) == 0 {
		return c.hintf(Span{r.Pos, 0}, "Metal writes it by its name: `-> (y: f32[4])`", "the result of %s needs a name", name)
	}
	launch := map[string]Expr{}
	for _, a := range k.Launch.Args {
		switch {
		case !slices.Contains(launchWords, a.Name):
			return c.hintf(a.Value.span(), didYouMean(a.Name, launchWords), "%s is launched with `grid=[threads]`, `group=[256]` and perhaps `shared=[32]`", name)
		case launch[a.Name] != nil:
			return c.errorf(a.Value.span(), "%s has `%s` twice", name, a.Name)
		}
		launch[a.Name] = a.Value
	}
	switch {
	case launch["grid"] == nil:
		return c.hintf(k.Name.span(), "`metal(grid=[numel(x)], group=[256])`", "%s does not say how many threads it has", name)
	case launch["group"] == nil:
		return c.hintf(k.Name.span(), "`metal(grid=[numel(x)], group=[256])`", "%s does not say how many threads a threadgroup has", name)
	}
	ref := &FnDecl{Pos: k.Pos, Kind: "fn", Name: k.Name, Params: k.Params, Results: k.Results, Where: k.Where, Body: k.Ref}
	return &kernel{decl: k, launch: launch, ref: &function{decl: ref, annos: annos, file: c.file, scope: c.scope}}
}

// launchWords are the names of what stands behind `metal`.
var launchWords = []string{"grid", "group", "shared"}

// callKernel runs the reference of a kernel and hands its text to the builder.
func (c *context) callKernel(at Span, k *kernel, args []argument) value {
	in, ok := c.enter(at, k.ref, args)
	if !ok {
		return poison{}
	}
	if c.entry == nil {
		return c.errorf(at, "tensors are computed in functions that an entry calls, not here")
	}
	body := *in
	body.scope = in.scope.inner() // what it assigns is not what the text reads
	values, _ := body.run(k.decl.Ref)
	out := body.results(k.ref.decl, values)
	results, several := unpack(out)
	if !several {
		results = []value{out}
	}
	use, operands, ok := in.useOf(k)
	if !ok {
		return poison{}
	}
	var ref []mlx.Value
	for _, v := range results {
		x, isTensor := v.(mlx.Value)
		if !isTensor {
			return poison{} // the result's type has been held against it
		}
		ref = append(ref, x)
	}
	in.b.SetPos(in.at(k.launch["grid"].span()))
	var used []mlx.Value
	in.placed(func() { used = in.b.Kernel(use, func([]mlx.Value) []mlx.Value { return ref }, operands...) })
	var made []value
	for _, x := range used {
		if x.Poisoned() {
			c.failed()
			return poison{}
		}
		made = append(made, x)
	}
	if t, ok := out.(*tuple); ok {
		return &tuple{names: t.names, items: made}
	}
	return made[0]
}

// useOf is a kernel with the types and sizes of a call, and the tensors that it takes. c is
// the callee, which has received its arguments.
func (c *context) useOf(k *kernel) (use mlx.Kernel, operands []mlx.Value, ok bool) {
	text := k.decl.Metal
	use = mlx.Kernel{Name: k.decl.Name.Name, Metal: strings.Trim(text.Text, "`"), Pos: Span{text.Pos, 0}.pos(),
		DTypes: map[string]mlx.DType{}, Sizes: mlx.Axes{}, Numbers: map[string]float64{}}
	for _, p := range k.decl.Params {
		name := p.Name.Name
		switch v := c.scope.vars[name].(type) {
		case mlx.Value:
			use.In, operands = append(use.In, name), append(operands, v)
		case ir.Size, float64, ir.DType:
		default:
			c.hintf(p.Name.span(), "decide what depends on it where the kernel is called", "a kernel takes tensors, numbers and dtypes, and `%s` is %s", name, describeValue(v))
			return use, nil, false
		}
	}
	for _, r := range k.decl.Results.Tuple {
		use.Out = append(use.Out, r.Name.Name)
	}
	for name, v := range c.signature(k) {
		switch v := v.(type) {
		case ir.Size:
			use.Sizes[name] = c.known(v)
		case float64:
			use.Numbers[name] = v
		case ir.DType:
			use.DTypes[name] = v
		}
	}
	if use.Grid, ok = c.launchSizes(k, "grid"); !ok {
		return use, nil, false
	}
	if use.Group, ok = c.launchInts(k, "group"); !ok || k.launch["shared"] == nil {
		return use, operands, ok
	}
	shared, ok := c.launchInts(k, "shared")
	if ok && len(shared) != 1 {
		c.hintf(k.launch["shared"].span(), "`shared=[32]` is 32 elements of f32", "`shared` is one array")
		return use, nil, false
	}
	if ok {
		use.Shared = shared[0]
	}
	return use, operands, ok
}

// signature is the names that the text may use beside its buffers: parameters, what their
// types have bound, and the names in types that the file declares.
func (c *context) signature(k *kernel) map[string]value {
	names := maps.Clone(c.scope.vars)
	types := []*TypeExpr{}
	for _, p := range k.decl.Params {
		types = append(types, p.Type)
	}
	for _, r := range k.decl.Results.Tuple {
		types = append(types, r.Type)
	}
	take := func(name string) {
		if v, found := c.scope.find(name); found {
			names[name] = v
		}
	}
	for _, t := range types {
		if t == nil || t.List != nil {
			continue
		}
		take(t.Name)
		if t.Dims == nil {
			continue
		}
		for _, item := range t.Dims.Items {
			if n, bare := item.Expr.(*Name); bare {
				take(n.Name)
			}
		}
	}
	return names
}

// launchSizes evaluates one of launchWords, a list of sizes.
func (c *context) launchSizes(k *kernel, word string) (sizes []ir.Size, ok bool) {
	e := k.launch[word]
	v := c.eval(e)
	items, ok := v.(list)
	for _, item := range items {
		n, isSize := size(item)
		if k, known := n.Int(); known && k < 0 {
			isSize = false
		}
		ok = ok && isSize
		sizes = append(sizes, n)
		if !isSize {
			v = item
		}
	}
	if !ok && !isPoison(v) {
		c.hintf(e.span(), "`metal(grid=[numel(x)], group=[256])`", "`%s` is a list of sizes, x first, not of %s", word, describeValue(v))
	}
	return sizes, ok
}

// launchInts is launchSizes of what must be known when the model is compiled.
func (c *context) launchInts(k *kernel, word string) (ints []int, ok bool) {
	sizes, ok := c.launchSizes(k, word)
	for _, n := range sizes {
		i, known := n.Int()
		if ok && !known {
			c.errorf(k.launch[word].span(), "`%s` must be known at compile time, and %s is not", word, n)
			return nil, false
		}
		ints = append(ints, int(i))
	}
	return ints, ok
}
