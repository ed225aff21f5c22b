package source

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// The variables of a function, and their names.

// bind makes a variable of a value.
func (b *bodyWriter) bind(v *ir.Value) error {
	b.advance(v)
	t := b.terms[v]
	if t.text == "" {
		return noValue(v)
	}
	b.use(t)
	name := b.nameFor(v)
	b.hold(name, v)
	return b.add(t.mode, name+" = "+t.text)
}

// hold says what a variable is from now on.
func (b *bodyWriter) hold(name string, v *ir.Value) {
	b.held[name] = v
	b.terms[v] = term{text: name, binds: primary, vars: []*ir.Value{v}, mode: anyMode, named: true}
}

// nameFor is a name that a value may have: that of the state or of what a loop carries that it
// becomes, its own, or its own with a number.
func (b *bodyWriter) nameFor(v *ir.Value) string {
	if s, ok := b.state[v]; ok && b.isFree(s) {
		return s
	}
	if n := b.done; n < len(b.carry) && b.fn.Results[n].Value == v && b.isFree(b.carry[n]) {
		b.done++
		return b.carry[n]
	}
	return b.variable(b.base(v))
}

// base is the name of a value as the source had it: the builder numbers names that are bound
// again.
func (b *bodyWriter) base(v *ir.Value) string {
	name := v.Name
	if b.plain {
		return "x"
	}
	for _, r := range b.fn.Results {
		if name == "" && r.Value == v && b.outer == nil {
			name = r.Name
		}
	}
	if numbered.MatchString(name) || b.meant[numberBehind.ReplaceAllString(name, "")] {
		name = ""
	}
	if i := strings.LastIndexByte(name, '_'); i > 0 && b.bases[name[:i]] && strings.Trim(name[i+1:], "0123456789") == "" {
		name = name[:i]
	}
	return identifier(name, "x")
}

// numbered are names that exporters to ONNX give to what has none, beside the name of an op
// with a number.
var (
	numbered     = regexp.MustCompile(`(_output_?\d+|^(v|val_)\d+|^getitem)(_\d+)?$`)
	numberBehind = regexp.MustCompile(`_\d+$`)
)

// variable is a name that no other value that is still needed has.
func (b *bodyWriter) variable(base string) string {
	name := base
	for n := 2; b.reserved[name] || b.hidden[name] || !b.isFree(name) || slices.Contains(b.carry, name); n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	return name
}

// isFree reports that a name may be given to another value.
func (b *bodyWriter) isFree(name string) bool {
	for o := b.outer; o != nil; o = o.outer {
		if _, taken := o.held[name]; taken && !slices.Contains(b.carry, name) {
			return false
		}
	}
	v := b.held[name]
	return v == nil || b.left[v] <= 0
}
