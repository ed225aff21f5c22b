package ir

// The blocks of GGUF are structs of ggml (ggml-common.h), little endian. Kernels compute an
// element from its index in the block.

// A block is that of an element, from its first byte in the plane.
type block struct {
	*element
	first Size
	i     Size // of the element in the block
}

func pullBlock(size, bytes int64, pull func(b *block) S) func(e *element) S {
	return func(e *element) S {
		return pull(&block{e, e.i.Div(N(size)).Mul(N(bytes)), e.i.Mod(N(size))})
	}
}

// byte is one of the block, as i32.
func (b *block) byte(at Size) S { return b.of(0, b.first.Add(at)).Cast(I32) }

// int8 is a byte that has a sign.
func (b *block) int8(at Size) S {
	x := b.byte(at)
	return x.Fn(Xor, x.Num(128)).Sub(x.Num(128))
}

// bits are n of a byte.
func (b *block) bits(at, shift Size, n int) S {
	x := b.byte(at)
	return x.Fn(Shr, b.index(shift)).Fn(And, x.Num(float64(int(1)<<n-1)))
}

// half is the f16 in two bytes, as f32.
func (b *block) half(at int64) S {
	h := b.byte(N(at + 1))
	h = h.Fn(Shl, h.Num(8)).Fn(Or, b.byte(N(at)))
	m := h.Fn(And, h.Num(0x7fff))
	with := func(bias float64) S { return m.Fn(Shl, m.Num(13)).Add(m.Num(bias * (1 << 23))).Fn(FromBits) }
	small := m.Cast(F32)
	small = small.Mul(small.Num(1.0 / (1 << 24)))                                                 // no subnormal of f32, which a GPU takes for 0
	x := m.Lt(m.Num(0x400)).Select(small, m.Lt(m.Num(0x7c00)).Select(with(127-15), with(255-31))) // infinity and NaN
	return h.Lt(h.Num(0x8000)).Select(x, x.Neg())
}

// block_q4_0 is {f16 d; u8 qs[16]}: the first half of 32 elements has the low bits.
func pullQ4_0(b *block) S {
	q := b.bits(b.i.Mod(N(16)).Add(N(2)), b.i.Div(N(16)).Mul(N(4)), 4)
	return q.Sub(q.Num(8)).Cast(F32).Mul(b.half(0))
}

// block_q8_0 is {f16 d; i8 qs[32]}.
func pullQ8_0(b *block) S { return b.int8(b.i.Add(N(2))).Cast(F32).Mul(b.half(0)) }

// block_q4_K is {f16 d, dmin; u8 scales[12]; u8 qs[128]}: 8 times 32 elements, each with a
// scale and a minimum of 6 bits. Those of the first four are the low bits of bytes 0 to 3
// and 4 to 7; the others have their low four bits in bytes 8 to 11, and the rest in the high
// bits of the former.
func pullQ4_K(b *block) S {
	part := b.i.Div(N(32))
	scales := N(4).Add(part.Mod(N(4)))
	at := func(n int64, shift int64, bits int) S { return b.bits(scales.Add(N(n)), N(shift), bits) }
	later := func(low, high S) S { return high.Fn(Shl, high.Num(4)).Fn(Or, low) }
	j := b.index(part)
	early := j.Lt(j.Num(4))
	scale := early.Select(at(0, 0, 6), later(at(8, 0, 4), at(0, 6, 2)))
	least := early.Select(at(4, 0, 6), later(at(8, 4, 4), at(4, 6, 2)))
	q := b.bits(N(16).Add(b.i.Div(N(64)).Mul(N(32))).Add(b.i.Mod(N(32))), part.Mod(N(2)).Mul(N(4)), 4)
	return q.Cast(F32).Mul(scale.Cast(F32).Mul(b.half(0))).Sub(least.Cast(F32).Mul(b.half(2)))
}

// block_q6_K is {u8 ql[128], qh[64]; i8 scales[16]; f16 d}: of each 128 elements the low four
// bits are in 64 bytes of ql, and two high ones in 32 of qh.
func pullQ6_K(b *block) S {
	half, quarter, l := b.i.Div(N(128)), b.i.Mod(N(128)).Div(N(32)), b.i.Mod(N(32))
	low := b.bits(half.Mul(N(64)).Add(quarter.Mod(N(2)).Mul(N(32))).Add(l), quarter.Div(N(2)).Mul(N(4)), 4)
	high := b.bits(N(128).Add(half.Mul(N(32))).Add(l), quarter.Mul(N(2)), 2)
	q := high.Fn(Shl, high.Num(4)).Fn(Or, low)
	scale := b.int8(N(192).Add(b.i.Div(N(16))))
	return q.Sub(q.Num(32)).Cast(F32).Mul(scale.Cast(F32).Mul(b.half(208)))
}
