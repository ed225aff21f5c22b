package onnx

import (
	"math"
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/frontend/onnx/pb"
	"github.com/mlxc/mlxc/ir"
)

// control are the operators with graphs of their own, and those on what may be missing.
var control = map[string]handler{
	"If":                 branch,
	"Loop":               loop,
	"Scan":               scanAlong,
	"Optional":           func(n *node) { n.setValue(0, n.arg(0)) },
	"OptionalGetElement": func(n *node) { n.setValue(0, n.arg(0)) },
	"OptionalHasElement": func(n *node) { n.setValue(0, truth(n.has(0))) },
}

// subgraph computes a graph of the node on values for its inputs.
func (n *node) subgraph(g *pb.Graph, inputs []*value) []*value {
	if len(inputs) != len(g.Input) {
		n.fail("graph %s takes %d values, and the node has %d for it", g.Name, len(g.Input), len(inputs))
	}
	s := n.inner()
	s.initialisers(g)
	for i, in := range g.Input {
		s.values[in.Name] = inputs[i]
	}
	s.run(g.Node)
	out := make([]*value, len(g.Output))
	for i, o := range g.Output {
		if out[i] = s.lookup(o.Name); out[i] == nil {
			n.fail("no node computes the output %s of graph %s", o.Name, g.Name)
		}
	}
	return out
}

// branch takes one of two graphs if the condition is known, and else selects from the
// results of both.
func branch(n *node) {
	cond := n.arg(0)
	graphs := []*pb.Graph{n.graph("else_branch"), n.graph("then_branch")}
	if cond.data != nil {
		taken := 0
		if isTrue(cond) {
			taken = 1
		}
		for i, v := range n.subgraph(graphs[taken], nil) {
			n.setValue(i, v)
		}
		return
	}
	c := n.x(0).Reshape()
	no, yes := n.subgraph(graphs[0], nil), n.subgraph(graphs[1], nil)
	for i := range n.out {
		if i >= len(no) || i >= len(yes) {
			n.fail("its graphs give %d and %d values", len(yes), len(no))
		}
		if t, u := yes[i].typ(), no[i].typ(); !t.Equal(u) {
			n.unknown(cond, "which graph is taken, as they give "+t.String()+" and "+u.String()+",")
		}
		n.setValue(i, &value{t: mlx.Where(c, n.tensor(yes[i]), n.tensor(no[i])), inputs: sources(yes[i], no[i])})
	}
}

// truth is a bool that is known.
func truth(b bool) *value {
	c := &Constant{DType: ir.Bool, Bytes: []byte{0}}
	if b {
		c.Bytes[0] = 1
	}
	return constantValue("truth", c)
}

// isTrue is a condition that is known.
func isTrue(v *value) bool { return v.data.Len() > 0 && v.data.Tensor().Number(0) != 0 }

// sources are the inputs of the graph that values depend on, each once.
func sources(vs ...*value) (inputs []string) {
	for _, v := range vs {
		if v == nil {
			continue
		}
		for _, in := range v.inputs {
			if !slices.Contains(inputs, in) {
				inputs = append(inputs, in)
			}
		}
	}
	return inputs
}

// loop has a count or a condition, or both, and carries values; what its graph gives beyond
// them is gathered.
func loop(n *node) {
	body := n.graph("body")
	r := &recurrence{node: n, carried: n.in[min(2, len(n.in)):]}
	if n.has(0) {
		counts := n.sizes(0, "the number of rounds")
		if len(counts) != 1 {
			n.fail("%d numbers of rounds", len(counts))
		}
		r.count = counts[0]
		c, fixed := r.count.Int()
		r.bounded = !fixed || c < math.MaxInt32 // exporters write the largest integer for no bound
		if fixed {
			r.count = ir.N(max(0, c))
		}
	}
	if n.has(1) {
		r.going = n.in[1]
	}
	r.round = func(i *value, carried []*value) round {
		out := n.subgraph(body, append([]*value{i, truth(true)}, carried...))
		if len(out) < 1+len(carried) {
			n.fail("graph %s gives %d values, and %d are carried", body.Name, len(out), len(carried))
		}
		return round{out[0], out[1 : 1+len(carried)], out[1+len(carried):]}
	}
	carried, gathered := r.build()
	for i, v := range append(carried, gathered...) {
		n.setValue(i, v)
	}
}

// scanAlong goes along axes of some inputs, of which its graph gets an element a round, and
// carries the others. Before opset 9 all have a batch in front.
func scanAlong(n *node) {
	if n.version < 9 {
		n.scanBatch()
		return
	}
	for i, v := range n.scan(n.in, n.attrInts("scan_input_directions"), n.attrInts("scan_input_axes"), nil) {
		n.setValue(i, v)
	}
}

// scan gives what is carried and then what is gathered. steps are how many elements there
// are; nil: the size of the axes.
func (n *node) scan(in []*value, directions, axes []int, steps *int) []*value {
	body, along := n.graph("body"), n.attrInt("num_scan_inputs", 0)
	if along < 1 || along > len(in) {
		n.fail("%d inputs that it goes along, of %d", along, len(in))
	}
	carried, xs := in[:len(in)-along], in[len(in)-along:]
	nth := func(list []int, i int) int {
		if i < len(list) {
			return list[i]
		}
		return 0
	}
	r := &recurrence{node: n, bounded: true, carried: carried}
	for i := range xs {
		if xs[i] == nil {
			n.fail("an input is missing")
		}
	}
	shape := xs[0].typ().Shape
	r.count = shape[n.axis(nth(axes, 0), len(shape))]
	if steps != nil {
		r.count = ir.N(int64(*steps))
	}
	for i := range max(0, len(body.Output)-len(carried)) {
		r.backwards = append(r.backwards, nth(n.attrInts("scan_output_directions"), i) != 0)
	}
	r.round = func(i *value, carried []*value) round {
		inputs := slices.Clone(carried)
		for k, x := range xs {
			at := i.asSizes().of[0]
			if nth(directions, k) != 0 {
				at = r.count.Sub(ir.N(1)).Sub(at)
			}
			t := n.tensor(x)
			spans := make([]mlx.Span, n.axis(nth(axes, k), t.Type().Rank())+1)
			spans[len(spans)-1] = mlx.Pick(at)
			inputs = append(inputs, &value{t: t.At(spans...), inputs: x.inputs})
		}
		out := n.subgraph(body, inputs)
		if len(out) < len(carried) {
			n.fail("graph %s gives %d values, and %d are carried", body.Name, len(out), len(carried))
		}
		return round{nil, out[:len(carried)], out[len(carried):]}
	}
	last, gathered := r.build()
	for i, v := range gathered {
		rank := v.typ().Rank()
		if a := n.axis(nth(n.attrInts("scan_output_axes"), i), rank); a > 0 {
			perm := []int{}
			for k := 1; k < rank; k++ {
				perm = append(perm, k)
			}
			gathered[i] = &value{t: n.tensor(v).Transpose(slices.Insert(perm, a, 0)...), inputs: v.inputs}
		}
	}
	return append(last, gathered...)
}

// scanBatch scans each of a batch by itself, as far as its length goes. What is gathered is
// 0 beyond.
func (n *node) scanBatch() {
	if len(n.in) < 2 {
		n.fail("it has no inputs")
	}
	in := n.in[1:]
	shape := n.arg(len(n.in) - 1).typ().Shape
	if len(shape) < 2 {
		n.fail("its inputs want a batch and a sequence, got %s", n.typ(len(n.in)-1))
	}
	batch, fixed := shape[0].Int()
	if !fixed || batch > maxUnrolled {
		n.fail("a batch of %s; before opset 9 it has to be a number up to %d", shape[0], maxUnrolled)
	}
	states := len(in) - n.attrInt("num_scan_inputs", 0)
	var lens []int
	if n.has(0) {
		if lens = n.ints(0, "the lengths of the sequences"); len(lens) != int(batch) {
			n.fail("%d lengths of %d sequences", len(lens), batch)
		}
	}
	outs := make([][]mlx.Value, len(n.out))
	for b := range int(batch) {
		var steps *int
		if lens != nil {
			steps = &lens[b]
		}
		of := make([]*value, len(in))
		for i := range in {
			of[i] = &value{t: n.x(i + 1).At(mlx.Pick(mlx.N(b))), inputs: sources(in[i])}
		}
		for i, v := range n.scan(of, n.attrInts("directions"), nil, steps) {
			x := n.tensor(v)
			if steps != nil && i >= states {
				total, ok := shape[1].Int()
				if !ok {
					n.fail("sequences of different lengths in %s", shape[1])
				}
				hi := make([]int, x.Type().Rank())
				hi[0] = int(total) - *steps
				x = x.Pad(make([]int, len(hi)), hi, 0)
			}
			if i < len(outs) {
				outs[i] = append(outs[i], x)
			}
		}
	}
	for i, xs := range outs {
		n.set(i, mlx.Stack(0, xs...))
	}
}
