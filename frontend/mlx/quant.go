package mlx

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// quantised reports that v is a param in a quantised dtype, or its transpose.
func (v Value) quantised() bool { return v.p != nil && v.p.typ.DType.IsQuantised() }

// Dequant is the elements of a quantised param, as f32.
func (v Value) Dequant() Value {
	if !v.quantised() {
		if x, ok := v.use("dequant"); ok {
			return v.b.misuse(x, "dequant: %s is not quantised", x.Type)
		}
		return v.poison()
	}
	planes := make([]Value, len(v.p.planes))
	for i, p := range v.p.planes {
		planes[i] = Value{b: v.b, p: p}
	}
	w := v.b.Op("dequant", ir.DequantAttrs{Format: v.p.typ.DType}, planes...)
	if v.p.turned {
		return w.T()
	}
	return w
}

// Quantize is x in a format of MLX, as mlx.core.quantize makes it: words (u32), scales and
// biases (f16), of which the last axis has fewer.
func Quantize(x Value, format DType) (words, scales, biases Value) {
	if words = apply("quantize", ir.QuantizeAttrs{Format: format}, x); words.Poisoned() {
		return words, words, words
	}
	return words, apply("quantize", ir.QuantizeAttrs{Format: format, Plane: 1}, x), apply("quantize", ir.QuantizeAttrs{Format: format, Plane: 2}, x)
}

// DequantOf is the elements, as f32, of the planes of a tensor in a format: of what Quantize
// gives, or of the blocks of a format of GGUF (u8).
func DequantOf(format DType, planes ...Value) Value {
	return apply("dequant", ir.DequantAttrs{Format: format}, planes...)
}

// timesQuantised is the product with a quantised right factor. It is computed in f32, or in
// f64 if v is that, and has the dtype of v.
func (v Value) timesQuantised(w Value) Value {
	x, ok := v.use("matmul")
	if !ok {
		return v.poison()
	}
	if !x.Type.DType.IsFloat() {
		v.b.Fail(fmt.Sprintf("matmul: the left factor of a quantised one is a float, not %s", x.Type), "use .to(f32)", v.b.note("a", x))
		return v.poison()
	}
	t := x.Type.DType.Compute()
	return v.To(t).MatMul(w.Dequant().To(t)).To(x.Type.DType)
}

// transpose is the quantised v with its last two axes exchanged, which a product undoes.
func (v Value) transpose() Value {
	if p := v.p; p.other == nil {
		t := ir.Type{DType: p.typ.DType, Shape: slices.Clone(p.typ.Shape)}
		n := len(t.Shape)
		t.Shape[n-2], t.Shape[n-1] = t.Shape[n-1], t.Shape[n-2]
		p.other = &param{ir: p.ir, typ: t, planes: p.planes, turned: !p.turned, other: p}
	}
	return Value{b: v.b, p: v.p.other}
}

// keep declares the planes of a quantised param, the first of which has its init, a
// distribution. Loads turn the planes, which have the tensor's rows.
func (b *Builder) keep(what string, p *param) {
	t := p.ir.Type
	f := t.DType.Format()
	err, hint := f.Check(t.Shape), ""
	switch {
	case err != nil:
		hint = fitting(f, t.Shape)
	case slices.ContainsFunc(p.loads, func(l load) bool { return l.row() == "" }):
		err, hint = fmt.Errorf("the elements in a row of %s cannot be rearranged", t), "declare it as the file has it: a product takes `w` and `w.T`"
	case p.ir.Init != nil && p.ir.Init.Name == "constant":
		err = fmt.Errorf("%s cannot be filled with a number", t)
	}
	if err != nil {
		b.Fail(fmt.Sprintf("%s: %v", what, err), hint)
		return
	}
	if p.ir.Init != nil {
		b.begin(what, p, ir.Type{DType: F32, Shape: p.typ.Shape})
	}
	var loads []load
	for _, l := range p.loads {
		axes := maps.Clone(l.axes)
		delete(axes, l.row())
		loads = append(loads, load{l.pattern, axes, l.matrix})
	}
	types := f.Types(p.typ.Shape)
	for i, typ := range f.Types(t.Shape) {
		if err := b.checkType(typ); err != nil {
			b.errorf("%s: %v", what, err)
			return
		}
		path := f.Planes[i].Path(p.ir.Path)
		plane := &ir.Param{Name: b.symbol(path), Path: path, Type: typ, Of: &ir.Plane{Type: t, Index: i}, Pos: p.ir.Pos}
		if i == 0 {
			plane.Init = p.ir.Init
		}
		b.module.Params = append(b.module.Params, plane)
		p.planes = append(p.planes, &param{ir: plane, typ: types[i], loads: loads})
	}
}

// row is the axis that a load leaves as the last; empty: it leaves none.
func (l load) row() string {
	last := func(side []group) string {
		if len(side) == 0 || len(side[len(side)-1].axes) != 1 {
			return ""
		}
		return side[len(side)-1].axes[0].name
	}
	if name := last(l.left); name == last(l.right) && name != ellipsis {
		return name
	}
	return ""
}

// fitting names the dtypes with as many bits that a tensor can have, if its sizes let it have
// some.
func fitting(f *ir.Format, shape []Dim) string {
	var names []string
	for _, d := range ir.QuantisedDTypes() {
		if g := d.Format(); g.Bits == f.Bits && g.Check(shape) == nil {
			names = append(names, d.String())
		}
	}
	if names == nil {
		return "keep it in a float, such as f16"
	}
	return "dtypes that it can have are " + strings.Join(names, ", ")
}
