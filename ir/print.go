package ir

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Print is the text of a module at any stage; Parse reads it back.
func Print(m *Module) string {
	p := &textPrinter{loc: map[*Pos]int{}, locText: map[string]int{}}
	p.line("mlxir 1")
	target := ""
	if m.Target != "" {
		target = " target " + string(m.Target)
	}
	p.open("module %q%s {", m.Name, target)
	if c := m.Checkpoint; c != nil {
		p.line("checkpoint %s %q", c.Format, c.File)
	}
	for _, d := range m.Dims {
		session := ""
		if d.Session {
			session = " session"
		}
		if d.Counter {
			session = " counter"
		}
		p.line("dim %s %d..%d%s%s", d.Name, d.Min, d.Max, session, p.at(d.Pos))
	}
	for _, w := range m.Params {
		p.param(w)
	}
	for _, s := range m.Sources {
		p.source(s)
	}
	for _, f := range m.Funcs {
		p.fn(f)
	}
	for _, k := range m.Kernels {
		p.kernel(k)
	}
	if m.Load != nil {
		p.variant("load", m.Load)
	}
	for _, f := range m.Funcs {
		for _, v := range f.Variants {
			p.variant("variant @"+f.Name+p.guard(v.Guard, ""), v)
		}
	}
	p.close("}")
	for _, l := range p.locs {
		p.line("%s", l)
	}
	return p.b.String()
}

// PrintKernel is the text of one kernel.
func PrintKernel(k *Kernel) string {
	p := &textPrinter{loc: map[*Pos]int{}, locText: map[string]int{}}
	p.kernel(k)
	return p.b.String()
}

// Key is the text of a kernel without names: equal keys, equal code.
func (k *Kernel) Key() string {
	plain := *k
	plain.Name, plain.Pos = "", nil
	plain.Args = slices.Clone(k.Args)
	for i := range plain.Args {
		plain.Args[i].Name = fmt.Sprintf("a%d", i)
	}
	return PrintKernel(&plain)
}

type textPrinter struct {
	b       strings.Builder
	indent  int
	loc     map[*Pos]int
	locText map[string]int // equal positions have one number
	locs    []string
}

func (p *textPrinter) line(format string, args ...any) {
	p.b.WriteString(strings.Repeat("  ", p.indent))
	fmt.Fprintf(&p.b, format, args...)
	p.b.WriteByte('\n')
}

func (p *textPrinter) open(format string, args ...any) {
	p.line(format, args...)
	p.indent++
}

func (p *textPrinter) close(format string, args ...any) {
	p.indent--
	p.line(format, args...)
}

// at refers to a position in the table at the end.
func (p *textPrinter) at(pos *Pos) string {
	if pos == nil {
		return ""
	}
	return fmt.Sprintf(" loc %d", p.number(pos))
}

func (p *textPrinter) number(pos *Pos) int {
	if n, ok := p.loc[pos]; ok {
		return n
	}
	text := fmt.Sprintf("%q:%d:%d", pos.File, pos.Line, pos.Col)
	if pos.End != 0 {
		text += fmt.Sprintf("..%d", pos.End)
	}
	if pos.In != "" {
		text += fmt.Sprintf(" in %q", pos.In)
	}
	if pos.From != nil {
		text += fmt.Sprintf(" from %d", p.number(pos.From))
	}
	n, ok := p.locText[text]
	if !ok {
		n = len(p.locs)
		p.locText[text] = n
		p.locs = append(p.locs, fmt.Sprintf("loc %d = %s", n, text))
	}
	p.loc[pos] = n
	return n
}

func (p *textPrinter) param(w *Param) {
	kind := "param"
	if w.State {
		kind = "state"
	}
	if w.Local {
		kind = "local"
	}
	init := ""
	if w.Init != nil {
		init = fmt.Sprintf(" init %s(%s)", w.Init.Name, joinText(w.Init.Args, floatText))
	}
	of := ""
	if w.Of != nil {
		of = " " + w.Of.String()
	}
	p.line("%s @%s: %s = %q%s%s%s", kind, w.Name, w.Type, w.Path, of, init, p.at(w.Pos))
}

// source has each line of the text as a string of its own.
func (p *textPrinter) source(s *Source) {
	head := fmt.Sprintf("source @%s(%s) -> (%s)", s.Name, strings.Join(s.In, ", "), strings.Join(s.Out, ", "))
	for _, names := range []struct {
		word string
		of   []string
	}{{"dtypes", s.DTypes}, {"sizes", s.Sizes}, {"numbers", s.Numbers}} {
		if len(names.of) > 0 {
			head += fmt.Sprintf(" %s [%s]", names.word, strings.Join(names.of, ", "))
		}
	}
	if s.Shared > 0 {
		head += fmt.Sprintf(" shared %d", s.Shared)
	}
	p.open("%s%s {", head, p.at(s.Pos))
	for _, line := range strings.Split(s.Text, "\n") {
		p.line("%q", line)
	}
	p.close("}")
}

func (p *textPrinter) fn(f *Func) {
	n, head := p.head(f)
	if len(f.Variants) > 0 {
		p.line("func @%s%s%s", f.Name, p.guard(f.Guard, " "), head)
		return
	}
	p.open("func @%s%s%s {", f.Name, p.guard(f.Guard, " "), head)
	p.code(n, f)
	p.close("}")
}

// head is the signature of a function, and what names its values have.
func (p *textPrinter) head(f *Func) (n *valueNames, head string) {
	n = &valueNames{used: map[string]bool{}, of: map[*Value]string{}}
	inputs := joinText(f.Inputs, func(v *Value) string { return n.name(v) + ": " + v.Type.String() })
	results := joinText(f.Results, func(r Result) string { return r.Name + ": " + r.Type.String() })
	for _, d := range f.Dims {
		if inputs != "" {
			inputs += ", "
		}
		inputs += d.Name + ": dim"
	}
	head = fmt.Sprintf("(%s) -> (%s)", inputs, results)
	if len(f.Where) > 0 {
		head += " where " + joinText(f.Where, func(w Fact) string { return w.String() + p.at(w.Pos) })
	}
	if len(f.Split) > 0 {
		head += " split " + joinText(f.Split, func(g Fact) string { return g.String() + p.at(g.Pos) })
	}
	return n, head + p.at(f.Pos)
}

// code is what a function does.
func (p *textPrinter) code(n *valueNames, f *Func) {
	p.body(n, f.Body)
	for _, w := range f.Writes {
		p.line("write(@%s, %s)", w.State.Name, n.name(w.Value))
	}
	p.line("ret(%s)", joinText(f.Results, func(r Result) string { return n.name(r.Value) }))
}

// valueNames gives each value of a function its name: that of the source where
// there is one, else a number.
type valueNames struct {
	used map[string]bool
	of   map[*Value]string
	next int
}

func (n *valueNames) name(v *Value) string {
	if s, ok := n.of[v]; ok {
		return s
	}
	s := v.Name
	for i := 2; n.used[s] && s != ""; i++ {
		s = fmt.Sprintf("%s_%d", v.Name, i)
	}
	for s == "" || n.used[s] && v.Name == "" { // a source may have numbers for names
		s = strconv.Itoa(n.next)
		n.next++
	}
	n.used[s] = true
	n.of[v] = "%" + s
	return "%" + s
}

func (p *textPrinter) body(n *valueNames, body []*Instr) {
	for _, in := range body {
		args := joinText(in.Args, n.name)
		if in.Attrs != nil {
			if args != "" {
				args += ", "
			}
			args += AttrText(in.Attrs)
		}
		text := fmt.Sprintf("%s(%s)", in.Op.Name, args)
		if len(in.Results) > 0 {
			text = joinText(in.Results, n.name) + " = " + text + " : " + joinText(in.Results, func(v *Value) string { return v.Type.String() })
		}
		if in.Device != OnAny {
			text += " on " + string(in.Device)
		}
		if in.Kernel != 0 {
			text += fmt.Sprintf(" kernel %d", in.Kernel)
			if in.Parts {
				text += " in parts"
			}
			text += fmt.Sprintf(" %q", in.Why)
		}
		text += p.at(in.Pos)
		if in.Body == nil {
			p.line("%s", text)
			continue
		}
		names, head := p.head(in.Body)
		p.open("%s %s {", text, head)
		p.code(names, in.Body)
		p.close("}")
	}
}

func (p *textPrinter) variant(head string, v *Variant) {
	p.open("%s {", head)
	for _, b := range v.Buffers {
		place := string(b.Place)
		if b.Place != InArena {
			place += " " + strconv.Itoa(b.Index)
		}
		p.line("buffer %%%s: %s %s", b.Name, b.Type, place)
	}
	for _, s := range v.Steps {
		text := fmt.Sprintf("step @%s(%s) sizes [%s] on %s epoch %d", s.Kernel.Name, joinText(s.Args, bufferName), joinText(s.Sizes, Size.String), s.Device, s.Epoch)
		if h := s.Barrier; h != nil {
			text += fmt.Sprintf(" barrier %s %%%s after %d", h.Kind, h.Buffer.Name, h.After)
		}
		p.line("%s%s", text, p.at(s.Pos))
	}
	for _, l := range v.Loops {
		going := ""
		if l.Going != nil {
			going = " while " + bufferName(l.Going)
		}
		p.line("loop steps %d..%d count %s counter %s%s", l.First, l.End, l.Count, l.Counter.Name, going)
	}
	if v.Plan != nil {
		p.plan(v.Plan)
	}
	p.close("}")
}

// guard is the clause of a function, kernel or variant that serves some dims.
func (p *textPrinter) guard(facts []Fact, after string) string {
	if len(facts) == 0 {
		return ""
	}
	return " when " + joinText(facts, func(g Fact) string { return g.String() + p.at(g.Pos) }) + after
}

func bufferName(b *Buffer) string { return "%" + b.Name }

func (p *textPrinter) plan(plan *Plan) {
	p.open("plan {")
	for _, b := range plan.Blocks {
		p.line("block [%s] bytes %s life %d..%d", joinText(b.Buffers, bufferName), b.Bytes, b.First, b.Last)
	}
	for _, s := range plan.Stacks {
		p.line("stack order [%s] on [%s]", joinText(s.Order, strconv.Itoa), joinText(s.On, func(on []int) string { return "[" + joinText(on, strconv.Itoa) + "]" }))
	}
	for _, pt := range plan.Report {
		p.line("point [%s] arena %d live %d bound %d", joinText(pt.Dims, func(n int64) string { return strconv.FormatInt(n, 10) }), pt.Arena, pt.Live, pt.Bound)
	}
	p.close("}")
}
