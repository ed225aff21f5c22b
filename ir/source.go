package ir

import (
	"fmt"
	"slices"
)

// A Source is a kernel in Metal that the model has written by hand: the body of a function,
// which is the same for all types and sizes that it is used with.
type Source struct {
	Name    string   // unique in the module, without the @
	In, Out []string // what the text calls its buffers
	DTypes  []string // names that stand for a dtype
	Sizes   []string // names of integers
	Numbers []string // names of floats
	Shared  int      // elements of the array shared, which is f32 in threadgroup memory; 0: there is none
	Text    string
	Pos     *Pos // of the text; without a column where it does not stand in a file as it is
}

// KernelAttrs is one use of a Source: its types and sizes, and how it is launched.
type KernelAttrs struct {
	Source  *Source
	Types   []Type    // of the results
	DTypes  []DType   // of Source.DTypes
	Sizes   []Size    // of Source.Sizes
	Numbers []float64 // of Source.Numbers
	Grid    []Size    // threads, of up to three dimensions, x first
	Group   []Size    // of a threadgroup: constants, in the dimensions of Grid
}

// Threads is how many a threadgroup has.
func (a KernelAttrs) Threads() int {
	n, _ := Product(a.Group).Int()
	return int(n)
}

// Groups is how many threadgroups are launched: the last one along a dimension may have
// threads outside the grid.
func (a KernelAttrs) Groups() Size {
	n := N(1)
	for i, g := range a.Grid {
		of, _ := a.Group[i].Int()
		n = n.Mul(g.CeilDiv(of))
	}
	return n
}

// Whole reports that no threadgroup has threads outside the grid.
func (a KernelAttrs) Whole() bool {
	for i, g := range a.Grid {
		of, _ := a.Group[i].Int()
		if !g.CeilDiv(of).Mul(N(of)).Equal(g) {
			return false
		}
	}
	return true
}

// Written is the kernel form of an instruction whose kernel is written by hand. Its
// arguments have the names of the source. Dims are those of the module that it mentions,
// in their order.
func (in *Instr) Written(m *Module) *Kernel {
	a := in.Attrs.(KernelAttrs)
	k := &Kernel{Name: a.Source.Name, Written: &a, Pos: in.Pos}
	sizes := slices.Concat(a.Sizes, a.Grid)
	for i, v := range in.Args[:len(a.Source.In)] {
		k.Args = append(k.Args, KernelArg{Name: a.Source.In[i], DType: v.Type.DType, Len: v.Type.Elems()})
	}
	for i, t := range a.Types {
		k.Args = append(k.Args, KernelArg{Name: a.Source.Out[i], DType: t.DType, Len: t.Elems(), Write: true})
	}
	for _, arg := range k.Args {
		sizes = append(sizes, arg.Len)
	}
	used := map[string]bool{}
	for _, s := range sizes {
		s.Walk(func(a *Atom) {
			if a.Kind == AtomDim {
				used[a.Dim.Name] = true
			}
		})
	}
	for _, d := range m.Dims {
		if used[d.Name] {
			k.Dims = append(k.Dims, d)
		}
	}
	return k
}

// DropReference leaves an instruction its own operands only: those behind are what its
// kernel must compute, which only who does not run the kernel needs.
func (in *Instr) DropReference() { in.Args = in.Args[:len(in.Attrs.(KernelAttrs).Source.In)] }

var kernelOps = []*Op{{
	Name: "kernel", Kind: KindKernel, Operands: []string{"xs..."}, Attrs: KernelAttrs{}, Grad: GradNone,
	Doc: "a kernel in Metal that the model has written by hand: of its operands, and of what else the reference has made of these, which a GPU does not need and all others take for the results",
	Rules: []Rule{
		{"kernel/operands", "the operands are those of the text, and where the reference is there its results", func(in *Instr) error {
			a := in.Attrs.(KernelAttrs)
			n, with := len(a.Source.In), len(a.Source.In)+len(a.Source.Out)
			if len(in.Args) != n && len(in.Args) != with {
				return fmt.Errorf("takes %s, got %d", plural(n, "operand"), len(in.Args))
			}
			if len(a.Types) != len(a.Source.Out) || len(a.DTypes) != len(a.Source.DTypes) || len(a.Sizes) != len(a.Source.Sizes) || len(a.Numbers) != len(a.Source.Numbers) {
				return fmt.Errorf("gives other names values than @%s has", a.Source.Name)
			}
			for i, v := range in.Args[n:] {
				if !v.Type.Equal(a.Types[i]) {
					return fmt.Errorf("%s is %s, and the reference gives %s", a.Source.Out[i], a.Types[i], v.Type)
				}
			}
			return nil
		}},
		{"kernel/group", "a threadgroup has the dimensions of the grid, whole simdgroups of at most 1024 threads, and at most 32 KiB of memory", func(in *Instr) error {
			a := in.Attrs.(KernelAttrs)
			if n := len(a.Grid); n < 1 || n > 3 || len(a.Group) != n {
				return fmt.Errorf("a grid of %s, with threadgroups of %s", plural(n, "dimension"), plural(len(a.Group), "dimension"))
			}
			for _, g := range a.Group {
				if n, ok := g.Int(); !ok || n < 1 || n > maxGroupThreads {
					return fmt.Errorf("a threadgroup has %s threads along a dimension, and can have 1 to %d", g, maxGroupThreads)
				}
			}
			if a.Source.Shared > maxGroupBytes/4 {
				return fmt.Errorf("%d elements of shared are more than %d KiB", a.Source.Shared, maxGroupBytes>>10)
			}
			if n := a.Threads(); n > maxGroupThreads || n%SimdWidth != 0 {
				return fmt.Errorf("threadgroups of %d threads: they must be a multiple of %d, and %d at most", n, SimdWidth, maxGroupThreads)
			}
			return nil
		}},
	},
	Type: func(in *Instr) ([]Type, error) { return in.Attrs.(KernelAttrs).Types, nil },
}}
