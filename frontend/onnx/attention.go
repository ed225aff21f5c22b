package onnx

import (
	"math"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// attentions are the operators of transformers.
var attentions = map[string]handler{
	"Attention":       attention,
	"RotaryEmbedding": one(rotary),
	"LinearAttention": linearAttention,
	"TensorScatter":   one(tensorScatter),
	"SwiGLU":          one(func(n *node) mlx.Value { return swish(n).Mul(n.x(1)) }),
}

// heads is [B, H, T, D] of [B, T, H*D], or x itself if it is that already.
func (n *node) heads(x mlx.Value, attr string) mlx.Value {
	s := x.Type().Shape
	if len(s) == 4 {
		return x
	}
	h := n.attrInt(attr, 0)
	if len(s) != 3 || h < 1 {
		n.fail("%s with %s %d are no heads", x.Type(), attr, h)
	}
	each, ok := s[2].Exact(ir.N(int64(h)))
	if !ok {
		n.fail("%s does not divide into %d heads", x.Type(), h)
	}
	return x.Reshape(s[0], s[1], mlx.N(h), each).Transpose(0, 2, 1, 3)
}

// joined is [B, T, H*D] of heads.
func joined(y mlx.Value) mlx.Value {
	s := y.Type().Shape
	return y.Transpose(0, 2, 1, 3).Reshape(s[0], s[2], s[1].Mul(s[3]))
}

// attention has masks and caches in more forms than the op of that name, which computes it
// unless the scores are looked at before they are used.
func attention(n *node) {
	q, k, v := n.heads(n.x(0), "q_num_heads"), n.heads(n.x(1), "kv_num_heads"), n.heads(n.x(2), "kv_num_heads")
	past := ir.N(0)
	if n.has(4) != n.has(5) || n.has(4) && n.has(6) {
		n.fail("past keys and values are given together, and without nonpad_kv_seqlen")
	}
	if n.has(4) {
		past = n.typ(4).Shape[2]
		k, v = mlx.Concat(2, n.x(4), k), mlx.Concat(2, n.x(5), v)
	}
	n.set(1, k)
	n.set(2, v)
	v = v.To(q.Type().DType)
	o := mlx.AttentionOptions{Scale: n.attrFloat("scale", 0)}
	if !n.given("scale") {
		o.Scale = mlx.HeadScale(q.Type())
	}
	m := n.mask(q.Type().Shape[2], k.Type().Shape[2], past)
	var y mlx.Value
	if n.wants(3) || n.attrFloat("softcap", 0) != 0 {
		y = n.attend(q, k, v, o.Scale, m.all())
	} else {
		o.Causal, o.Mask = m.plain, m.all()
		if m.plain {
			o.Mask = m.given
		}
		y = mlx.Attention(q, k, v, o)
	}
	if n.typ(0).Rank() == 3 {
		y = joined(y)
	}
	n.set(0, y)
}

// A mask says which keys a query sees. Its parts are not Ok where they say nothing.
type mask struct {
	given mlx.Value // by the file: added to the scores or, if bool, what is seen
	seen  mlx.Value // by their positions
	plain bool      // that is what Causal of the op means
}

// mask of queries and keys, the past ones included.
func (n *node) mask(queries, keys, past ir.Size) (m mask) {
	if n.has(3) {
		m.given = n.x(3)
		if t := m.given.Type(); t.DType != ir.Bool && !t.DType.IsFloat() {
			m.given = m.given.To(n.typ(0).DType)
		}
		m.given = unseenBehind(m.given, keys)
	}
	causal := n.attrInt("is_causal", 0) != 0
	left, right := n.attrInt("left_window_size", -1), n.attrInt("right_window_size", -1)
	if left < -1 || right < -1 {
		n.fail("a window of %d and %d keys", left, right)
	}
	if !causal && left < 0 && right < 0 && !n.has(6) {
		return m
	}
	m.plain = causal && left < 0 && right < 0 && !n.has(6) && keys.Sub(queries).Equal(past)

	// How far key j is behind query i: i + offset - j, [T, S] or [B, 1, T, S].
	ramp := func(axis int) mlx.Value {
		return n.b.Op("iota", ir.IotaAttrs{DType: ir.I32, Shape: []ir.Size{queries, keys}, Axis: axis})
	}
	behind := ramp(0).Sub(ramp(1))
	switch {
	case n.has(6):
		valid := n.x(6).To(ir.I32)
		valid = valid.Reshape(valid.Type().Elems(), ir.N(1), ir.N(1), ir.N(1))
		m.see(ramp(1).Lt(valid))
		behind = behind.Add(valid.Sub(n.b.Size(queries)))
	case !past.Is(0):
		behind = behind.Add(n.b.Size(past))
	}
	if causal {
		m.see(behind.GeN(0))
	}
	if left >= 0 {
		m.see(behind.LeN(float64(left)))
	}
	if right >= 0 {
		m.see(behind.GeN(float64(-right)))
	}
	return m
}

// see lets the mask show what it did and keep does too.
func (m *mask) see(keep mlx.Value) {
	if m.seen.Ok() {
		keep = m.seen.And(keep)
	}
	m.seen = keep
}

// all is both parts in one, which is not Ok if there is none.
func (m mask) all() mlx.Value {
	switch {
	case !m.seen.Ok():
		return m.given
	case !m.given.Ok():
		return m.seen
	case m.given.Type().DType == ir.Bool:
		return m.given.And(m.seen)
	}
	return mlx.Where(m.seen, m.given, number(m.given, math.Inf(-1)))
}

// unseenBehind is a mask as long as the keys: those that it says nothing of are not seen.
func unseenBehind(mask mlx.Value, keys ir.Size) mlx.Value {
	shape := append([]ir.Size{}, mask.Type().Shape...)
	last := len(shape) - 1
	if last < 0 || shape[last].Equal(keys) {
		return mask
	}
	shape[last] = keys.Sub(shape[last])
	unseen := math.Inf(-1)
	if mask.Type().DType == ir.Bool {
		unseen = 0
	}
	return mlx.Concat(last, mask, mask.Builder().Full(mask.Type().DType, unseen, shape...))
}

// attend is attention whose scores are an output, or are capped.
func (n *node) attend(q, k, v mlx.Value, scale float64, mask mlx.Value) mlx.Value {
	t := q.Type().DType
	wide := widened(t)
	q, k, v = q.To(wide), n.shared(k, q).To(wide), n.shared(v, q).To(wide)
	var steps [4]mlx.Value // that output 3 may be
	s := q.MatMul(k.T()).MulN(scale)
	steps[0] = s
	if most := n.attrFloat("softcap", 0); most > 0 {
		s = mlx.Tanh(s.DivN(most)).MulN(most)
	}
	steps[1] = s
	unseen := number(s, math.Inf(-1))
	switch {
	case !mask.Ok():
	case mask.Type().DType == ir.Bool:
		s = mlx.Where(mask, s, unseen)
	default:
		s = mlx.Where(mask.Eq(number(mask, math.Inf(-1))), unseen, s.Add(mask.To(wide)))
	}
	steps[2] = s
	shape := s.Type().Shape
	m := keep(mlx.Max(s, 3), shape, []int{3}, true)
	m = mlx.Where(m.Eq(unseen), number(m, 0), m) // of a query that sees nothing
	p := mlx.Exp(s.Sub(m))
	p = p.Div(mlx.MaximumN(keep(mlx.Sum(p, 3), shape, []int{3}, true), 1))
	steps[3] = p
	mode := n.attrInt("qk_matmul_output_mode", 0)
	if mode < 0 || mode > 3 {
		n.fail("qk_matmul_output_mode is %d", mode)
	}
	n.set(3, steps[mode].To(t))
	return p.MatMul(v).To(t)
}

// widened is the dtype that scores and states are computed in.
func widened(t ir.DType) ir.DType {
	if t == ir.F64 {
		return t
	}
	return ir.F32
}

// shared are heads of keys or values, each as often as queries share it.
func (n *node) shared(x, q mlx.Value) mlx.Value {
	if x.Type().Rank() != 4 || q.Type().Rank() != 4 {
		n.fail("%s and %s are no heads", q.Type(), x.Type())
	}
	each, ok := q.Type().Shape[1].Exact(x.Type().Shape[1])
	times, fixed := each.Int()
	if !ok || !fixed {
		n.fail("the heads of %s do not divide those of %s", x.Type(), q.Type())
	}
	if times == 1 {
		return x
	}
	return x.Repeat(int(times), 1)
}

// rotary turns pairs of elements by angles whose cosines and sines are given.
func rotary(n *node) mlx.Value {
	x := n.x(0)
	flat := x.Type().Rank() == 3
	x = n.heads(x, "num_heads") // [B, H, T, D]
	s := x.Type().Shape
	turned := s[3]
	if d := n.attrInt("rotary_embedding_dim", 0); d > 0 {
		turned = mlx.N(d)
	}
	half, ok := turned.Exact(ir.N(2))
	if !ok {
		n.fail("%s elements are no pairs", turned)
	}
	table := func(i int) mlx.Value {
		t := n.x(i)
		if n.has(3) {
			t = mlx.Take(t, n.x(3), 0)
		}
		if t.Type().Rank() != 3 || !t.Type().Shape[2].Equal(half) {
			n.fail("%s does not fit %s pairs", t.Type(), half)
		}
		return t.Reshape(t.Type().Shape[0], ir.N(1), t.Type().Shape[1], half)
	}
	cos, sin := table(1), table(2)
	all := mlx.Span{}
	front := x.At(all, all, all, mlx.To(turned))
	pairs, axis := []ir.Size{s[0], s[1], s[2], ir.N(2), half}, 3
	if n.attrInt("interleaved", 0) != 0 {
		pairs, axis = []ir.Size{s[0], s[1], s[2], half, ir.N(2)}, 4
	}
	front = front.Reshape(pairs...)
	element := func(i int) mlx.Value {
		spans := make([]mlx.Span, 5)
		spans[axis] = mlx.Pick(mlx.N(i))
		return front.At(spans...)
	}
	u, v := element(0), element(1)
	y := mlx.Stack(axis, u.Mul(cos).Sub(v.Mul(sin)), u.Mul(sin).Add(v.Mul(cos))).Reshape(s[0], s[1], s[2], turned)
	if !turned.Equal(s[3]) {
		y = mlx.Concat(3, y, x.At(all, all, all, mlx.From(turned)))
	}
	if flat {
		return joined(y)
	}
	return y
}

// tensorScatter writes new tokens into a cache, in each batch from an index of its own on.
func tensorScatter(n *node) mlx.Value {
	cache, update := n.x(0), n.x(1)
	shape := update.Type().Shape
	axis := n.axis(n.attrInt("axis", -2), len(shape))
	if axis == 0 {
		n.fail("axis 0 is that of batches")
	}
	if !n.has(2) {
		spans := make([]mlx.Span, axis+1)
		spans[axis] = mlx.To(shape[axis])
		return cache.SetAt(update, spans...)
	}
	starts := n.x(2)
	one := []ir.Size{shape[0]}
	for range len(shape) - 1 {
		one = append(one, ir.N(1))
	}
	index := starts.Reshape(one...).Add(n.b.Op("iota", ir.IotaAttrs{DType: starts.Type().DType, Shape: shape, Axis: axis}))
	switch mode := n.attrString("mode", "linear"); mode {
	case "linear":
	case "circular":
		index = index.Mod(n.b.Size(cache.Type().Shape[axis]).To(index.Type().DType))
	default:
		n.fail("there is no mode %q", mode)
	}
	return mlx.Scatter(cache, index, update, axis)
}
