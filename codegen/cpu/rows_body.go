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
	e          *emitter
	u          int
	masked     bool
	once       bool                // an element is not loaded again: it may have been stored over
	free       [2][]int            // registers of each file
	in         map[copyOf]register // where what is in one is
	mem        map[copyOf]place
	uses       map[copyOf][]int  // positions of uses to come
	pinned     map[register]bool // registers of the instruction at hand
	spills     int               // registers that were put away
	used, most int               // registers for vectors that are in use, and have been at a time
	soon       []place           // what is fetched
	fetched    int               // of them
}

// A sink takes a value once it is computed: it stores or folds it.
type sink struct {
	value *ir.Scalar
	take  func(b *body, u int, o *operand) // which it may load
}

// newBody leaves the first registers for vectors alone.
func newBody(e *emitter, u, reserved int, masked bool) *body {
	b := &body{e: e, u: u, masked: masked, in: map[copyOf]register{}, mem: map[copyOf]place{}, uses: map[copyOf][]int{}, pinned: map[register]bool{}, soon: e.soon}
	e.soon = nil
	for i, f := range e.set.files {
		first := f.first
		end := f.end
		if i == vectorFile {
			first += reserved
			end -= len(e.settled)
			b.used, b.most = reserved, reserved
		}
		for r := end - 1; r >= first; r-- {
			b.free[i] = append(b.free[i], r)
		}
	}
	return b
}

// release frees registers of operands.
func (b *body) release(operands ...operand) {
	for _, o := range operands {
		b.free[o.file] = append(b.free[o.file], o.n)
		if o.file == vectorFile {
			b.used--
		}
	}
}

// key names a scalar of a vector; what all lanes have in common is there once.
func (b *body) key(v *ir.Scalar, u int) copyOf {
	if b.e.ofTerm(v) {
		u = 0
	}
	return copyOf{v, u}
}

// alloc takes a register. Where none is free, it is that of what is needed last.
func (b *body) alloc(file int) operand {
	if n := len(b.free[file]); n > 0 {
		r := register{file, b.free[file][n-1]}
		b.free[file] = b.free[file][:n-1]
		b.pinned[r] = true
		if file == vectorFile {
			b.used++
			b.most = max(b.most, b.used)
		}
		return operand{register: r, dies: true}
	}
	far, at, reg := copyOf{}, -1, register{}
	for k, r := range b.in { // of equals the highest register, so that the order of a map does not show
		if d := b.uses[k][0]; r.file == file && !b.pinned[r] && (d > at || d == at && r.n > reg.n) {
			far, at, reg = k, d, r
		}
	}
	if at < 0 {
		return b.fail("values in more registers than there are")
	}
	if _, ok := b.mem[far]; !ok {
		b.mem[far] = b.e.slot()
		b.e.set.move(b.e, b.memory(far), operand{register: reg})
		b.spills++
	}
	delete(b.in, far)
	b.pinned[reg] = true
	return operand{register: reg, dies: true}
}

// fail notes what the set lacks.
func (b *body) fail(format string, args ...any) operand {
	b.e.err = fmt.Errorf(b.e.set.name+" has no "+format, args...)
	return operand{}
}

// memory is where a value lies in memory, for the file it is of.
func (b *body) memory(k copyOf) operand {
	if first, ok := b.e.sums[k.value]; ok {
		return operand{register: register{vectorFile, first + k.u}}
	}
	at := b.mem[k]
	file := b.e.set.fileOf(k.value.DType)
	if !b.e.varies(k.value) {
		return b.e.common(at, file)
	}
	return operand{register: register{file: file}, at: &at}
}

// use is an operand, of which one use is over.
func (b *body) use(k copyOf) operand {
	b.uses[k] = b.uses[k][1:]
	r, ok := b.in[k]
	if !ok {
		return b.memory(k)
	}
	b.pinned[r] = true
	last := len(b.uses[k]) == 0
	if last {
		delete(b.in, k)
	}
	return operand{register: r, dies: last}
}

// load brings an operand that is in memory into a register of its own.
func (b *body) load(o *operand) {
	if o.at == nil {
		return
	}
	r := b.alloc(o.file)
	b.e.set.move(b.e, r, *o)
	*o = r
}

// own is an operand that may be written over.
func (b *body) own(o *operand) operand {
	b.load(o)
	if o.dies {
		return *o
	}
	r := b.alloc(o.file)
	b.e.set.move(b.e, r, *o)
	return r
}

// apply computes a scalar.
func (b *body) apply(k copyOf) {
	clear(b.pinned)
	var args []operand
	for _, a := range k.value.Args {
		args = append(args, b.use(b.key(real(a), k.u)))
	}
	for i := range args { // a register that is an operand twice is free once
		for j := range i {
			if args[i].at == nil && args[j].at == nil && args[i].register == args[j].register && args[i].dies {
				args[j].dies, args[i].dies = true, false
			}
		}
	}
	if bits, t, ok := constantOf(k.value); ok {
		args = append(args, b.e.number(bits, t))
	}
	for i := range args {
		if args[i].file == maskFile || !b.e.set.memory {
			b.load(&args[i])
		}
	}
	dst := b.emit(k.value, args)
	for _, o := range args {
		if o.dies && o.register != dst.register {
			b.release(o)
		}
	}
	if len(b.uses[k]) == 0 {
		b.release(dst)
		return
	}
	b.in[k] = dst.register
}

// result is a register for a value of a dtype: of an operand that is needed no more, or
// else a free one.
func (b *body) result(t ir.DType, args []operand) operand {
	file := b.e.set.fileOf(t)
	for _, o := range args {
		if o.dies && o.file == file {
			return o
		}
	}
	return b.alloc(file)
}

// run emits the values and gives them to the sinks.
func (b *body) run(values []*ir.Scalar, sinks []sink) {
	computed := map[*ir.Scalar]bool{}
	at := 0
	note := func(v *ir.Scalar) {
		for u := range b.u {
			k := b.key(v, u)
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
		if !b.e.inMemory(v) && !b.e.isSum(v) {
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
	steps := len(values) * b.u
	var loaded []*ir.Scalar // whose sinks wait, since they may store over what is loaded next
	sinkLoaded := func() {
		for _, v := range loaded {
			b.sink(v, sinks)
		}
		loaded = nil
	}
	for i, v := range values {
		if b.once && !b.e.inMemory(v) {
			sinkLoaded()
		}
		if b.e.ofTerm(v) {
			b.broadcast(v)
			b.sink(v, sinks)
			continue
		}
		for u := range b.u {
			b.fetch(i*b.u+u, steps)
			k := copyOf{v, u}
			if b.e.isSum(v) {
				continue
			}
			if !b.e.inMemory(v) {
				b.apply(k)
				continue
			}
			t := b.e.storedAs(v)
			bytes, apart := b.e.apart(b.mem[k])
			now := b.masked || b.once || apart || t.Size() < 4
			if !now && len(b.uses[k]) < 2 {
				continue
			}
			clear(b.pinned)
			r := b.alloc(vectorFile)
			if apart {
				b.e.set.loadApart(b, r, b.mem[k], bytes)
			} else {
				b.access(t).load(b.e, r, b.memory(k))
			}
			if now {
				delete(b.mem, k)
			}
			b.in[k] = r.register
		}
		if b.once && b.e.inMemory(v) {
			loaded = append(loaded, v)
		} else {
			b.sink(v, sinks)
		}
	}
	sinkLoaded()
	for _, s := range sinks {
		if !computed[s.value] {
			b.sink(s.value, []sink{s})
		}
	}
	b.fetch(steps, steps)
}

// fetch asks for what is ahead, each when its share of the steps is done: memory takes
// what comes evenly better than many at a time.
func (b *body) fetch(done, steps int) {
	for n := len(b.soon); b.fetched < n && (2*b.fetched+1)*steps <= 2*n*done; b.fetched++ {
		b.e.set.fetch(b.e, b.soon[b.fetched])
	}
}

// broadcast loads what all lanes have in common in a term.
func (b *body) broadcast(v *ir.Scalar) {
	clear(b.pinned)
	st, distance, _ := b.e.source(v)
	t := b.e.streams[st].dtype
	r := b.alloc(vectorFile)
	b.e.set.in[t].broadcast(b.e, r, operand{at: &place{kind: atStream, n: st, bytes: t.Size() * int(distance)}})
	k := copyOf{v, 0}
	delete(b.mem, k)
	b.in[k] = r.register
}

func (b *body) sink(v *ir.Scalar, sinks []sink) {
	for _, s := range sinks {
		if s.value != v {
			continue
		}
		for u := range b.u {
			clear(b.pinned)
			o := b.use(b.key(v, u))
			s.take(b, u, &o)
			if o.dies {
				b.release(o)
			}
		}
	}
}

// access is how lanes of a dtype in memory are loaded and stored, all or the rest of a row.
func (b *body) access(t ir.DType) access {
	a, ok := b.e.set.in[t]
	if !ok {
		b.fail("%v in memory", t)
		a = b.e.set.in[ir.F32]
	}
	if b.masked {
		a.load, a.store = a.loadRest, a.storeRest
	}
	return a
}

// store stores a register, which it may write over if it is free afterwards.
func (b *body) store(r result, at operand, o *operand) {
	if bytes, apart := b.e.apart(*at.at); apart {
		b.e.set.storeApart(b, *at.at, *o, bytes)
		return
	}
	a := b.access(r.dtype)
	if r.past && !b.masked {
		a.store = b.e.set.movePast
	}
	if r.dtype.Size() == 4 {
		a.store(b.e, at, *o)
		return
	}
	x := b.own(o)
	if v := real(r.value); r.dtype == ir.BF16 && v.Fn != ir.RoundBF16 {
		b.e.set.roundBF16(b, x)
	}
	a.store(b.e, at, x)
	if x.register != o.register {
		b.release(x)
	}
}
