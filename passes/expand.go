package passes

import (
	"fmt"

	"github.com/mlxc/mlxc/ir"
)

// expand replaces composites by their expansions, which hold no composites, and
// simplifies what comes of it: softmax and log_softmax of one value find the same
// maximum.
func expand(m *ir.Module) error {
	for _, f := range m.Bodies() {
		var body []*ir.Instr
		to := map[*ir.Value]*ir.Value{}
		for _, in := range f.Body {
			substitute(in.Args, to)
			if in.Op.Expand == nil {
				body = append(body, in)
				continue
			}
			b := &ir.Emit{Pos: in.Pos, Facts: in.Facts, Device: in.Device}
			results, err := in.Op.Expand(b, in)
			if err != nil {
				return fmt.Errorf("%s: expansion of %s: %w", in.Pos, in.Op.Name, err)
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
		substituteResults(f, to)
	}
	if err := precision(m); err != nil {
		return err
	}
	return simplify(m)
}
