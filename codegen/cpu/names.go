package cpu

import (
	"fmt"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// names gives the arguments, dims and axes of a kernel identifiers that are
// Go's and distinct.
type names struct {
	arg  []string
	dim  map[string]string
	axis map[string]string
}

// taken are the words that a kernel's text uses itself.
var taken = []string{
	"call", "lo", "hi", "p", "end", "copy", "clear", "tile", "row", "down", "across", "elem", "cpu", "math", "min", "max", "float32", "float64", "bool", "true", "false",
	"int", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
	"break", "case", "chan", "const", "continue", "default", "defer", "else", "fallthrough", "for", "func", "go", "goto", "if",
	"import", "interface", "map", "package", "range", "return", "select", "struct", "switch", "type", "var",
}

// newNames keeps clear of the words that the text uses, and of more.
func newNames(k *ir.Kernel, more ...string) *names {
	n := &names{dim: map[string]string{}, axis: map[string]string{}}
	used := map[string]bool{}
	for _, w := range append(taken[:len(taken):len(taken)], more...) {
		used[w] = true
	}
	unique := func(want string) string {
		base := identifier(want)
		for name, i := base, 2; ; name, i = fmt.Sprintf("%s_%d", base, i), i+1 {
			if !used[name] {
				used[name] = true
				return name
			}
		}
	}
	for _, d := range k.Dims {
		n.dim[d.Name] = unique(d.Name)
	}
	for _, a := range k.Args {
		n.arg = append(n.arg, unique(a.Name))
	}
	axes := append(k.Par[:len(k.Par):len(k.Par)], k.Shared()...)
	for _, v := range k.Values {
		axes = append(axes, v.Over...)
	}
	for _, a := range axes {
		if n.axis[a.Name] == "" {
			n.axis[a.Name] = unique(a.Name)
		}
	}
	return n
}

// identifier keeps letters and digits. Names like v12 belong to scalars.
func identifier(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, s)
	if s == "" || s[0] >= '0' && s[0] <= '9' || s[0] == 'v' && strings.Trim(s[1:], "0123456789") == "" {
		return "_" + s
	}
	return s
}
