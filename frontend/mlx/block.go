package mlx

import (
	"strconv"

	"github.com/mlxc/mlxc/ir"
)

// A Block is a place in the tree of names. Its path is the prefix of its params'
// names in the checkpoint.
type Block struct {
	b    *Builder
	path string
}

// Path is the name of the block: model.layers.3.
func (k *Block) Path() string { return k.path }

// Sub is the block called name below k.
func (k *Block) Sub(name string) *Block { return &Block{k.b, join(k.path, name)} }

// At is the i-th block of a list.
func (k *Block) At(i int) *Block { return k.Sub(strconv.Itoa(i)) }

func join(path, name string) string {
	switch {
	case path == "":
		return name
	case name == "":
		return path
	}
	return path + "." + name
}

// A param is a declared parameter, which each entry reads for itself.
type param struct {
	ir   *ir.Param
	typ  ir.Type // as the program sees it, after load
	load *pattern
}

// A ParamOption changes how a param is declared.
type ParamOption func(b *Builder, p *param)

// Init gives a param a first value for checkpoints that lack it.
func Init(init ir.Init) ParamOption {
	return func(_ *Builder, p *param) { p.ir.Init = &init }
}

// Fill is Init with one number everywhere.
func Fill(x float64) ParamOption { return Init(ir.Init{Name: "constant", Args: []float64{x}}) }

// Path is the param's name in the checkpoint where that is not its path.
func Path(name string) ParamOption {
	return func(_ *Builder, p *param) { p.ir.Path = name }
}

// Load rearranges the checkpoint's tensor into the param by an einops pattern;
// axes give the sizes that the pattern leaves open. The shape that the file must
// have follows from the param's type.
func Load(text string, axes Axes) ParamOption {
	return func(b *Builder, p *param) {
		pt, err := parsePattern(text)
		if err == nil {
			p.load = pt
			p.ir.Type.Shape, err = pt.source(p.typ.Shape, axes)
		}
		if err != nil {
			b.errorf(nil, "", "load %q: %v", text, err)
		}
	}
}

// Param declares a parameter: name is its last step in the checkpoint, typ its
// type in text.
func (k *Block) Param(name, typ string, options ...ParamOption) Value {
	t, ok := k.b.typ(typ)
	if !ok {
		return k.b.poison()
	}
	return k.ParamOf(name, t, options...)
}

// ParamOf is Param with a type at hand.
func (k *Block) ParamOf(name string, t ir.Type, options ...ParamOption) Value {
	b := k.b
	path := join(k.path, name)
	if b.params[path] != nil {
		b.errorf(nil, "", "param %s is declared twice", path)
		return b.poison()
	}
	for _, s := range t.Shape {
		if n, ok := s.Int(); !ok || n < 0 {
			b.errorf(nil, "", "param %s: size %s of %s is not a constant", path, s, t)
			return b.poison()
		}
	}
	p := &param{ir: &ir.Param{Name: path, Path: path, Type: ir.Type{DType: t.DType, Shape: t.Shape}, Pos: b.where()}, typ: t}
	failed := len(b.errs)
	for _, o := range options {
		o(b, p)
	}
	if len(b.errs) > failed {
		return b.poison()
	}
	b.params[path] = p
	b.module.Params = append(b.module.Params, p.ir)
	return Value{b: b, p: p}
}

// A State is a tensor that the session keeps between calls.
type State struct{ value Value }

// State declares one. What no entry sets is read like a param.
func (k *Block) State(name, typ string, init ir.Init) *State {
	return &State{k.Param(name, typ, Init(init))}
}

// Get is the value of the state.
func (s *State) Get() Value { return s.value }

// Set makes v the state's next value.
func (s *State) Set(v Value) {
	if b := s.value.b; b != nil {
		b.errorf(nil, "", "setting a state is not supported yet")
	}
}
