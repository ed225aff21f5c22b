package onnx

import (
	"strings"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// recurrent are the operators that carry states along a sequence.
var recurrent = map[string]handler{
	"RNN":  cell{1, 1, []string{"tanh"}, rnnStep}.recur,
	"GRU":  cell{3, 1, []string{"sigmoid", "tanh"}, gruStep}.recur,
	"LSTM": cell{4, 2, []string{"sigmoid", "tanh", "tanh"}, lstmStep}.recur,
}

// A cell is what such an operator computes in each step.
type cell struct {
	gates, states int // of the weights, and those that it carries, the hidden state first
	activations   []string
	step          func(d *direction, x mlx.Value, states []mlx.Value) []mlx.Value
}

// A direction is one pass over the sequence.
type direction struct {
	*node
	x        mlx.Value // what the gates have of the input [T, B, gates*H], with biases
	r        mlx.Value // what they take from the hidden state [H, gates*H]
	bias     mlx.Value // of GRU's linear_before_reset, that is added to h*r; else absent
	peephole mlx.Value // LSTM's [3*H], or absent
	f        []func(x mlx.Value) mlx.Value
	live     mlx.Value // bool[T, B, 1], whether sequences are that long; absent if they all are
	reverse  bool
}

// recur is the handler of a recurrent operator. States are f32 if the input is f16 or bf16.
func (c cell) recur(n *node) {
	x, w, r := n.x(0), n.x(1), n.x(2)
	for i, v := range []mlx.Value{x, w, r} {
		if v.Type().Rank() != 3 {
			n.fail("input %d has 3 axes, got %s", i, v.Type())
		}
	}
	batchFirst := n.attrInt("layout", 0) != 0
	if batchFirst {
		x = x.Transpose(1, 0, 2)
	}
	t, shape := x.Type().DType, x.Type().Shape
	hidden := r.Type().Shape[2]
	reverse := n.directions()
	activations := n.activations(c.activations, len(reverse))
	live := n.live(shape[0], shape[1])
	outs := make([][]mlx.Value, 1+c.states) // by direction
	for i, rev := range reverse {
		of := func(v mlx.Value) mlx.Value { return v.At(mlx.Pick(mlx.N(i))) }
		d := &direction{node: n, r: of(r).T(), live: live, reverse: rev, f: activations[i*len(c.activations) : (i+1)*len(c.activations)]}
		d.x = x.MatMul(of(w).T())
		if n.has(3) {
			b := mlx.Split(of(n.x(3)), 2, 0)
			d.x = d.x.Add(b[0])
			if n.attrInt("linear_before_reset", 0) != 0 {
				d.bias = b[1].To(t.Compute())
			} else {
				d.x = d.x.Add(b[1])
			}
		}
		if n.has(7) {
			d.peephole = of(n.x(7)).To(t.Compute())
		}
		states := make([]mlx.Value, c.states)
		for k := range states {
			if states[k] = n.b.Zeros(t.Compute(), shape[1], hidden); n.has(5 + k) {
				states[k] = n.x(5 + k).To(t.Compute())
				if batchFirst {
					states[k] = states[k].Transpose(1, 0, 2)
				}
				states[k] = of(states[k])
			}
		}
		for k, v := range d.run(c, states, shape[0]) {
			if v.Ok() {
				v = v.To(t)
			}
			outs[k] = append(outs[k], v)
		}
	}
	for k := range outs {
		if !n.wants(k) {
			continue
		}
		switch {
		case k == 0 && batchFirst: // [B, T, directions, H]
			n.set(0, mlx.Stack(1, outs[0]...).Transpose(2, 0, 1, 3))
		case k == 0 || batchFirst:
			n.set(k, mlx.Stack(1, outs[k]...))
		default:
			n.set(k, mlx.Stack(0, outs[k]...))
		}
	}
}

// run gives the hidden states of all steps [T, B, H], absent if no output has them, and the
// last states.
func (d *direction) run(c cell, states []mlx.Value, steps ir.Size) []mlx.Value {
	carry := states
	if d.wants(0) {
		all := append([]ir.Size{steps}, states[0].Type().Shape...)
		carry = append(carry, d.b.Zeros(d.x.Type().DType, all...))
	}
	carry = d.rounds(steps, carry, func(i ir.Size, now []mlx.Value) []mlx.Value {
		if d.reverse {
			i = steps.Sub(ir.N(1)).Sub(i)
		}
		at := mlx.Pick(i)
		old := now[:c.states]
		next := c.step(d, d.x.At(at), old)
		h := next[0]
		if d.live.Ok() {
			live := d.live.At(at)
			for k := range next {
				next[k] = mlx.Where(live, next[k], old[k])
			}
			h = mlx.Where(live, h, number(h, 0))
		}
		if d.wants(0) {
			ys := now[c.states]
			next = append(next, ys.SetAt(h.To(ys.Type().DType), at))
		}
		return next
	})
	all := mlx.Value{}
	if d.wants(0) {
		all = carry[c.states]
	}
	return append([]mlx.Value{all}, carry[:c.states]...)
}

// rounds is a loop, unless there is one round.
func (n *node) rounds(count ir.Size, carry []mlx.Value, body func(i ir.Size, now []mlx.Value) []mlx.Value) []mlx.Value {
	if count.Is(1) {
		return body(ir.N(0), carry)
	}
	return n.entry.Loop("step", count, carry, body)
}

// gated is what the gates from one up to another have of x and take from the hidden state.
func (d *direction) gated(x, h mlx.Value, from, to int) mlx.Value {
	return gatesOf(x, h, from, to).To(h.Type().DType).Add(d.taken(h, from, to))
}

// taken is what they take from the hidden state.
func (d *direction) taken(h mlx.Value, from, to int) mlx.Value {
	y := h.To(d.r.Type().DType).MatMul(gatesOf(d.r, h, from, to)).To(h.Type().DType)
	if d.bias.Ok() {
		y = y.Add(gatesOf(d.bias, h, from, to))
	}
	return y
}

// gatesOf is the part of the last axis of x that belongs to gates, each of the size of h.
func gatesOf(x, h mlx.Value, from, to int) mlx.Value {
	size := h.Type().Shape[1]
	return x.At(mlx.Rest, mlx.Range(size.Mul(mlx.N(from)), size.Mul(mlx.N(to))))
}

// gate applies activation k to what a gate has, which is clipped if the node says so.
func (d *direction) gate(k int, x mlx.Value) mlx.Value {
	if d.given("clip") {
		limit := d.attrFloat("clip", 0)
		x = mlx.ClipN(x, -limit, limit)
	}
	return d.f[k](x)
}

func rnnStep(d *direction, x mlx.Value, states []mlx.Value) []mlx.Value {
	return []mlx.Value{d.gate(0, d.gated(x, states[0], 0, 1))}
}

// gruStep has the gates update, reset and hidden.
func gruStep(d *direction, x mlx.Value, states []mlx.Value) []mlx.Value {
	h := states[0]
	zr := mlx.Split(d.gate(0, d.gated(x, h, 0, 2)), 2, 1)
	z, r := zr[0], zr[1]
	var to mlx.Value
	if d.attrInt("linear_before_reset", 0) != 0 {
		to = d.gate(1, gatesOf(x, h, 2, 3).To(h.Type().DType).Add(r.Mul(d.taken(h, 2, 3))))
	} else {
		to = d.gate(1, d.gated(x, r.Mul(h), 2, 3))
	}
	return []mlx.Value{number(z, 1).Sub(z).Mul(to).Add(z.Mul(h))}
}

// lstmStep has the gates input, output, forget and cell.
func lstmStep(d *direction, x mlx.Value, states []mlx.Value) []mlx.Value {
	h, c := states[0], states[1]
	gates := mlx.Split(d.gated(x, h, 0, 4), 4, 1)
	peeped := func(gate, k int, c mlx.Value) mlx.Value {
		if !d.peephole.Ok() {
			return gates[gate]
		}
		return gates[gate].Add(mlx.Split(d.peephole, 3, 0)[k].Mul(c))
	}
	in := d.gate(0, peeped(0, 0, c))
	keep := number(in, 1).Sub(in)
	if d.attrInt("input_forget", 0) == 0 {
		keep = d.gate(0, peeped(2, 2, c))
	}
	c = keep.Mul(c).Add(in.Mul(d.gate(1, gates[3])))
	out := d.gate(0, peeped(1, 1, c))
	// The cell is not clipped here, as in ONNX Runtime.
	return []mlx.Value{out.Mul(d.f[2](c)), c}
}

// directions are the passes over the sequence, and whether they begin at its end.
func (n *node) directions() []bool {
	switch d := n.attrString("direction", "forward"); d {
	case "forward":
		return []bool{false}
	case "reverse":
		return []bool{true}
	case "bidirectional":
		return []bool{false, true}
	default:
		n.fail("there is no direction %q", d)
	}
	return nil
}

// live is whether step t of sequence b is before its end; absent if all have all steps.
func (n *node) live(steps, batch ir.Size) mlx.Value {
	if !n.has(4) {
		return mlx.Value{}
	}
	t := n.b.Arange(n.typ(4).DType, steps)
	return t.Reshape(steps, ir.N(1), ir.N(1)).Lt(n.x(4).Reshape(ir.N(1), batch, ir.N(1)))
}

// An activation is a function of cells with up to two numbers, and what they are if the
// node does not say.
type activation struct {
	f           func(x mlx.Value, alpha, beta float64) mlx.Value
	numbers     int
	alpha, beta float64
}

var activations = map[string]activation{
	"relu":            {f: func(x mlx.Value, _, _ float64) mlx.Value { return mlx.ReLU(x) }},
	"tanh":            {f: func(x mlx.Value, _, _ float64) mlx.Value { return mlx.Tanh(x) }},
	"sigmoid":         {f: func(x mlx.Value, _, _ float64) mlx.Value { return mlx.Sigmoid(x) }},
	"softsign":        {f: func(x mlx.Value, _, _ float64) mlx.Value { return x.Div(mlx.Abs(x).AddN(1)) }},
	"softplus":        {f: func(x mlx.Value, _, _ float64) mlx.Value { return mlx.Softplus(x) }},
	"affine":          {func(x mlx.Value, alpha, beta float64) mlx.Value { return x.MulN(alpha).AddN(beta) }, 2, 1, 0},
	"leakyrelu":       {func(x mlx.Value, alpha, _ float64) mlx.Value { return mlx.LeakyReLUN(x, alpha) }, 1, float64(float32(0.01)), 0},
	"thresholdedrelu": {func(x mlx.Value, alpha, _ float64) mlx.Value { return mlx.Where(x.GeN(alpha), x, number(x, 0)) }, 1, 1, 0},
	"scaledtanh":      {func(x mlx.Value, alpha, beta float64) mlx.Value { return mlx.Tanh(x.MulN(beta)).MulN(alpha) }, 2, 1, 1},
	"hardsigmoid":     {func(x mlx.Value, alpha, beta float64) mlx.Value { return mlx.ClipN(x.MulN(alpha).AddN(beta), 0, 1) }, 2, float64(float32(0.2)), 0.5},
	"elu": {func(x mlx.Value, alpha, _ float64) mlx.Value {
		return mlx.Where(x.GeN(0), x, mlx.Expm1(x).MulN(alpha))
	}, 1, 1, 0},
}

// activations are those of all directions. Each takes the next numbers of the attributes if
// it has numbers.
func (n *node) activations(otherwise []string, directions int) (fs []func(x mlx.Value) mlx.Value) {
	names := n.attrStrings("activations")
	if len(names) == 0 {
		for range directions {
			names = append(names, otherwise...)
		}
	}
	if len(names) != directions*len(otherwise) {
		n.fail("%d activations, want %d", len(names), directions*len(otherwise))
	}
	alphas, betas := n.attrFloats("activation_alpha"), n.attrFloats("activation_beta")
	for _, name := range names {
		a, ok := activations[strings.ToLower(name)]
		if !ok {
			n.fail("there is no activation %q", name)
		}
		if a.numbers > 0 && len(alphas) > 0 {
			a.alpha, alphas = alphas[0], alphas[1:]
		}
		if a.numbers > 1 && len(betas) > 0 {
			a.beta, betas = betas[0], betas[1:]
		}
		fs = append(fs, func(x mlx.Value) mlx.Value { return a.f(x, a.alpha, a.beta) })
	}
	return fs
}
