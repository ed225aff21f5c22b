package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// pack moves the steps that depend on nothing but params out of all variants: they run
// once, when a model is loaded, and what they compute is shared by its sessions. Such
// are the panels of weights, and what fuse stores of weights alone. Steps that are the
// same in several variants or entries run once.
func pack(m *ir.Module) error {
	p := &packing{module: m, load: &ir.Variant{}, made: map[string][]*ir.Buffer{}, params: map[int]*ir.Buffer{}, planes: map[*ir.Buffer]bool{}, names: map[string]bool{}}
	for _, f := range m.Funcs {
		for _, v := range f.Variants {
			p.variant(v)
		}
	}
	if len(p.load.Steps) > 0 {
		m.Load = p.load
	}
	return nil
}

// A packing collects what is done at load.
type packing struct {
	module *ir.Module
	load   *ir.Variant
	made   map[string][]*ir.Buffer // by a step's kernel and what it reads: what it writes
	params map[int]*ir.Buffer      // of load
	planes map[*ir.Buffer]bool     // of load: those of quantised params, and what is made of them
	names  map[string]bool
	packed int
}

func (p *packing) variant(v *ir.Variant) {
	to := map[*ir.Buffer]*ir.Buffer{} // buffers of load, by those of the variant
	writers := map[*ir.Buffer]int{}   // of what a loop carries there are several
	for _, s := range v.Steps {
		for n, b := range s.Args {
			if s.Kernel.Args[n].Write {
				writers[b]++
			}
		}
	}
	var rest []*ir.Step
	left := make([]int, len(v.Steps)+1) // of the steps before each
	for i, s := range v.Steps {
		if p.packable(s, to, writers) {
			p.step(s, to)
		} else {
			rest = append(rest, s)
		}
		left[i+1] = len(rest)
	}
	v.Steps = rest
	for i, l := range v.Loops {
		v.Loops[i].First, v.Loops[i].End = left[l.First], left[l.End]
	}
	v.Loops = slices.DeleteFunc(v.Loops, func(l ir.Loop) bool { return l.First == l.End })
	for b, packed := range to {
		if b.Place == ir.InArena {
			b.Place, b.Index = ir.InPacked, packed.Index
			b.Type = packed.Type // panels of one matrix may be grouped in two ways
		}
	}
	used := map[*ir.Buffer]bool{}
	for i, s := range v.Steps {
		s.Epoch = i
		for _, b := range s.Args {
			used[b] = true
		}
	}
	v.Buffers = slices.DeleteFunc(v.Buffers, func(b *ir.Buffer) bool {
		return !used[b] && (b.Place == ir.InPacked || b.Place == ir.InParam)
	})
}

// packable reports whether a step reads only params and what is packed, and writes only
// the arena, where no other step does. What only fills memory is cheaper than to keep it; and
// what takes more of it than the planes that it is made of are the elements that were
// quantised to save it.
func (p *packing) packable(s *ir.Step, to map[*ir.Buffer]*ir.Buffer, writers map[*ir.Buffer]int) bool {
	worth := slices.ContainsFunc(s.Kernel.Values, func(v *ir.Scalar) bool { return v.Kind == ir.ScalarApply })
	var planes, made int64
	for n, b := range s.Args {
		isParam := b.Place == ir.InParam && !p.module.Params[b.Index].State
		size, _ := b.Type.Bytes().Int()
		switch {
		case isParam && p.module.Params[b.Index].Of != nil, p.planes[to[b]]:
			planes += size
		case s.Kernel.Args[n].Write:
			made += size
		}
		switch {
		case s.Kernel.Args[n].Write && (b.Place != ir.InArena || writers[b] > 1 || slices.ContainsFunc(b.Type.Shape, isOpen)), !s.Kernel.Args[n].Write && !isParam && to[b] == nil:
			return false
		case !s.Kernel.Args[n].Write:
			worth = true
		}
	}
	return worth && len(s.Sizes) == 0 && (planes == 0 || made <= planes)
}

// isOpen reports that a size is no constant: also one of a tensor without elements.
func isOpen(s ir.Size) bool { _, ok := s.Int(); return !ok }

// step makes a step one of load, unless an equal one is there.
func (p *packing) step(s *ir.Step, to map[*ir.Buffer]*ir.Buffer) {
	key := s.Kernel.Name
	for n, b := range s.Args {
		if b.Place == ir.InParam && to[b] == nil {
			to[b] = p.param(b)
		}
		if !s.Kernel.Args[n].Write {
			key += " " + to[b].Name
		}
	}
	planes := slices.ContainsFunc(s.Args, func(b *ir.Buffer) bool { return p.planes[to[b]] })
	made, ok := p.made[key]
	step := *s
	step.Args, step.Epoch, step.Barrier = nil, len(p.load.Steps), nil
	for n, b := range s.Args {
		if !s.Kernel.Args[n].Write {
			step.Args = append(step.Args, to[b])
			continue
		}
		if !ok {
			made = append(made, p.buffer(b.Name, ir.InPacked, p.packed, b.Type))
			p.planes[made[len(made)-1]] = planes
			p.packed++
		}
		i := 0
		for _, a := range s.Kernel.Args[:n] {
			if a.Write {
				i++
			}
		}
		to[b] = made[i]
		step.Args = append(step.Args, to[b])
	}
	if !ok {
		p.made[key] = made
		p.load.Steps = append(p.load.Steps, &step)
	}
}

func (p *packing) param(b *ir.Buffer) *ir.Buffer {
	if p.params[b.Index] == nil {
		p.params[b.Index] = p.buffer(b.Name, ir.InParam, b.Index, b.Type)
		p.planes[p.params[b.Index]] = p.module.Params[b.Index].Of != nil
	}
	return p.params[b.Index]
}

func (p *packing) buffer(name string, place ir.Place, index int, t ir.Type) *ir.Buffer {
	b := &ir.Buffer{Name: unique(p.names, name), Place: place, Index: index, Type: t}
	p.load.Buffers = append(p.load.Buffers, b)
	return b
}
