package ir

import "slices"

// A Stmt is one statement of a kernel written as loops: what printers print.
type Stmt struct {
	Kind   StmtKind
	Scalar *Scalar // let, start, fold
	Axis   *Axis   // loop
	Body   []Stmt  // loop
	Store  Store   // store
}

// A StmtKind tells what a statement does.
type StmtKind uint8

const (
	StmtLet   StmtKind = iota // a variable for Scalar
	StmtStart                 // the accumulator of the reduction Scalar
	StmtFold                  // one more element for it
	StmtLoop                  // Body for all values of Axis
	StmtStore                 // Store
)

// Nest writes the kernel as loops, given that the bound axes have values. The axes
// in open are looped over from the outside in, around all that depends on them.
// Each scalar stands in the outermost loop that has all it varies with;
// reductions of one stage over the same axes share a loop.
func (k *Kernel) Nest(bound []*Axis, open ...*Axis) []Stmt {
	n := &nest{kernel: k, inline: k.Inline(), bound: slices.Clone(bound), done: map[*Scalar]bool{}}
	var roots []*Scalar
	for _, s := range k.Stores {
		roots = append(roots, s.Value)
	}
	return n.loops(open, roots, n.stores)
}

// Lets declares what the roots need, given that the bound axes have values and that
// the known scalars have variables.
func (k *Kernel) Lets(bound []*Axis, known, roots []*Scalar) []Stmt {
	n := &nest{kernel: k, inline: k.Inline(), bound: slices.Clone(bound), done: map[*Scalar]bool{}}
	for _, v := range known {
		n.done[v] = true
	}
	return n.declare(roots)
}

// Inline is the scalars that need no variable: constants, and what is used once,
// where it is computed, in an expression that stays readable.
func (k *Kernel) Inline() map[*Scalar]bool {
	uses := map[*Scalar]int{}
	for _, v := range k.Values {
		for _, a := range v.Args {
			uses[a]++
			sameLoop := slices.EqualFunc(v.Free, a.Free, func(x, y *Axis) bool { return x.Name == y.Name })
			if v.Kind != ScalarReduce && !sameLoop || v.Kind == ScalarApply && (v.Fn == IsNaN || v.Fn == Select) {
				uses[a]++ // computed in an outer loop, or mentioned twice
			}
		}
	}
	for _, s := range k.Stores {
		uses[s.Value]++
		s.Index.Walk(func(a *Atom) {
			if a.Kind == AtomAxis && !s.Value.Varies(a.Axis) {
				uses[s.Value]++ // stored many times, computed once
			}
		})
	}
	const maxDepth = 4 // of an expression
	depth := map[*Scalar]int{}
	in := map[*Scalar]bool{}
	for _, v := range k.Values {
		for _, a := range v.Args {
			if in[a] {
				depth[v] = max(depth[v], depth[a]+1)
			}
		}
		switch {
		case v.Kind == ScalarConst:
			in[v] = true
		case v.Kind == ScalarReduce, v.Kind == ScalarApply && v.Fn == Select, len(v.Guard) > 0 && v.Kind == ScalarLoad:
		default:
			in[v] = uses[v] < 2 && depth[v] < maxDepth
		}
	}
	return in
}

type nest struct {
	kernel *Kernel
	inline map[*Scalar]bool
	bound  []*Axis          // in scope
	done   map[*Scalar]bool // variables in scope
}

func (n *nest) isBound(a *Axis) bool { return hasAxis(n.bound, a) }

func (n *nest) here(v *Scalar) bool {
	return !slices.ContainsFunc(v.Free, func(a *Axis) bool { return !n.isBound(a) })
}

// stores are the last thing at a point, in loops over the shared axes that they vary
// with.
func (n *nest) stores() []Stmt {
	var code []Stmt
	for _, s := range n.kernel.Stores {
		code = append(code, n.loops(n.kernel.Loops(s), []*Scalar{s.Value}, func() []Stmt { return []Stmt{{Kind: StmtStore, Store: s}} })...)
	}
	return code
}

// loops opens a loop for each axis, declares at each level what the roots need of
// it, and puts body innermost.
func (n *nest) loops(axes []*Axis, roots []*Scalar, body func() []Stmt) []Stmt {
	code := n.declare(roots)
	if len(axes) == 0 {
		return append(code, body()...)
	}
	outer, depth := n.done, len(n.bound)
	n.done = make(map[*Scalar]bool, len(outer))
	for v := range outer {
		n.done[v] = true
	}
	n.bound = append(n.bound, axes[0])
	loop := Stmt{Kind: StmtLoop, Axis: axes[0], Body: n.loops(axes[1:], roots, body)}
	n.done, n.bound = outer, n.bound[:depth]
	return append(code, loop)
}

// declare makes the variables that the roots need and that can be computed here.
func (n *nest) declare(roots []*Scalar) []Stmt {
	var code []Stmt
	need := closure(roots, n.done)
	for _, v := range n.kernel.Values {
		switch {
		case !need[v] || n.done[v] || n.inline[v] || !n.here(v):
		case v.Kind == ScalarReduce:
			code = append(code, n.reduce(v, need)...)
		default:
			code = append(code, Stmt{Kind: StmtLet, Scalar: v})
			n.done[v] = true
		}
	}
	return code
}

// closure is the roots and what they are computed from, up to what is done.
func closure(roots []*Scalar, done map[*Scalar]bool) map[*Scalar]bool {
	need := map[*Scalar]bool{}
	var visit func(v *Scalar)
	visit = func(v *Scalar) {
		if need[v] || done[v] {
			return
		}
		need[v] = true
		for _, a := range v.Args {
			visit(a)
		}
	}
	for _, r := range roots {
		visit(r)
	}
	return need
}

// reduce is v together with the other reductions of its stage over the same axes,
// in one nest of loops.
func (n *nest) reduce(v *Scalar, need map[*Scalar]bool) []Stmt {
	var group, operands []*Scalar
	for _, w := range n.kernel.Values {
		same := w.Kind == ScalarReduce && w.Stage == v.Stage && slices.EqualFunc(w.Over, v.Over, func(a, b *Axis) bool { return a.Name == b.Name })
		if same && need[w] && !n.done[w] && n.here(w) {
			group = append(group, w)
			operands = append(operands, w.Args[0])
		}
	}
	code := n.declare(operands) // what the loops share stands before the accumulators
	for _, w := range group {
		code = append(code, Stmt{Kind: StmtStart, Scalar: w})
	}
	code = append(code, n.loops(v.Over, operands, func() []Stmt {
		var fold []Stmt
		for _, w := range group {
			fold = append(fold, Stmt{Kind: StmtFold, Scalar: w})
		}
		return fold
	})...)
	for _, w := range group {
		n.done[w] = true
	}
	return code
}
