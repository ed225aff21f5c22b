package cpu

import (
	"fmt"

	"github.com/mlxc/mlxc/ir"
)

// A copyOf names a scalar of one of the vectors that a body computes at a time.
type copyOf struct {
	value *ir.Scalar
	u     int
}

// A body emits straight code: vectors of scalars, with what is needed soonest in
// registers, and the rest (constants, what is the same in all lanes, what is loaded for
// one use, and what registers are lacking for) as operands in memory.
type body struct {
	e      *emitter
	u      int
	masked bool
	once   bool           // an element is not loaded again: it may have been stored over
	free   []int          // registers
	in     map[copyOf]int // registers of what is in one
	mem    map[copyOf]string
	uses   map[copyOf][]int // positions of uses to come
	pinned map[int]bool     // registers of the instruction at hand
	spills int
}

// A sink takes a value once it is computed: it stores or folds it.
type sink struct {
	value *ir.Scalar
	take  func(b *body, u int, o operand)
}

// An operand is a register or a place in memory.
type operand struct {
	text string
	reg  int  // -1: in memory
	dies bool // the register is free afterwards
}

func newBody(e *emitter, u, reserved int, masked bool) *body {
	b := &body{e: e, u: u, masked: masked, in: map[copyOf]int{}, mem: map[copyOf]string{}, uses: map[copyOf][]int{}, pinned: map[int]bool{}}
	for r := mask - 1; r >= reserved; r-- {
		b.free = append(b.free, r)
	}
	return b
}

func y(r int) string { return fmt.Sprintf("Y%d", r) }

func (b *body) release(r int) { b.free = append(b.free, r) }

// alloc takes a register. Where none is free, it is that of what is needed last.
func (b *body) alloc() int {
	if n := len(b.free); n > 0 {
		r := b.free[n-1]
		b.free = b.free[:n-1]
		b.pinned[r] = true
		return r
	}
	far, at, reg := copyOf{}, -1, -1
	for k, r := range b.in { // of equals the highest register, so that the order of a map does not show
		if d := b.uses[k][0]; !b.pinned[r] && (d > at || d == at && r > reg) {
			far, at, reg = k, d, r
		}
	}
	if at < 0 {
		b.e.err = fmt.Errorf("too few registers")
		return 0
	}
	if _, ok := b.mem[far]; !ok {
		b.mem[far] = b.e.slot()
		b.e.op("VMOVUPS Y%d, %s", reg, b.mem[far])
		b.spills++
	}
	delete(b.in, far)
	b.pinned[reg] = true
	return reg
}

// use is an operand, of which one use is over.
func (b *body) use(k copyOf) operand {
	b.uses[k] = b.uses[k][1:]
	r, ok := b.in[k]
	if !ok {
		return operand{b.mem[k], -1, false}
	}
	b.pinned[r] = true
	last := len(b.uses[k]) == 0
	if last {
		delete(b.in, k)
	}
	return operand{y(r), r, last}
}

// load brings an operand into a register; one that was in memory into one of its own.
func (b *body) load(o operand) operand {
	if o.reg >= 0 {
		return o
	}
	r := b.alloc()
	b.e.op("VMOVUPS %s, Y%d", o.text, r)
	return operand{y(r), r, true}
}

// apply computes a scalar.
func (b *body) apply(k copyOf) {
	clear(b.pinned)
	var args []operand
	for _, a := range k.value.Args {
		args = append(args, b.use(copyOf{real(a), k.u}))
	}
	for i := range args { // a register that is an operand twice is free once
		for j := range i {
			if args[i].reg >= 0 && args[i].reg == args[j].reg && args[i].dies {
				args[j].dies, args[i].dies = true, false
			}
		}
	}
	dst := b.emit(k.value, args)
	for _, o := range args {
		if o.dies && o.reg != dst {
			b.release(o.reg)
		}
	}
	if len(b.uses[k]) == 0 {
		b.release(dst)
		return
	}
	b.in[k] = dst
}

// result is a register of an operand that is needed no more, or else a free one.
func (b *body) result(args []operand) int {
	for _, o := range args {
		if o.dies {
			return o.reg
		}
	}
	return b.alloc()
}

// run emits the values and gives them to the sinks.
func (b *body) run(values []*ir.Scalar, sinks []sink) {
	computed := map[*ir.Scalar]bool{}
	at := 0
	note := func(v *ir.Scalar) {
		for u := range b.u {
			k := copyOf{v, u}
			if b.uses[k] == nil {
				if m, ok := b.e.where(v, u); ok {
					b.mem[k] = m
				}
			}
			b.uses[k] = append(b.uses[k], at)
		}
	}
	sunk := func(v *ir.Scalar) {
		for _, s := range sinks {
			if s.value == v {
				note(v)
			}
		}
	}
	for _, v := range values {
		at++
		computed[v] = true
		if !b.e.inMemory(v) {
			for _, a := range v.Args {
				note(real(a))
			}
		}
		sunk(v)
	}
	for _, s := range sinks {
		if !computed[s.value] {
			at++
			note(s.value)
		}
	}
	for _, v := range values {
		for u := range b.u {
			k := copyOf{v, u}
			if !b.e.inMemory(v) {
				b.apply(k)
			} else if b.masked || b.once || len(b.uses[k]) > 1 {
				clear(b.pinned)
				r := b.alloc()
				if b.masked {
					b.e.op("VMASKMOVPS %s, Y%d, Y%d", b.mem[k], mask, r)
				} else {
					b.e.op("VMOVUPS %s, Y%d", b.mem[k], r)
				}
				if b.masked || b.once {
					delete(b.mem, k)
				}
				b.in[k] = r
			}
		}
		b.sink(v, sinks)
	}
	for _, s := range sinks {
		if !computed[s.value] {
			b.sink(s.value, []sink{s})
		}
	}
}

func (b *body) sink(v *ir.Scalar, sinks []sink) {
	for _, s := range sinks {
		if s.value != v {
			continue
		}
		for u := range b.u {
			clear(b.pinned)
			o := b.use(copyOf{v, u})
			s.take(b, u, o)
			if o.dies {
				b.release(o.reg)
			}
		}
	}
}
