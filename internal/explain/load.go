package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// A Packed is a tensor that is computed of weights alone, once, when a model is loaded.
type Packed struct {
	Buffer string   `json:"buffer"`
	Kernel string   `json:"kernel"`
	Reads  []string `json:"reads"` // params, or others that are packed
	Bytes  int64    `json:"bytes"`
}

// packed lists what a variant reads of what is computed at load.
func packed(m *ir.Module, v *ir.Variant) []Packed {
	all := []Packed{}
	for _, b := range v.Buffers {
		if b.Place != ir.InPacked {
			continue
		}
		from := m.Packed()[b.Index]
		i := slices.IndexFunc(m.Load.Steps, func(s *ir.Step) bool { return writes(s, from) })
		s := m.Load.Steps[i]
		p := Packed{Buffer: b.Name, Kernel: s.Kernel.Name, Reads: []string{}}
		for n, arg := range s.Args {
			if !s.Kernel.Args[n].Write {
				p.Reads = append(p.Reads, arg.Name)
			}
		}
		p.Bytes, _ = b.Type.Bytes().Int()
		all = append(all, p)
	}
	return all
}

func writes(s *ir.Step, b *ir.Buffer) bool {
	n := slices.Index(s.Args, b)
	return n >= 0 && s.Kernel.Args[n].Write
}

// packedText says what is computed at load.
func (p *Plan) packedText(b *strings.Builder) {
	if len(p.Packed) == 0 {
		return
	}
	total := int64(0)
	for _, t := range p.Packed {
		total += t.Bytes
	}
	fmt.Fprintf(b, "\n  when it is loaded, %s computed of weights, %s:\n", plural(int64(len(p.Packed)), "tensor is", "tensors are"), bytes(float64(total)))
	for _, t := range p.Packed {
		wrap(b, "     ", "       ", fmt.Sprintf("%9s  %s -> %s: %s", bytes(float64(t.Bytes)), strings.Join(t.Reads, ", "), t.Buffer, t.Kernel))
	}
}
