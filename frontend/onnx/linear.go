package onnx

import (
	"math"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// linearAttention has a state of a fixed size, a matrix of each head, that every token
// changes: it decays, and takes what the token's key has for its value.
func linearAttention(n *node) {
	query := n.heads(n.x(0), "q_num_heads")
	key, value := n.heads(n.x(1), "kv_num_heads"), n.heads(n.x(2), "kv_num_heads")
	q, k, v := query.Type().Shape, key.Type().Shape, value.Type().Shape
	t := query.Type().DType
	wide := widened(t)
	times, ok := q[1].Exact(k[1])
	if !ok {
		n.fail("the heads of %s do not divide those of %s", key.Type(), query.Type())
	}
	scale := n.attrFloat("scale", 0)
	if scale == 0 {
		d, fixed := q[3].Int()
		if !fixed {
			n.fail("the size of the heads of %s is not known", query.Type())
		}
		scale = 1 / math.Sqrt(float64(d))
	}
	rule := n.attrString("update_rule", "gated_delta")
	gated, delta := rule == "gated" || rule == "gated_delta", rule == "delta" || rule == "gated_delta"
	if !gated && !delta && rule != "linear" {
		n.fail("there is no update_rule %q", rule)
	}
	state := n.b.Zeros(wide, k[0], k[1], k[3], v[3])
	stateType := t
	if n.has(3) {
		stateType = n.typ(3).DType
		state = n.x(3).To(wide)
	}
	var decay, beta mlx.Value // [B, H, T, D or 1]
	if gated {
		decay = mlx.Exp(n.perHead(n.x(4), k[1]).To(wide))
	}
	if delta {
		beta = n.perHead(n.x(5), k[1]).To(wide)
	}
	query, key, value = query.To(wide), key.To(wide), value.To(wide)

	// token is element i of axis 2.
	token := func(x mlx.Value, i ir.Size, shape ...ir.Size) mlx.Value {
		return x.At(mlx.Every, mlx.Every, mlx.Pick(i)).Reshape(shape...)
	}
	column := func(x mlx.Value, i ir.Size) mlx.Value { // [B, H, D, 1]
		s := x.Type().Shape
		return token(x, i, s[0], s[1], s[3], ir.N(1))
	}
	round := func(i ir.Size, state, out mlx.Value) (mlx.Value, mlx.Value) {
		if gated {
			state = state.Mul(column(decay, i))
		}
		kt, vt := column(key, i), token(value, i, v[0], v[1], ir.N(1), v[3])
		if delta {
			vt = vt.Sub(kt.T().MatMul(state)).Mul(column(beta, i))
		}
		state = state.Add(kt.Mul(vt))
		y := token(query, i, q[0], k[1], times, q[3]).MatMul(state).MulN(scale)
		return state, out.SetAt(y.Reshape(q[0], q[1], v[3]), mlx.Every, mlx.Every, mlx.Pick(i))
	}
	out := n.b.Zeros(wide, q[0], q[1], q[2], v[3])
	if q[2].Is(1) {
		state, out = round(ir.N(0), state, out)
	} else {
		carried := n.entry.Loop(n.fresh("t"), q[2], []mlx.Value{state, out}, func(i mlx.Dim, carry []mlx.Value) []mlx.Value {
			state, out := round(i, carry[0], carry[1])
			return []mlx.Value{state, out}
		})
		state, out = carried[0], carried[1]
	}
	n.set(0, joined(out.To(t)))
	n.set(1, state.To(stateType))
}

// perHead is [B, H, T, D] of [B, T, H*D], where H is as many heads, or 1 if it has one number
// for all.
func (n *node) perHead(x mlx.Value, heads ir.Size) mlx.Value {
	s := x.Type().Shape
	if len(s) != 3 {
		n.fail("%s is not [B, T, H*D]", x.Type())
	}
	if s[2].Is(1) {
		heads = ir.N(1)
	}
	each, ok := s[2].Exact(heads)
	if !ok {
		n.fail("%s does not divide into %s heads", x.Type(), heads)
	}
	return x.Reshape(s[0], s[1], heads, each).Transpose(0, 2, 1, 3)
}
