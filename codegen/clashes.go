package codegen

import (
	"fmt"

	"github.com/mlxc/mlxc/ir"
)

// clashes reports names of the model that are one in Go, where the package shows them: dims,
// the methods of a session, and the results of an entry. Tables have dims alone.
func clashes(m *ir.Module, tables bool) error {
	var wrong ir.Diagnostics
	scope := func() func(name, what string, pos *ir.Pos) {
		taken := map[string]string{} // what has a Go name
		return func(name, what string, pos *ir.Pos) {
			if other, ok := taken[name]; ok {
				wrong = append(wrong, ir.Diagnostic{Pos: pos, Msg: fmt.Sprintf("%s and %s are both %s in the Go package", other, what, name), Hint: "give one another name"})
				return
			}
			taken[name] = what
		}
	}
	dims, methods := scope(), scope()
	for _, d := range m.Dims {
		dims(dimName(d), "dim "+d.Name, d.Pos)
	}
	if tables {
		return wrong.Err()
	}
	for _, name := range []string{"Close", "DeviceTime", "SaveState", "LoadState", "Reset"} {
		methods(name, "a method of every session", nil)
	}
	for _, e := range m.Funcs {
		methods(goName(e.Name), "entry "+e.Name, e.Pos)
	}
	for _, e := range m.Funcs {
		for _, in := range e.Inputs {
			methods(inputMethod(e, in), fmt.Sprintf("input %s of entry %s", in.Name, e.Name), e.Pos)
		}
		results := scope()
		for _, r := range e.Results {
			results(goName(r.Name), fmt.Sprintf("result %s of entry %s", r.Name, e.Name), e.Pos)
		}
	}
	return wrong.Err()
}
