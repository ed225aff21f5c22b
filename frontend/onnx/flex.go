package onnx

import "github.com/mlxc/mlxc/frontend/mlx"

// preview are the operators of a domain that is not settled yet.
var preview = map[string]handler{"FlexAttention": one(flexAttention)}

// flexAttention has graphs that change the scores, and the weights that come of them.
func flexAttention(n *node) mlx.Value {
	q, k, v := n.x(0), n.x(1), n.x(2)
	t := q.Type().DType
	scale := n.attrFloat("scale", mlx.HeadScale(q.Type()))
	if n.attribute("score_mod").GetG() == nil && n.attribute("prob_mod").GetG() == nil && !n.given("softmax_precision") {
		return mlx.Attention(q, k, v, mlx.AttentionOptions{Scale: scale})
	}
	wide := widened(t)
	if n.given("softmax_precision") {
		wide = dtypeOf(int32(n.attrInt("softmax_precision", 0)), nodeName(n.pb)+": the softmax")
	}
	k, v = n.shared(k, q), n.shared(v, q)
	s := n.modified("score_mod", scaled(q.To(wide).MatMul(k.To(wide).T()), scale))
	p := n.modified("prob_mod", mlx.Softmax(s, 3))
	return p.MatMul(v.To(wide)).To(t)
}

// modified is what a graph of the node makes of x, if there is one.
func (n *node) modified(graph string, x mlx.Value) mlx.Value {
	g := n.attribute(graph).GetG()
	if g == nil {
		return x
	}
	out := n.subgraph(g, []*value{{name: graph, t: x}})
	if len(out) != 1 {
		n.fail("%s gives %d values, want one", graph, len(out))
	}
	return n.tensor(out[0])
}
