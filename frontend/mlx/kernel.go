package mlx

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// A Kernel is a kernel in Metal that is written by hand. Metal is the body of its function,
// which knows the buffers In and Out, the names below, and the positions of its thread by
// the names of their attributes: thread_position_in_grid and its like are uint3, indices
// uint. It keeps to the language that package internal/msl describes.
type Kernel struct {
	Name    string
	In, Out []string           // what Metal calls the operands and the results
	DTypes  map[string]DType   // names that stand for a dtype
	Sizes   Axes               // names of integers: uint, constexpr where they are known
	Numbers map[string]float64 // names of floats
	Grid    []Dim              // threads, of up to three dimensions, x first
	Group   []int              // of a threadgroup: a multiple of 32 of them, 1024 at most
	Shared  int                // elements of the array shared, of f32 in threadgroup memory
	Metal   string
	Pos     *ir.Pos // of the quote before Metal, where that stands in a model's file; else nil
}

// Kernel uses a kernel on operands. ref computes the same with ops: it gives the types of
// the results, and runs wherever Metal does not.
func (b *Builder) Kernel(k Kernel, ref func(args []Value) []Value, args ...Value) []Value {
	results := ref(args)
	poison := slices.Repeat([]Value{{b: b}}, len(k.Out))
	switch {
	case len(args) != len(k.In):
		b.errorf("kernel %s: %d operands for %d buffers", k.Name, len(args), len(k.In))
		return poison
	case len(results) != len(k.Out):
		b.errorf("kernel %s: its reference gives %d results, and it has %d", k.Name, len(results), len(k.Out))
		return poison
	}
	a := ir.KernelAttrs{Grid: k.Grid}
	source := &ir.Source{Name: k.Name, In: k.In, Out: k.Out, Shared: k.Shared, Text: k.Metal, Pos: k.Pos}
	if k.Pos == nil {
		source.Pos = b.here()
	}
	for _, n := range k.Group {
		a.Group = append(a.Group, N(n))
	}
	for _, name := range slices.Sorted(maps.Keys(k.DTypes)) {
		source.DTypes, a.DTypes = append(source.DTypes, name), append(a.DTypes, k.DTypes[name])
	}
	for _, name := range slices.Sorted(maps.Keys(k.Sizes)) {
		source.Sizes, a.Sizes = append(source.Sizes, name), append(a.Sizes, k.Sizes[name])
	}
	for _, name := range slices.Sorted(maps.Keys(k.Numbers)) {
		source.Numbers, a.Numbers = append(source.Numbers, name), append(a.Numbers, k.Numbers[name])
	}
	if !b.named("kernel", k.Name) || !b.open("kernel "+k.Name) {
		return poison
	}
	var xs []*ir.Value
	for _, v := range slices.Concat(args, results) {
		x, ok := b.use("kernel "+k.Name, v)
		if !ok {
			return poison
		}
		xs = append(xs, x)
	}
	for _, v := range results {
		a.Types = append(a.Types, v.Type())
	}
	a.Source = b.source(source)
	e := b.entry
	e.emit.Pos, e.emit.Device = b.here(), b.device
	in, err := e.emit.Op("kernel", ir.NarrowAttrs(a, e.equalities()), xs...)
	if err != nil {
		b.errorf("kernel %s: %v", k.Name, err)
		return poison
	}
	var out []Value
	for _, v := range in.Results {
		out = append(out, Value{b: b, v: v, e: e})
	}
	return out
}

// source is the module's source that is like s, or s under a name of its own.
func (b *Builder) source(s *ir.Source) *ir.Source {
	for _, other := range b.module.Sources {
		same := *s
		same.Name, same.Pos = other.Name, other.Pos
		if reflect.DeepEqual(&same, other) {
			return other
		}
	}
	for name, n := s.Name, 2; b.module.Source(s.Name) != nil; n++ {
		s.Name = fmt.Sprintf("%s_%d", name, n)
	}
	b.module.Sources = append(b.module.Sources, s)
	return s
}
