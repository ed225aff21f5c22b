package ir

import "slices"

// A Variant is one whole plan of an entry, good where its guard holds. A call
// takes the first variant whose guard holds; the last has none.
type Variant struct {
	Guard   []Fact
	Buffers []*Buffer
	Steps   []*Step
	Loops   []Loop // outer ones before those in them
	Plan    *Plan  // from the pass plan; nil before
}

// A Loop is steps that a call runs several times, one round after another: a barrier
// stands before each.
type Loop struct {
	First, End int // steps, the end not included
	Count      Size
	Counter    *Dim    // is the number of rounds that are done
	Going      *Buffer // a bool: rounds after one that makes it false change nothing; nil: all are needed
}

// Has reports that a step is in the loop.
func (l Loop) Has(step int) bool { return l.First <= step && step < l.End }

// Rounds is how often a call runs a step.
func (v *Variant) Rounds(step int) Size {
	n := N(1)
	for _, l := range v.Loops {
		if l.Has(step) {
			n = n.Mul(l.Count)
		}
	}
	return n
}

// Stays reports that a buffer keeps what it has from one round of a loop to the next, or
// brings it from before or beyond the loop: some other step uses it, or a round reads it
// before writing it.
func (v *Variant) Stays(b *Buffer, l Loop) bool {
	seen := false
	for i, s := range v.Steps {
		if !slices.Contains(s.Args, b) {
			continue
		}
		if !l.Has(i) {
			return true
		}
		for n, arg := range s.Args {
			if arg == b && !seen && !s.Kernel.Args[n].Write {
				return true
			}
		}
		seen = true
	}
	return false
}

// A Place is the memory that a buffer is part of.
type Place string

const (
	InInput  Place = "input"
	InOutput Place = "output"
	InParam  Place = "param"
	InState  Place = "state"
	InPacked Place = "packed" // what Module.Load computes
	InArena  Place = "arena"
)

// A Buffer is a tensor that crosses kernels.
type Buffer struct {
	Name  string // unique in the variant
	Place Place
	Index int // which input, result, param of the module (a state is one) or packed tensor; 0 for the arena
	Type  Type
}

// A Step launches a kernel.
type Step struct {
	Kernel  *Kernel
	Args    []*Buffer // one for each argument of the kernel
	Sizes   []Size    // one for each dim of the kernel
	Device  Device
	Epoch   int     // steps of one epoch need no order among each other
	Barrier *Hazard // what the first step of an epoch waits for; nil: nothing of its device
	Pos     *Pos
}

// Grid is how many points, which may be computed in any order, a step has, or on a
// GPU how many threadgroups: a size over the dims of the module.
func (s *Step) Grid() Size {
	if s.Kernel.Schedule.Form != "" {
		return s.outside(s.Kernel.Groups())
	}
	return s.Points()
}

// Points is how many points, or threads of a kernel that is written by hand, the grid of a
// step has: a size over the dims of the module.
func (s *Step) Points() Size {
	if w := s.Kernel.Written; w != nil {
		return s.outside(Product(w.Grid))
	}
	return s.outside(Product(extents(s.Kernel.Grid())))
}

// outside is a size of the kernel over the dims of the module.
func (s *Step) outside(n Size) Size {
	return n.Subst(func(a *Atom) (Size, bool) {
		for i, d := range s.Kernel.Dims {
			if a.Kind == AtomDim && a.Dim.Name == d.Name {
				return s.Sizes[i], true
			}
		}
		return Size{}, false
	})
}

// A Hazard is why a barrier stands before a step.
type Hazard struct {
	Kind   HazardKind
	Buffer *Buffer
	After  int // index of the earlier step
}

// A HazardKind is read after write, write after read, write after write, the reuse of
// arena memory whose last user ran before, or the end of a turn of the device.
type HazardKind string

const (
	RAW   HazardKind = "raw"
	WAR   HazardKind = "war"
	WAW   HazardKind = "waw"
	Reuse HazardKind = "reuse" // of the block that Buffer takes; After is the last step that may run before
	Turn  HazardKind = "turn"  // the next one begins by writing Buffer; After is the last step of the one before
)

// Align is the alignment in bytes of blocks in the arena.
const Align = 256

// A Plan gives every arena buffer a place, for all dims.
type Plan struct {
	Blocks []*Block
	Stacks []Stack // a session takes the one with the lowest peak at its dims
	Report []PlanPoint
}

// A Block is one piece of arena; several buffers share it when one is computed
// over another.
type Block struct {
	Buffers     []*Buffer
	Bytes       Size
	First, Last int // epochs of its life, inclusive
}

// A Stack says which blocks each block lies upon. A block's offset is the highest
// end, rounded up to Align, of the blocks it rests on: a max-plus expression.
type Stack struct {
	Order []int   // blocks, bottom up
	On    [][]int // per block
}

// A PlanPoint is what a plan takes at some dims, in bytes.
type PlanPoint struct {
	Dims  []int64 // in the order of the module's dims
	Arena int64   // of the best stack
	Live  int64   // most bytes alive at once, in this order
	Bound int64   // lower bound over all orders
}

// Packed is the packed tensors of a module, in order: the buffers of Load for them.
func (m *Module) Packed() []*Buffer {
	var packed []*Buffer
	if m.Load != nil {
		for _, b := range m.Load.Buffers {
			if b.Place == InPacked {
				packed = append(packed, b)
			}
		}
	}
	return packed
}
