package onnx

import (
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// grams are the operators on n-grams.
var grams = map[string]handler{"TfIdfVectorizer": one(tfIdf)}

// A gramSize are the n-grams of one length in a pool.
type gramSize struct {
	length int
	grams  []int64 // behind one another
	at     []int   // in the output
}

// gramSizes are those of the lengths that are counted.
func (n *node) gramSizes() (sizes []gramSize) {
	pool, starts, at := n.attribute("pool_int64s").GetInts(), n.attrInts("ngram_counts"), n.attrInts("ngram_indexes")
	if len(pool) == 0 {
		n.unsupported("its n-grams are no integers")
	}
	for i, from := range starts {
		to := len(pool)
		if i+1 < len(starts) {
			to = starts[i+1]
		}
		length := i + 1
		if from < 0 || to < from || to > len(pool) || (to-from)%length != 0 || (to-from)/length > len(at) {
			n.fail("%d-grams from %d to %d, with %d indexes, in a pool of %d", length, from, to, len(at), len(pool))
		}
		g := gramSize{length, pool[from:to], at[:(to-from)/length]}
		at = at[len(g.at):]
		if len(g.at) > 0 && length >= n.attrInt("min_gram_length", 1) && length <= n.attrInt("max_gram_length", 1) {
			sizes = append(sizes, g)
		}
	}
	return sizes
}

// tfIdf counts the n-grams of a pool in rows of integers, in which the elements of one may be
// up to max_skip_count apart.
func tfIdf(n *node) mlx.Value {
	x := n.x(0).To(ir.I64)
	shape := x.Type().Shape
	if len(shape) == 0 {
		x, shape = x.Reshape(ir.N(1)), []ir.Size{ir.N(1)}
	}
	rank := len(shape)
	length, ok := shape[rank-1].Int()
	if !ok {
		n.fail("the size %s is not known when the model is compiled", shape[rank-1])
	}
	indexes := n.attrInts("ngram_indexes")
	if len(indexes) == 0 || slices.Min(indexes) < 0 || slices.Max(indexes) > longest {
		n.fail("indexes %v", indexes)
	}
	y := n.b.Zeros(ir.F32, append(slices.Clone(shape[:rank-1]), mlx.N(slices.Max(indexes)+1))...)
	for _, g := range n.gramSizes() {
		skips := n.attrInt("max_skip_count", 0)
		if g.length == 1 {
			skips = 0
		}
		for apart := 1; apart-1 <= skips; apart++ {
			places := int(length) - (g.length-1)*apart
			if places <= 0 {
				break
			}
			y = n.counts(x, g, apart, places, y)
		}
	}
	switch mode := n.attrString("mode", ""); mode {
	case "TF":
		return y
	case "IDF":
		y = mlx.MinimumN(y, 1)
	case "TFIDF":
	default:
		n.fail("there is no mode %q", mode)
	}
	weights := n.attrFloats("weights")
	if len(weights) == 0 {
		return y
	}
	if len(weights) != len(indexes) {
		n.fail("%d weights of %d n-grams", len(weights), len(indexes))
	}
	placed := make([]float64, slices.Max(indexes)+1)
	for i, at := range indexes {
		placed[at] = weights[i]
	}
	return y.Mul(n.tensor(n.numbers("", placed, len(placed))))
}

// counts adds to y how often the n-grams stand in x with elements so far apart.
func (n *node) counts(x mlx.Value, g gramSize, apart, places int, y mlx.Value) mlx.Value {
	var all mlx.Value
	for k := range g.length {
		column := make([]int64, len(g.at))
		for i := range column {
			column[i] = g.grams[i*g.length+k]
		}
		part := x.At(mlx.Rest, mlx.Range(mlx.N(k*apart), mlx.N(k*apart+places)), mlx.NewAxis)
		same := part.Eq(n.tensor(constantValue(n.pb.Output[0], integers(column, len(column)))))
		if all.Ok() {
			same = all.And(same)
		}
		all = same
	}
	counts := mlx.Sum(all.To(ir.F32), -2)
	index := ir.NewTensor(ir.I64, len(g.at))
	for i, at := range g.at {
		index.I[i] = int64(at)
	}
	at := n.tensor(constantValue(n.pb.Output[0], constantOf(index))).Broadcast(counts.Type().Shape...)
	return mlx.ScatterAdd(y, at, counts, -1)
}
