package ir

import (
	"fmt"
	"strings"
)

// Axes lists all loop variables of a kernel: those of the grid, then the inner
// one, then the others in the order of their use.
func (k *Kernel) Axes() []*Axis {
	var all []*Axis
	seen := map[string]bool{}
	add := func(axes ...*Axis) {
		for _, a := range axes {
			if a != nil && !seen[a.Name] {
				seen[a.Name] = true
				all = append(all, a)
			}
		}
	}
	add(k.Par...)
	add(k.Outer...)
	add(k.Inner)
	mentioned := func(s Size) {
		s.Walk(func(a *Atom) {
			if a.Kind == AtomAxis {
				add(a.Axis)
			}
		})
	}
	guards := func(gs []Bound) {
		for _, g := range gs {
			mentioned(g.Index)
			mentioned(g.Extent)
		}
	}
	for _, v := range k.Values {
		add(v.Over...)
		add(v.Bind...)
		mentioned(v.Index)
		guards(v.Guard)
	}
	for _, s := range k.Stores {
		mentioned(s.Index)
		guards(s.Guard)
	}
	return all
}

func axisName(a *Axis) string { return a.Name }

func (p *textPrinter) kernel(k *Kernel) {
	p.open("kernel @%s%s%s {", k.Name, p.guard(k.Guard, ""), p.at(k.Pos))
	for _, a := range k.Args {
		mode := "read"
		if a.Write {
			mode = "write"
		}
		p.line("arg %%%s: %s[%s] %s", a.Name, a.DType, a.Len, mode)
	}
	if len(k.Dims) > 0 {
		p.line("dims %s", joinText(k.Dims, func(d *Dim) string { return d.Name }))
	}
	if axes := k.Axes(); len(axes) > 0 {
		p.line("axes %s", joinText(axes, func(a *Axis) string { return a.Name + " < " + a.Extent.String() }))
	}
	if len(k.Par) > 0 {
		p.line("par %s", joinText(k.Par, axisName))
	}
	if len(k.Outer) > 0 {
		p.line("outer %s", joinText(k.Outer, axisName))
	}
	if k.Inner != nil {
		p.line("inner %s", k.Inner.Name)
	}
	for _, v := range k.Values {
		p.line("v%d = %s : %s", v.ID, p.scalar(k, v), v.DType)
	}
	for _, s := range k.Stores {
		p.line("store %%%s[%s] = v%d%s", k.Args[s.Arg].Name, s.Index, s.Value.ID, guardText(" if ", s.Guard))
	}
	if w := k.Written; w != nil {
		p.line("written(%s)", AttrText(*w))
	}
	if c := k.Contract; c != nil {
		p.line("contract%s", partsText(c.parts()))
	}
	if s := k.Stream; s != nil {
		p.line("stream%s", partsText(s.parts()))
	}
	if s := k.Schedule; s != nil {
		over := joinText(s.Over, func(o [2]int) string { return fmt.Sprintf("[%d, %d]", o[0], o[1]) })
		form := ""
		if s.Form != "" {
			form = " as " + string(s.Form)
		}
		if t := s.Tile; s.Form.Tiled() {
			form += fmt.Sprintf(" m %d n %d k %d", t.M, t.N, t.K)
		}
		p.line("schedule grain %d threads %d vec %d align %d over [%s] scratch %s%s", s.Grain, s.Threads, s.Vec, s.Align, over, s.Scratch, form)
	}
	p.close("}")
}

func partsText(parts []part) string {
	var b strings.Builder
	for _, p := range parts {
		switch {
		case p.scalar != nil:
			fmt.Fprintf(&b, " %s v%d", p.word, (*p.scalar).ID)
		case p.axis != nil:
			fmt.Fprintf(&b, " %s %s", p.word, (*p.axis).Name)
		case p.size != nil:
			if !p.optional || !p.size.Is(0) {
				fmt.Fprintf(&b, " %s %s", p.word, *p.size)
			}
		case len(*p.axes) > 0 || !p.optional:
			fmt.Fprintf(&b, " %s %s", p.word, joinText(*p.axes, axisName))
		}
	}
	return b.String()
}

func guardText(before string, guard []Bound) string {
	if len(guard) == 0 {
		return ""
	}
	return before + joinText(guard, func(g Bound) string { return "0 <= " + g.Index.String() + " < " + g.Extent.String() })
}

func (p *textPrinter) scalar(k *Kernel, v *Scalar) string {
	bind := ""
	if len(v.Bind) > 0 {
		parts := make([]string, len(v.Bind))
		for i, a := range v.Bind {
			parts[i] = fmt.Sprintf("%s = v%d", a.Name, v.Args[i].ID)
		}
		bind = " bind " + strings.Join(parts, ", ")
	}
	switch v.Kind {
	case ScalarConst:
		if v.DType.IsFloat() {
			return "const " + floatText(v.Float)
		}
		return fmt.Sprintf("const %d", v.Int)
	case ScalarSize:
		return "size " + v.Index.String() + bind
	case ScalarLoad:
		return fmt.Sprintf("load %%%s[%s]", k.Args[v.Arg].Name, v.Index) + guardText(" if ", v.Guard) + bind
	case ScalarInside:
		return "inside" + guardText(" ", v.Guard) + bind
	case ScalarCast:
		return fmt.Sprintf("cast v%d", v.Args[0].ID)
	case ScalarReduce:
		return fmt.Sprintf("reduce %s v%d over %s", v.Fn, v.Args[0].ID, joinText(v.Over, axisName))
	}
	return v.Fn.String() + " " + joinText(v.Args, func(a *Scalar) string { return fmt.Sprintf("v%d", a.ID) })
}
