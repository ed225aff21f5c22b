package cpu

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// text is the name of a register or of a place.
func (e *emitter) text(o operand) string {
	if o.at != nil {
		return e.set.place(e, *o.at)
	}
	return fmt.Sprint(e.set.files[o.file].prefix, o.n)
}

// slot is a place in the frame for a vector.
func (e *emitter) slot() place {
	e.frame += 4 * e.set.lanes
	return place{kind: inFrame, bytes: e.frame - 4*e.set.lanes}
}

// rowSlot is one for what is the same in all lanes.
func (e *emitter) rowSlot(t ir.DType) place {
	if !e.set.one || e.set.fileOf(t) == maskFile {
		return e.slot()
	}
	e.frame += 8
	return place{kind: inFrame, bytes: e.frame - 8, one: true}
}

// table is the place of constants, which are as many as lanes, or twice, or one.
func (e *emitter) table(words ...uint32) place {
	at := 0
	for at+len(words) <= len(e.tables) && !slices.Equal(e.tables[at:at+len(words)], words) {
		at += min(len(words), e.set.lanes)
	}
	if at+len(words) > len(e.tables) {
		at = len(e.tables)
		e.tables = append(e.tables, words...)
	}
	return place{kind: inTable, bytes: 4 * at, one: len(words) == 1}
}

// constant is the place of a number for all lanes.
func (e *emitter) constant(bits uint32) place {
	if e.set.one {
		return e.table(bits)
	}
	return e.table(slices.Repeat([]uint32{bits}, e.set.lanes)...)
}

// number is a constant in all lanes.
func (e *emitter) number(bits uint32, t ir.DType) operand {
	return e.common(e.constant(bits), e.set.fileOf(t))
}

// common is the operand for a place of what is the same in all lanes.
func (e *emitter) common(at place, file int) operand {
	if r, ok := e.settled[at]; ok && file == vectorFile {
		return operand{register: r}
	}
	if e.reads != nil && file == vectorFile {
		e.reads[at]++
	}
	return operand{register: register{file: file}, at: &at}
}

// mostRead is the places in the order of how often they are read.
func mostRead(reads map[place]int) []place {
	return slices.SortedFunc(maps.Keys(reads), func(a, b place) int {
		return cmp.Or(reads[b]-reads[a], int(a.kind-b.kind), a.bytes-b.bytes)
	})
}

// settle loads places into the last registers, where they stay during a loop.
func (e *emitter) settle(places []place) {
	last := e.set.files[vectorFile].end - 1
	settled := map[place]register{}
	if e.lines[len(e.lines)-1] == e.rowLabel+":" && e.single { // before the rows, if there is no other loop in one
		e.lines = e.lines[:len(e.lines)-1]
		defer e.label(e.rowLabel)
	}
	for i, at := range places {
		r := register{vectorFile, last - i}
		e.set.move(e, operand{register: r}, operand{at: &at})
		settled[at] = r
	}
	e.settled = settled
}

func floatBits(x float64) uint32 { return math.Float32bits(float32(x)) }

// real is what a scalar is but for the type that its bits have.
func real(v *ir.Scalar) *ir.Scalar {
	for v.Kind == ir.ScalarApply && (v.Fn == ir.Bits || v.Fn == ir.FromBits) {
		v = v.Args[0]
	}
	return v
}

// constant is the bits of a number.
func constant32(v *ir.Scalar) (bits uint32, ok bool) {
	switch v.Kind {
	case ir.ScalarConst:
		switch {
		case v.DType == ir.Bool:
			return -uint32(v.Int), true
		case v.DType.IsFloat():
			return floatBits(v.Float), true
		}
		return uint32(v.Int), true
	case ir.ScalarSize:
		n, ok := v.Index.Int()
		if v.DType.IsFloat() {
			return floatBits(float64(n)), ok
		}
		return uint32(n), ok
	}
	return 0, false
}

// where is the place in memory of what is not computed, and of what is the same in all
// lanes; u is the vector of a loop's body.
func (e *emitter) where(v *ir.Scalar, u int) (place, bool) {
	if bits, ok := constant32(v); ok {
		return e.constant(bits), true
	}
	if m, ok := e.slots[v]; ok {
		return m, true
	}
	if v == e.kept {
		return e.keptAt(u), true
	}
	if e.strip[v] != nil {
		return e.strip[v][u], true
	}
	if v.Kind == ir.ScalarLoad {
		return e.elements(v.Arg, v.Index, v.Guard)(u), true
	}
	return place{}, false
}

// elements is where the vectors of a loop's body lie in an argument.
func (e *emitter) elements(arg int, index ir.Size, guard []ir.Bound) func(u int) place {
	st, distance, _ := e.stream(arg, index, guard)
	s := e.streams[st]
	return func(u int) place {
		return place{kind: inRow, n: st, bytes: s.dtype.Size() * int(distance+s.step*int64(e.set.lanes*u))}
	}
}

// apart is the bytes from lane to lane at a place, unless they are neighbours there.
func (e *emitter) apart(p place) (bytes int, ok bool) {
	if p.kind != inRow || p.n >= len(e.streams) || e.streams[p.n].step == 1 {
		return 0, false
	}
	return 4 * int(e.streams[p.n].step), true
}
