package metal

import (
	"fmt"

	"github.com/mlxc/mlxc/ir"
)

func (p *printer) rowsDoc() string {
	s := p.kernel.Schedule
	if s.Form == ir.FormSimd {
		return fmt.Sprintf("A simdgroup computes a point, %d of them share a threadgroup.", s.Threads/ir.SimdWidth)
	}
	return fmt.Sprintf("A threadgroup of %d threads computes a point.", s.Threads)
}

// rows prints a kernel each point of whose grid a simdgroup or a threadgroup
// computes. All its threads compute what the point needs once; loops over what is
// reduced, or over the inner axis, are dealt to them; one thread stores what
// the point has once.
func (p *printer) rows() {
	k := p.kernel
	grid, s := k.Grid(), k.Schedule
	at := p.index + "(group)"
	if s.Form == ir.FormSimd {
		p.line("const %s at = %s * %d + %s(sgid);", p.index, at, s.Threads/ir.SimdWidth, p.index)
		p.leave(product(grid), s.Threads/ir.SimdWidth)
		at = "at"
	}
	p.axes(grid, at, func() { p.row(k.Nest(grid)) })
}

// row prints what the threads of a point do.
func (p *printer) row(stmts []ir.Stmt) {
	var open []*ir.Scalar // reductions whose loop is to come
	for _, stmt := range stmts {
		switch {
		case stmt.Kind == ir.StmtStart:
			open = append(open, stmt.Scalar)
			p.start(stmt.Scalar)
		case stmt.Kind == ir.StmtLoop && len(open) > 0:
			p.dealt(stmt, len(open[0].Over))
			for _, v := range open {
				p.join(v)
			}
			open = nil
		case stmt.Kind == ir.StmtLoop:
			depth := 1 // of the loops around a store
			for body := stmt.Body; body[len(body)-1].Kind == ir.StmtLoop; body = body[len(body)-1].Body {
				depth++
			}
			p.dealt(stmt, depth)
		case stmt.Kind == ir.StmtStore:
			p.block("if ("+p.thread()+" == 0u)", func() { p.store(stmt.Store) })
		default:
			p.stmts([]ir.Stmt{stmt})
		}
	}
}

// thread is the number of a thread among those of its point, of which there are
// width.
func (p *printer) thread() string {
	if p.kernel.Schedule.Form == ir.FormSimd {
		return "lane"
	}
	return "tid"
}

func (p *printer) width() int {
	if p.kernel.Schedule.Form == ir.FormSimd {
		return ir.SimdWidth
	}
	return p.kernel.Schedule.Threads
}

// dealt prints the loop, and those nested in it, of depth in all, as one loop whose
// rounds the threads of the point take in turn.
func (p *printer) dealt(loop ir.Stmt, depth int) {
	axes := []*ir.Axis{loop.Axis}
	var between []ir.Stmt // what stands before a nested loop
	body := loop.Body
	for len(axes) < depth {
		nested := body[len(body)-1]
		between = append(between, body[:len(body)-1]...)
		axes, body = append(axes, nested.Axis), nested.Body
	}
	i := p.axis(loop.Axis)
	round := func() { p.stmts(append(between, body...)) }
	if depth > 1 {
		i = "flat"
	}
	head := fmt.Sprintf("for (%s %s = %s(%s); %s < %s; %s += %d)", p.index, i, p.index, p.thread(), i, p.size(product(axes)), i, p.width())
	p.block(head, func() {
		if depth > 1 {
			p.axes(axes, i, round)
			return
		}
		round()
	})
}

// join folds what the threads of a point have of a reduction, so that all have the
// whole. Its order is that of a butterfly within simdgroups, which is the same for
// every lane since folds commute, and then that of the simdgroups.
func (p *printer) join(v *ir.Scalar) {
	parts := accumulator(v)
	other := make([]string, len(parts))
	p.block(fmt.Sprintf("for (uint step = %du; step > 0u; step /= 2u)", ir.SimdWidth/2), func() {
		for i, a := range parts {
			other[i] = a.name + "Other"
			p.line("const %s %s = %s;", p.typ(a.dtype), other[i], shuffled(a, "ushort(lane ^ step)"))
		}
		p.merge(v, other)
	})
	if p.kernel.Schedule.Form == ir.FormSimd {
		return
	}
	simds := p.kernel.Schedule.Threads / ir.SimdWidth
	for _, a := range parts {
		p.line("threadgroup %s %sShared[%d];", storage[a.dtype], a.name, simds)
	}
	p.block("if (lane == 0u)", func() {
		for _, a := range parts {
			value := a.name
			if a.dtype == ir.Bool {
				value = "uchar(" + value + ")"
			}
			p.line("%sShared[sgid] = %s;", a.name, value)
		}
	})
	p.line("threadgroup_barrier(mem_flags::mem_threadgroup);")
	for _, a := range parts {
		p.line("%s = %s;", a.name, p.loaded(a.dtype, a.name+"Shared[0]"))
	}
	p.block(fmt.Sprintf("for (int other = 1; other < %d; other++)", simds), func() {
		for i, a := range parts {
			other[i] = a.name + "Other"
			p.line("const %s %s = %s;", p.typ(a.dtype), other[i], p.loaded(a.dtype, a.name+"Shared[other]"))
		}
		p.merge(v, other)
	})
}

// shuffled is the part of an accumulator that another lane has. Metal shuffles no
// bool and no 64 bits.
func shuffled(a part, lane string) string {
	switch t := a.dtype; {
	case t.IsFloat():
		return fmt.Sprintf("simd_shuffle(%s, %s)", a.name, lane)
	case t == ir.Bool:
		return fmt.Sprintf("simd_shuffle(uint(%s), %s) != 0u", a.name, lane)
	case t.Size() == 8:
		return fmt.Sprintf("as_type<%s>(simd_shuffle(as_type<uint2>(%s), %s))", computed[t], a.name, lane)
	}
	return fmt.Sprintf("%s(simd_shuffle(uint(%s), %s))", computed[a.dtype], a.name, lane)
}
