package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// Kernels that are written by hand, with what their reference makes of the operands.

// A kernelDecl is a kernel of the file.
type kernelDecl struct {
	name   string
	source *ir.Source
	text   string // behind its name
}

// kernelForm is the call of a kernel. Uses whose references read alike are of one kernel.
func (b *bodyWriter) kernelForm(in *ir.Instr) (form, error) {
	a := in.Attrs.(ir.KernelAttrs)
	s := &signature{use: a, operands: in.Args[:len(a.Source.In)]}
	head, err := b.head(s, in.Op)
	if err != nil {
		return form{}, err
	}
	ref, err := b.reference(in, s)
	if err != nil {
		return form{}, err
	}
	var grid, group []string
	for i, n := range a.Grid {
		grid, group = append(grid, s.count(n)), append(group, sizeText(a.Group[i]))
	}
	launch := called("metal", []string{"grid=[" + strings.Join(grid, ", ") + "]", "group=[" + strings.Join(group, ", ") + "]"},
		given(a.Source.Shared > 0, "shared", fmt.Sprintf("[%d]", a.Source.Shared)))
	text := head + " {\nref {\n" + strings.Join(ref, "\n") + "\n}\n" + launch.text + " `" + a.Source.Text + "`\n}"
	if len(ref) == 1 {
		text = strings.Replace(text, "ref {\n"+ref[0]+"\n}", "ref { "+ref[0]+" }", 1)
	}
	return form{args: s.operands, text: func(x []term) term { return called(b.kernelNamed(a.Source, text), texts(x), s.args...) }}, nil
}

// kernelNamed is the name of the kernel of that text, which it declares if it is new.
func (w *writer) kernelNamed(source *ir.Source, text string) string {
	for _, k := range w.kernels {
		if k.source == source && k.text == text {
			return k.name
		}
	}
	name := source.Name
	for n := 2; w.reserved[name]; n++ {
		name = fmt.Sprintf("%s_%d", source.Name, n)
	}
	w.reserved[name] = true
	w.kernels = append(w.kernels, kernelDecl{name, source, text})
	return name
}

// A signature is the names of a kernel for one use of it: its types bind some of them, the
// others are parameters.
type signature struct {
	use      ir.KernelAttrs
	operands []*ir.Value
	bound    []string // names that the types of operands bind
	args     []string // the arguments of parameters that are no tensors
}

// head is the parameters and the results.
func (w *writer) head(s *signature, op *ir.Op) (string, error) {
	src := s.use.Source
	for i, name := range src.Sizes {
		if d := w.module.Dim(name); d != nil && !s.use.Sizes[i].Equal(d.Size()) {
			return "", &unsayable{op, fmt.Sprintf("its `%s` is no dim, and a dim has that name", name)}
		}
	}
	var params, results []string
	for i, v := range s.operands {
		params = append(params, src.In[i]+": "+s.typ(v.Type, true))
	}
	also := func(name, kind, value string) {
		if !slices.Contains(s.bound, name) {
			params, s.args = append(params, name+": "+kind), append(s.args, value)
		}
	}
	for i, name := range src.Numbers {
		also(name, "float", numberText(s.use.Numbers[i]).text)
	}
	for i, name := range src.Sizes {
		kind := "dim"
		if _, known := s.use.Sizes[i].Int(); known {
			kind = "int"
		}
		if w.module.Dim(name) == nil {
			also(name, kind, sizeText(s.use.Sizes[i]))
		}
	}
	for i, name := range src.DTypes {
		also(name, "dtype", s.use.DTypes[i].String())
	}
	for i, t := range s.use.Types {
		results = append(results, src.Out[i]+": "+s.typ(t, false))
	}
	takes, gives := "("+strings.Join(params, ", ")+")", "-> ("+strings.Join(results, ", ")+")"
	if len("kernel "+src.Name+takes+" "+gives+" {") > wide {
		return takes + "\n" + gives, nil
	}
	return takes + " " + gives, nil
}

// typ is a type by the signature's names, which that of an operand binds.
func (s *signature) typ(t ir.Type, binds bool) string {
	src := s.use.Source
	named := func(name string) (string, bool) {
		if binds && !slices.Contains(s.bound, name) {
			s.bound = append(s.bound, name)
		}
		return name, slices.Contains(s.bound, name)
	}
	dtype := t.DType.String()
	for i, name := range src.DTypes {
		if s.use.DTypes[i] == t.DType && len(name) == 1 {
			if n, ok := named(name); ok {
				dtype = n
				break
			}
		}
	}
	if s.sameShapes() && ir.EqualShapes(t.Shape, s.operands[0].Type.Shape) {
		return dtype + "[...S]"
	}
	if t.Rank() == 0 {
		return dtype
	}
	var items []string
	for _, n := range t.Shape {
		item := sizeText(n)
		for i, name := range src.Sizes {
			if s.use.Sizes[i].Equal(n) {
				if named, ok := named(name); ok {
					item = named
					break
				}
			}
		}
		items = append(items, item)
	}
	return dtype + "[" + strings.Join(items, ", ") + "]"
}

// sameShapes reports that the text knows no sizes, and all operands have one shape.
func (s *signature) sameShapes() bool {
	return len(s.use.Source.Sizes) == 0 && len(s.operands) > 0 && !slices.Contains(s.use.Source.DTypes, "S") &&
		!slices.ContainsFunc(s.operands, func(v *ir.Value) bool { return !ir.EqualShapes(v.Type.Shape, s.operands[0].Type.Shape) })
}

// count is how many threads a grid has along an axis: as many as an operand has elements, if
// that is so.
func (s *signature) count(n ir.Size) string {
	if s.sameShapes() && s.operands[0].Type.Elems().Equal(n) {
		return "numel(" + s.use.Source.In[0] + ")"
	}
	return sizeText(n)
}

// reference is the statements of a kernel's reference.
func (b *bodyWriter) reference(in *ir.Instr, s *signature) ([]string, error) {
	src := s.use.Source
	fn := &ir.Func{Name: src.Name, Inputs: s.operands}
	for _, x := range b.fn.Body {
		if x != in && !slices.ContainsFunc(x.Results, func(v *ir.Value) bool { return slices.Contains(s.operands, v) }) {
			fn.Body = append(fn.Body, x)
		}
	}
	for i, v := range in.Args[len(s.operands):] {
		fn.Results = append(fn.Results, ir.Result{Name: src.Out[i], Type: v.Type, Value: v})
	}
	inner := &bodyWriter{writer: b.writer, fn: fn, indent: 2, mode: mode{in.Device, b.mode.accum}, made: b.made, hidden: map[string]bool{}}
	for _, name := range slices.Concat(src.DTypes, src.Sizes, src.Numbers, src.Out) {
		inner.hidden[name] = true
	}
	inner.clear()
	for i, v := range s.operands {
		inner.hold(src.In[i], v)
	}
	return inner.lines()
}

// several writes an instruction of several results.
func (b *bodyWriter) several(in *ir.Instr, f form) error {
	t, err := b.build(in, f)
	if err != nil {
		return err
	}
	b.use(t)
	names := make([]string, len(in.Results))
	for i, v := range in.Results {
		names[i] = "_"
		if b.left[v] > 0 {
			names[i] = b.nameFor(v)
			b.hold(names[i], v)
		}
	}
	return b.add(t.mode, strings.Join(names, ", ")+" = "+t.text)
}
