package runtime

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"
)

// A boundEntry is an entry with its memory in a session, for the sizes of its
// last call.
type boundEntry struct {
	program  *Program
	entry    *Entry
	outputs  []*Array
	inputs   []*Array // for callers that fill them in place
	variants []boundVariant

	dims    []int64
	shapes  [][]int       // the inputs' that dims come from
	given   []Span        // the inputs of the call at hand
	sizes   []int         // that the last call gave, as dims come from them too
	variant *boundVariant // for dims; nil: nothing is bound
	torn    bool          // the last call failed after it began to write states
	arena   *memory       // the variant's launches point into it
}

// A boundVariant is a plan with its launches, into which each call puts its
// inputs.
type boundVariant struct {
	variant   *Variant
	layout    layout
	rounds    []int64 // of its loops, which say how many launches there are
	launches  []Launch
	reads     []read
	ends      []ending
	turns     []turn // of the launches
	recording Recording
}

// An ending is the bool that may end a loop behind a launch.
type ending struct {
	launch int
	going  Ref
}

// A read is an argument of a launch that is an input of the entry.
type read struct{ launch, arg, input int }

func newBoundEntry(p *Program, e *Entry) boundEntry {
	return boundEntry{
		program:  p,
		entry:    e,
		outputs:  emptyArrays(e.Outputs),
		inputs:   emptyArrays(e.Inputs),
		variants: make([]boundVariant, len(e.Variants)),
		dims:     make([]int64, len(p.Dims)),
		shapes:   make([][]int, len(e.Inputs)),
		given:    make([]Span, len(e.Inputs)),
	}
}

// emptyArrays are arrays without memory; resize gives it to them.
func emptyArrays(ports []Port) []*Array {
	as := make([]*Array, len(ports))
	for i, p := range ports {
		as[i] = &Array{dtype: p.DType, mem: &memory{}}
	}
	return as
}

// bind puts everything in place for the inputs of a call. While their shapes stay
// the same only the inputs themselves change.
func (b *boundEntry) bind(s *Session, sizes []int, inputs []*Array) error {
	if !b.fits(sizes, inputs) {
		b.variant = nil
		if err := b.program.solve(b.entry, s.dims, inputs, sizes, b.dims); err != nil {
			return err
		}
	}
	for i, a := range inputs {
		if a.closed() {
			return fmt.Errorf("%s: array %s: %w", b.entry.Inputs[i].Name, a, ErrClosed)
		}
		for j, out := range b.outputs {
			if a.mem == out.mem {
				return fmt.Errorf("%s is the result %s of the call before, which this call overwrites: clone it", b.entry.Inputs[i].Name, b.entry.Outputs[j].Name)
			}
		}
	}
	if b.variant == nil {
		if err := b.resize(s); err != nil {
			return err
		}
		b.sizes = append(b.sizes[:0], sizes...)
		for i, a := range inputs {
			b.shapes[i] = append(b.shapes[i][:0], a.shape...)
		}
	}
	for i, a := range inputs {
		if err := b.give(s, i, a); err != nil {
			return fmt.Errorf("%s: %w", b.entry.Inputs[i].Name, err)
		}
	}
	if b.arena == s.arena {
		b.variant.read(b.given)
		return nil
	}
	if err := b.point(s); err != nil { // new sizes, or another entry has grown the arena
		return err
	}
	for i := range b.variant.launches {
		b.variant.recording.Set(i)
	}
	b.arena = s.arena
	return nil
}

// give takes an input of a call, by way of the session's own memory where the
// device cannot use it as it lies.
func (b *boundEntry) give(s *Session, i int, a *Array) error {
	if own := b.inputs[i]; a != own && !b.program.sees(a) {
		if err := own.resize(b.entry.Inputs[i].Shape, b.dims); err != nil {
			return err
		}
		copy(own.bytes, a.bytes)
		a = own
	}
	var err error
	b.given[i], err = a.span(s.model.device)
	return err
}

// read puts the inputs of a call in place.
func (v *boundVariant) read(given []Span) {
	for _, r := range v.reads {
		to, now := &v.launches[r.launch].Args[r.arg], &given[r.input]
		if to.Buffer != now.Buffer || to.Offset != now.Offset || unsafe.SliceData(to.Bytes) != unsafe.SliceData(now.Bytes) {
			*to = *now
			v.recording.Set(r.launch)
		}
	}
}

// span is the array as a kernel's argument.
func (a *Array) span(d *openDevice) (Span, error) {
	if len(a.bytes) == 0 {
		return Span{}, nil
	}
	buffer, err := a.mem.on(d)
	return Span{Bytes: a.bytes, Buffer: buffer, Offset: a.offset()}, err
}

// fits reports whether the inputs have the types of the call before, and the sizes
// that are given are those.
func (b *boundEntry) fits(sizes []int, inputs []*Array) bool {
	if b.variant == nil || !slices.Equal(sizes, b.sizes) || len(inputs) != len(b.shapes) {
		return false
	}
	for i, a := range inputs {
		if a == nil || a.dtype != b.entry.Inputs[i].DType || !slices.Equal(a.shape, b.shapes[i]) {
			return false
		}
	}
	return true
}

// resize chooses the variant for dims and gives everything its size.
func (b *boundEntry) resize(s *Session) error {
	n := slices.IndexFunc(b.entry.Variants, func(v Variant) bool {
		return !slices.ContainsFunc(v.Guard, func(f Fact) bool { return !f.holds(b.dims) })
	})
	if n < 0 {
		return errors.New("no variant is for these sizes")
	}
	v, bound := &b.entry.Variants[n], &b.variants[n]
	if err := bound.record(s.model, v, b.dims); err != nil {
		return err
	}
	bound.layout.set(v, b.dims)
	arena, err := s.arena.grow(int(bound.layout.peak))
	if err != nil {
		return err
	}
	s.arena = arena
	for i, a := range b.outputs {
		if err := a.resize(b.entry.Outputs[i].Shape, b.dims); err != nil {
			return fmt.Errorf("%s: %w", b.entry.Outputs[i].Name, err)
		}
	}
	at := 0
	v.each(b.dims, nil, func(n int, _ bool) bool {
		step, l := &v.Steps[n], &bound.launches[at]
		at++
		l.Grid = int(step.Grid.at(b.dims))
		for n, size := range step.Sizes {
			l.Sizes[n] = size.at(b.dims)
		}
		return true
	})
	b.variant, b.arena = bound, nil
	return nil
}

// record makes the launches of a variant, unless those of the call before will do.
func (b *boundVariant) record(m *Model, v *Variant, dims []int64) error {
	rounds := make([]int64, len(v.Loops))
	for i, l := range v.Loops {
		rounds[i] = l.Count.at(dims)
	}
	if b.recording != nil {
		if slices.Equal(rounds, b.rounds) {
			return nil
		}
		err := b.recording.Close()
		b.recording = nil
		if err != nil {
			return err
		}
	}
	b.variant, b.layout, b.rounds, b.launches, b.reads, b.ends = v, newLayout(v), rounds, nil, nil, nil
	onCPU := func(s Step) bool { return s.OnCPU || m.program.Backend == nil }
	var loops []endingLoop
	open := map[*Loop][]int{} // launches that end its rounds
	round := func(l *Loop, last bool) {
		if !l.Ends {
			return
		}
		if !last {
			open[l] = append(open[l], len(b.launches)-1)
			return
		}
		for _, i := range open[l] {
			b.launches[i].Rest = len(b.launches) - 1 - i
			b.ends = append(b.ends, ending{i, l.Going})
		}
		if steps := v.Steps[l.First:l.End]; slices.ContainsFunc(steps, func(s Step) bool { return !onCPU(s) }) {
			loops = append(loops, endingLoop{open[l], len(b.launches), slices.ContainsFunc(steps, onCPU)})
		}
		delete(open, l)
	}
	ran := make([]int, len(v.Steps)) // the launches up to the last of each
	fits := v.each(dims, round, func(n int, again bool) bool {
		step := &v.Steps[n]
		for arg, ref := range step.Args {
			if ref.Where == Input {
				b.reads = append(b.reads, read{len(b.launches), arg, ref.Index})
			}
		}
		await := 0
		for _, before := range step.Await {
			await = max(await, ran[before])
		}
		b.launches = append(b.launches, Launch{
			Kernel:  step.Kernel,
			OnCPU:   onCPU(*step),
			Args:    make([]Span, len(step.Args)),
			Sizes:   make([]int64, len(step.Sizes)),
			Grain:   step.Grain,
			Barrier: step.Barrier || again,
			Await:   await,
			Pos:     step.Pos,
			Step:    n,
		})
		ran[n] = len(b.launches)
		return len(b.launches) <= maxLaunches
	})
	if !fits {
		return fmt.Errorf("the rounds of its loops are more than %d launches", maxLaunches)
	}
	b.turns = takeTurns(b.launches, loops)
	var err error
	b.recording, err = m.device.Record(b.launches)
	return err
}

// maxLaunches is how many launches a call may have.
const maxLaunches = 1 << 20

// each visits the steps of a variant as a call runs them, while visit says so. again tells
// that a round of a loop begins, which is not the first. The dims that count rounds are
// what they are then. round, if there is one, is called behind each round of a loop.
func (v *Variant) each(dims []int64, round func(l *Loop, last bool), visit func(step int, again bool) bool) bool {
	return v.eachOf(dims, 0, len(v.Steps), v.Loops, false, round, visit)
}

func (v *Variant) eachOf(dims []int64, first, end int, loops []Loop, again bool, round func(l *Loop, last bool), visit func(step int, again bool) bool) bool {
	for first < end {
		if len(loops) == 0 || loops[0].First > first {
			if !visit(first, again) {
				return false
			}
			first, again = first+1, false
			continue
		}
		l, inner := &loops[0], 1
		for inner < len(loops) && loops[inner].First < l.End {
			inner++
		}
		count := l.Count.at(dims)
		for t := range count {
			dims[l.Counter] = t
			if !v.eachOf(dims, l.First, l.End, loops[1:inner], again || t > 0, round, visit) {
				return false
			}
			if round != nil {
				round(l, t == count-1)
			}
		}
		dims[l.Counter] = 0
		first, loops, again = l.End, loops[inner:], again && count == 0
	}
	return true
}

// point makes the launches point at all their memory.
func (b *boundEntry) point(s *Session) error {
	v := b.variant
	arena, err := s.arena.on(s.model.device)
	if err != nil {
		return err
	}
	for i := range v.launches {
		for n, ref := range v.variant.Steps[v.launches[i].Step].Args {
			if v.launches[i].Args[n], err = b.span(s, ref, arena); err != nil {
				return err
			}
		}
	}
	for _, e := range v.ends {
		if v.launches[e.launch].Going, err = b.span(s, e.going, arena); err != nil {
			return err
		}
	}
	return nil
}

// span is the memory that a ref is to.
func (b *boundEntry) span(s *Session, ref Ref, arena Buffer) (Span, error) {
	d, l := s.model.device, &b.variant.layout
	switch ref.Where {
	case Input:
		return b.given[ref.Index], nil
	case Output:
		return b.outputs[ref.Index].span(d)
	case Kept:
		return s.states[ref.Index].span(d)
	case Arena:
		from := l.offsets[ref.Index]
		end := from + l.bytes[ref.Index]
		return Span{Bytes: s.arena.bytes[from:end:end], Buffer: arena, Offset: int(from)}, nil
	}
	return s.model.span(ref)
}

// sizeInput gives an input for callers to fill its size.
func (b *boundEntry) sizeInput(s *Session, input int, dims []int) error {
	p, port := b.program, &b.entry.Inputs[input]
	fail := func(format string, args ...any) error {
		return &DimError{Program: p.Name, Entry: b.entry.Name, What: fmt.Sprintf(format, args...)}
	}
	if len(dims) != len(p.Dims) {
		return fail("%d dims, want %d", len(dims), len(p.Dims))
	}
	at := make([]int64, len(dims))
	for i, d := range dims {
		at[i] = int64(d)
		if p.Dims[i].Session {
			at[i] = s.dims[i]
		}
		used := slices.ContainsFunc(port.Shape, func(s Size) bool { return s.mentions(func(n int) bool { return n == i }) })
		if err := p.Dims[i].check(at[i]); used && err != nil {
			return fail("%v", err)
		}
	}
	if err := b.inputs[input].resize(port.Shape, at); err != nil {
		return fmt.Errorf("%s: %w", port.Name, err)
	}
	return nil
}

// resize gives an array of the session other sizes, and more memory if need be.
func (a *Array) resize(shape []Size, dims []int64) error {
	a.shape = a.shape[:0]
	for _, s := range shape {
		a.shape = append(a.shape, int(s.at(dims)))
	}
	n, err := byteSize(a.dtype, a.shape)
	if err == nil {
		var mem *memory
		if mem, err = a.mem.grow(n); err == nil {
			a.mem, a.bytes = mem, mem.bytes[:n:n]
			return nil
		}
	}
	err = fmt.Errorf("%s: %w", a, err)
	a.shape, a.bytes = append(a.shape[:0], 0), nil
	return err
}

func (b *boundEntry) free() error {
	var err error
	for i := range b.variants {
		if r := b.variants[i].recording; r != nil {
			err = errors.Join(err, r.Close())
		}
	}
	for _, a := range slices.Concat(b.outputs, b.inputs) {
		err = errors.Join(err, a.mem.free())
	}
	return err
}
