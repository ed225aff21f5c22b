package runtime

import (
	"fmt"
	"slices"
	"strings"
)

// solve finds the dims of a call from the shapes of its inputs, and checks all
// that the entry asks of them. The dims of the session are known, and those that the entry
// is given are those numbers. A size that is linear in one dim gives that dim; a dim that
// no shape decides takes its least value. An error is a *DimError.
func (p *Program) solve(e *Entry, session []int64, inputs []*Array, given []int, dims []int64) error {
	fail := func(format string, args ...any) error {
		return &DimError{Program: p.Name, Entry: e.Name, What: fmt.Sprintf(format, args...)}
	}
	if len(inputs) != len(e.Inputs) {
		return fail("%d inputs, want %d", len(inputs), len(e.Inputs))
	}
	if len(given) != len(e.Given) {
		return fail("%d sizes, want %d", len(given), len(e.Given))
	}
	for i, a := range inputs {
		port := &e.Inputs[i]
		if a == nil {
			return fail("%s is nil, want %s", port.Name, port.text(p.Dims))
		}
		if a.dtype != port.DType || len(a.shape) != len(port.Shape) {
			return fail("%s is %s, want %s", port.Name, a, port.text(p.Dims))
		}
	}
	known := make([]bool, len(p.Dims))
	for i := range p.Dims {
		if p.Dims[i].Session {
			dims[i], known[i] = session[i], true
		}
	}
	for i, d := range e.Given {
		dims[d], known[d] = int64(given[i]), true
		if err := p.Dims[d].check(dims[d]); err != nil {
			return fail("%v", err)
		}
	}
	for again := true; again; {
		again = false
		for i, a := range inputs {
			port := &e.Inputs[i]
			for axis, size := range port.Shape {
				d, scale, rest, ok := size.linear(dims, known)
				if !ok || scale == 0 {
					continue
				}
				n := int64(a.shape[axis]) - rest
				if n%scale != 0 || n/scale < 0 {
					return fail("%s is %s, want %s", port.Name, a, port.text(p.Dims))
				}
				dims[d], known[d], again = n/scale, true, true
			}
		}
	}
	for i := range p.Dims {
		if !known[i] {
			dims[i] = p.Dims[i].Min
		}
	}
	for i, a := range inputs {
		port := &e.Inputs[i]
		for axis, size := range port.Shape {
			if size.at(dims) != int64(a.shape[axis]) {
				return fail("%s is %s, want %s%s", port.Name, a, port.text(p.Dims), p.values(", where ", dims, size))
			}
		}
	}
	for i := range p.Dims {
		if err := p.Dims[i].check(dims[i]); err != nil {
			return fail("%v", err)
		}
	}
	for _, f := range e.Where {
		if !f.holds(dims) {
			return fail("%s does not hold%s", f.Text, p.values(" for ", dims, f.Left, f.Right))
		}
	}
	return nil
}

// values lists the dims that the sizes depend on, behind a word: for B = 3.
func (p *Program) values(word string, dims []int64, sizes ...Size) string {
	var list []string
	for i, d := range p.Dims {
		if slices.ContainsFunc(sizes, func(s Size) bool { return s.mentions(func(n int) bool { return n == i }) }) {
			list = append(list, fmt.Sprintf("%s = %d", d.Name, dims[i]))
		}
	}
	if list == nil {
		return ""
	}
	return word + strings.Join(list, ", ")
}

// check says by which bound n is no value of the dim.
func (d *Dim) check(n int64) error {
	switch {
	case n < d.Min:
		return fmt.Errorf("%s = %d, but %s >= %d", d.Name, n, d.Name, d.Min)
	case n > d.Max:
		return fmt.Errorf("%s = %d, but %s <= %d", d.Name, n, d.Name, d.Max)
	}
	return nil
}

func (f *Fact) holds(dims []int64) bool {
	l, r := f.Left.at(dims), f.Right.at(dims)
	switch f.Rel {
	case EQ:
		return l == r
	case LE:
		return l <= r
	}
	return l < r
}

// text is the port's type with the names of dims.
func (p *Port) text(dims []Dim) string {
	sizes := make([]string, len(p.Shape))
	for i, s := range p.Shape {
		sizes[i] = s.text(dims)
	}
	return typeString(p.DType, sizes)
}
