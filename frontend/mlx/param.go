package mlx

import (
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// A param is a declared parameter, which each entry reads for itself.
type param struct {
	ir    *ir.Param
	typ   ir.Type // as the program sees it, after the loads
	loads []load  // from the program's tensor to the file's; none: they are one

	planes []*param // of a quantised param, which entries read in its place
	turned bool     // a quantised param with its last two axes exchanged
	other  *param   // a quantised param turned, or not
}

// A load is a pattern, with the sizes of its named axes.
type load struct {
	*pattern
	axes   Axes
	matrix bool // it keepsMatrix
}

// A ParamOption changes how a param is declared.
type ParamOption func(b *Builder, p *param)

// Init gives a param a first value for checkpoints that lack it.
func Init(init ir.Init) ParamOption {
	return func(_ *Builder, p *param) { p.ir.Init = &init }
}

// Fill is Init with one number everywhere.
func Fill(x float64) ParamOption { return Init(ir.Constant(x)) }

// Load rearranges the checkpoint's tensor into the param by an einops pattern;
// axes give the sizes that the pattern leaves open. The shape that the file must
// have follows from the param's type.
func Load(text string, axes Axes) ParamOption {
	return func(b *Builder, p *param) {
		pt, err := parsePattern(text)
		after := p.ir.Type
		if err == nil {
			p.ir.Type.Shape, axes, err = pt.source(after.Shape, axes)
			p.loads = append(p.loads, load{pt, axes, pt.keepsMatrix(len(after.Shape))})
		}
		if err != nil {
			b.errorf("load %q to %s: %v", text, after, err)
		}
	}
}

// Param declares a parameter: name is its last step in the checkpoint, typ its
// type in text.
func (k *Block) Param(name, typ string, options ...ParamOption) Value {
	t, ok := k.b.typ(typ)
	if !ok {
		return Value{b: k.b}
	}
	return k.ParamOf(name, t, options...)
}

// ParamOf is Param with a type at hand.
func (k *Block) ParamOf(name string, t ir.Type, options ...ParamOption) Value {
	return k.tensor(name, t, false, options)
}

// tensor declares a param or a state.
func (k *Block) tensor(name string, t ir.Type, state bool, options []ParamOption) Value {
	b := k.b
	path := join(k.path, name)
	what := "param " + path
	if state {
		what = "state " + path
	}
	switch {
	case !b.open(what):
		return Value{b: b}
	case b.params[path] != nil:
		return b.errorf("%s is declared twice", what)
	}
	for _, s := range t.Shape {
		if n, ok := s.Int(); ok && n < 0 || !ok && !state {
			return b.errorf("%s: size %s of %s is not a constant", what, s, t)
		}
		s.Walk(func(a *ir.Atom) {
			if a.Kind == ir.AtomDim {
				a.Dim.Session = true
			}
		})
	}
	pos := b.here()
	defer b.SetPos(pos)() // options are closures, which may count as the caller's
	t.Shape = slices.Clone(t.Shape)
	p := &param{ir: &ir.Param{Name: b.symbol(path), State: state, Path: path, Type: t, Pos: pos}, typ: t}
	failed := len(b.errs)
	for _, o := range options {
		o(b, p)
	}
	b.renamed(p)
	if state && len(p.loads) > 0 {
		b.errorf("%s: a state is kept as the checkpoint has it: only a param is loaded as another", what)
	}
	if t.DType.IsQuantised() && !state {
		b.keep(what, p)
	} else if err := b.checkType(p.ir.Type); err != nil {
		b.errorf("%s: %v", what, err)
	} else if p.ir.Init != nil {
		b.begin(what, p, t)
	}
	if len(b.errs) > failed {
		return Value{b: b}
	}
	if p.planes == nil {
		b.module.Params = append(b.module.Params, p.ir)
	}
	b.params[path] = p
	return Value{b: b, p: p}
}

// begin checks the init of a param, whose elements the program sees as t. The fans of a
// distribution are those of t, as the checkpoint may have the axes in another order.
func (b *Builder) begin(what string, p *param, t ir.Type) {
	mixed := slices.IndexFunc(p.loads, func(l load) bool { return !l.matrix })
	if err := p.ir.Init.Check(t); err != nil {
		b.errorf("%s: %v", what, err)
		return
	} else if len(p.loads) > 0 && len(p.ir.Init.Numbers()) > 1 {
		b.errorf("%s: it is loaded as another, and its init is one number or a distribution", what)
		return
	} else if p.ir.Init.Name == "orthogonal" && mixed >= 0 {
		b.errorf("%s: orthogonal is of a matrix of the first axis and the others, which the load %q mixes", what, strings.TrimSpace(p.loads[mixed].text))
		return
	}
	init := p.ir.Init.Of(t.Shape)
	p.ir.Init = &init
}
