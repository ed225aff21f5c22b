package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// The statements x[...] = y.

// placed is what an update puts in its place, without what the language makes of it by itself.
func placed(in *ir.Instr) *ir.Value {
	y := in.Args[1]
	a := in.Attrs.(ir.UpdateAttrs)
	if r := y.Instr; r != nil && r.Op.Name == "reshape" && r.Device == in.Device && y.Type.Shape[a.Axis].Is(1) && !in.Args[0].Type.Shape[a.Axis].Is(1) {
		of := r.Args[0]
		if ir.EqualShapes(of.Type.Shape, slices.Delete(slices.Clone(y.Type.Shape), a.Axis, a.Axis+1)) {
			return of
		}
	}
	return y
}

// replacesAll reports that an update leaves nothing of its first operand.
func replacesAll(in *ir.Instr) bool {
	a := in.Attrs.(ir.UpdateAttrs)
	return a.Start.Is(0) && in.Args[0].Type.Equal(in.Args[1].Type)
}

// update writes x[...] = y, and before it what x is, if its variable is still needed.
func (b *bodyWriter) update(in *ir.Instr, y *ir.Value) error {
	a, x, v := in.Attrs.(ir.UpdateAttrs), in.Args[0], in.Result()
	n, size := x.Type.Shape[a.Axis], in.Args[1].Type.Shape[a.Axis]
	item := rangeText(a.Start, size, n)
	if y != in.Args[1] {
		item = sizeText(a.Start)
	}
	items := append(slices.Repeat([]string{":"}, a.Axis), item)
	b.advance(v)
	if t := b.terms[y]; !t.named && t.calls > 0 && len(t.text)+len(b.terms[x].text)+len(strings.Join(items, ", ")) > wide-2*b.indent-5 {
		if err := b.bind(y); err != nil {
			return err
		}
	}
	m := modeOf(in)
	whole := b.terms[x]
	name := ""
	if whole.named && len(whole.vars) == 1 {
		before := b.left[x]
		b.use(whole)
		b.use(b.terms[y])
		if b.left[x] == 0 && b.canBecome(whole.text, v) {
			name = whole.text
		} else {
			b.left[x] = before
			for _, u := range b.terms[y].vars {
				if u != x {
					b.left[u]++
				}
			}
		}
	}
	if name == "" {
		both, ok := m.and(whole.mode)
		if !ok {
			if err := b.bind(x); err != nil {
				return err
			}
			whole, both = b.terms[x], m
		}
		b.use(whole)
		name = b.nameFor(v)
		if err := b.add(both, name+" = "+whole.text); err != nil {
			return err
		}
		b.held[name] = v
		b.use(b.terms[y])
	}
	b.hold(name, v)
	both, ok := m.and(b.terms[y].mode)
	if !ok {
		return &unsayable{in.Op, "its operands are computed in several ways"}
	}
	return b.add(both, fmt.Sprintf("%s[%s] = %s", name, strings.Join(items, ", "), b.terms[y].text))
}

// canBecome reports that the variable of that name may be given a value: a state one that it
// is to be, and what a loop carries one that it is to carry.
func (b *bodyWriter) canBecome(name string, v *ir.Value) bool {
	if i := slices.Index(b.carry, name); i >= 0 {
		if i == b.done && b.fn.Results[i].Value == v {
			b.done++
			return true
		}
		return false
	}
	return !b.isStateName(name) || b.state[v] == name
}
