package msl

import (
	"errors"
	"strconv"
	"strings"
)

// A Kernel is the signature of a kernel.
type Kernel struct {
	Name      string
	Line      int
	Arguments []Argument
}

// An Argument is a parameter of a kernel: a buffer, or a position or size of the grid.
type Argument struct {
	Name      string
	Attribute string // buffer, thread_position_in_grid …
	Index     int    // of a buffer
	Space     string // device or constant; empty for what is passed by value
	Const     bool
	Type      string // the type pointed to
	Indirect  string // * or &; empty for what is passed by value
}

// Kernels is the signatures of all kernels of a text, which the lint must accept.
func Kernels(text string) ([]Kernel, error) {
	f, err := accepted(text)
	if err != nil {
		return nil, err
	}
	return f.kernels(), nil
}

// accepted is a text without problems.
func accepted(text string) (*file, error) {
	f := parse(text)
	if problems := f.lint(); len(problems) > 0 {
		return nil, problemsError(problems)
	}
	return f, nil
}

func problemsError(problems []Problem) error {
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.String())
	}
	return errors.New(strings.Join(lines, "\n"))
}

func (f *file) kernels() []Kernel {
	var kernels []Kernel
	for _, fn := range f.functions {
		if !fn.kernel {
			continue
		}
		k := Kernel{Name: fn.name.text, Line: fn.name.line}
		for _, p := range fn.params {
			k.Arguments = append(k.Arguments, p.argument())
		}
		kernels = append(kernels, k)
	}
	return kernels
}

func (p param) argument() Argument {
	a := Argument{Name: p.name.text}
	var typ []string
	for _, t := range p.tokens {
		switch t.text {
		case "const":
			a.Const = true
		case "device", "constant", "threadgroup", "thread":
			a.Space = t.text
		case "*", "&":
			a.Indirect += t.text
		default:
			typ = append(typ, t.text)
		}
	}
	a.Type = strings.Join(typ, " ")
	if len(p.attribute) > 0 {
		a.Attribute = p.attribute[0].text
	}
	if len(p.attribute) == 4 && p.attribute[1].text == "(" && p.attribute[3].text == ")" {
		a.Index, _ = strconv.Atoi(p.attribute[2].text)
	}
	return a
}
