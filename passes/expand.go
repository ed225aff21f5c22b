package passes

import (
	"fmt"

	"github.com/mlxc/mlxc/ir"
)

// expand replaces composites by their expansions until none is left.
func expand(m *ir.Module) error {
	for _, f := range m.Funcs {
		for again := true; again; {
			again = false
			var body []*ir.Instr
			to := map[*ir.Value]*ir.Value{}
			for _, in := range f.Body {
				substitute(in.Args, to)
				if in.Op.Expand == nil {
					body = append(body, in)
					continue
				}
				again = true
				b := &ir.Emit{Pos: in.Pos}
				results, err := in.Op.Expand(b, in)
				if err != nil {
					return fmt.Errorf("%s: expansion of %s: %w", in.Pos, in.Op.Name, err)
				}
				for _, step := range b.Body {
					step.Device = in.Device
				}
				for i, v := range in.Results {
					if results[i].Name == "" && results[i].Instr != nil {
						results[i].Name = v.Name
					}
					to[v] = results[i]
				}
				body = append(body, b.Body...)
			}
			f.Body = body
			replaceResults(f, to)
		}
	}
	return precision(m)
}

// substitute replaces values that have been replaced, through any chain.
func substitute(args []*ir.Value, to map[*ir.Value]*ir.Value) {
	for i := range args {
		args[i] = final(args[i], to)
	}
}

func final(v *ir.Value, to map[*ir.Value]*ir.Value) *ir.Value {
	for to[v] != nil {
		v = to[v]
	}
	return v
}

func replaceResults(f *ir.Func, to map[*ir.Value]*ir.Value) {
	for i := range f.Results {
		f.Results[i].Value = final(f.Results[i].Value, to)
	}
}
