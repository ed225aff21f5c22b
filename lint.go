package mlxc

import (
	"fmt"
	"strings"

	"github.com/mlxc/mlxc/codegen/metal"
	"github.com/mlxc/mlxc/internal/msl"
	"github.com/mlxc/mlxc/ir"
)

// lintKernels holds the Metal that a planned model has written by hand to the language of
// all kernels. What is wrong is at its place in the model's source, or where Metal is text
// of a Go program in a line of it.
func lintKernels(m *ir.Module) error {
	var wrong ir.Diagnostics
	seen := map[string]bool{} // a text has a kernel for each of its uses
	add := func(d ir.Diagnostic) {
		if key := d.Pos.String() + d.Msg; !seen[key] {
			seen[key] = true
			wrong = append(wrong, d)
		}
	}
	for _, k := range m.Kernels {
		if k.Written == nil {
			continue
		}
		text, err := metal.Kernel(k, "kernel_of_the_model")
		if err != nil {
			add(ir.Diagnostic{Pos: k.Pos, Msg: fmt.Sprintf("kernel %s: %v", k.Written.Source.Name, err)})
			continue
		}
		for _, p := range msl.Lint(text) {
			d := ir.Diagnostic{Pos: k.Pos, Msg: fmt.Sprintf("kernel %s: %s", k.Written.Source.Name, p.Text)}
			if pos, line, ok := metal.TextPos(k, text, p.Line, p.Col); ok {
				if d.Pos = &pos; pos.Col == 0 {
					d.Notes = append(d.Notes, ir.Note{Label: fmt.Sprintf("line %d", line), Text: strings.Split(k.Written.Source.Text, "\n")[line-1]})
				}
			}
			add(d)
		}
	}
	return wrong.Err()
}
