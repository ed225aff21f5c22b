package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// fuse decides which values are stored and which kernel stores them. What is not
// stored is computed by each kernel that reads it, so these two decisions are all
// that fusion is: a group of values is what lies between the stored ones.
func fuse(m *ir.Module) error {
	for _, f := range m.Bodies() {
		loops, rest := f.Straight()
		straight := *f
		straight.Body = rest
		if err := keepOld(&straight); err != nil {
			return err
		}
		newFusion(m, &straight).run()
		f.Body = append(loops, straight.Body...)
	}
	return nil
}

// A fusion decides for one body, from its end to its start: when a value's turn
// comes, the kernels that would compute it are known.
type fusion struct {
	module  *ir.Module
	fn      *ir.Func
	readers map[*ir.Value][]*ir.Instr
	result  map[*ir.Value]bool
	facts   map[*ir.Value]fact
	uses    map[*ir.Value][]use // where a value is computed
	group   map[*ir.Value]*group
	why     map[*ir.Value]string
	several map[*ir.Value][]use // that v is stored for, where they are of several groups
	groups  []*group
	partOf  map[*ir.Value]*ir.Value // the value in whose memory another is stored
	parts   map[*ir.Value]bool      // values that are stored in parts
	place   map[*ir.Value]int       // in the body
	stream  map[*ir.Value]*ir.Instr // the product that ends the stream that a value is in
	inPlace map[*ir.Value]bool      // updates that are stored in the memory of a state
	after   map[*group][]*group     // those that read a state before a group overwrites it
}

// A group is a kernel in the making.
type group struct {
	values []*ir.Value        // that it stores, in the order of the body
	reads  map[*ir.Value]bool // what it loads, as far as is decided
	device ir.Device
	heavy  *ir.Instr // the contraction, the window or the op with a kernel of its own in it
	folds  bool      // it has a reduction
	within *group    // the sibling that stores its values now; nil: none
}

// A use is how a group computes a value.
type use struct {
	group *group
	loops []loop
	under *ir.Instr // the heavy op that it is an operand of; nil: none
}

// A loop of a kernel computes what it needs anew: that of a reduction, or the last,
// whose fold is nil.
type loop struct {
	fold  *ir.Instr
	times float64 // each element, about
}

// once is how a group computes what it stores.
var once = []loop{{times: 1}}

// times is how often each element is computed.
func (x use) times() float64 {
	n := 0.0
	for _, l := range x.loops {
		n += l.times
	}
	return n
}

func newFusion(m *ir.Module, f *ir.Func) *fusion {
	u := &fusion{module: m, fn: f, readers: map[*ir.Value][]*ir.Instr{}, result: map[*ir.Value]bool{},
		facts: map[*ir.Value]fact{}, uses: map[*ir.Value][]use{}, group: map[*ir.Value]*group{},
		why: map[*ir.Value]string{}, several: map[*ir.Value][]use{}, partOf: map[*ir.Value]*ir.Value{}, parts: map[*ir.Value]bool{}, place: map[*ir.Value]int{}, stream: map[*ir.Value]*ir.Instr{}, inPlace: map[*ir.Value]bool{}, after: map[*group][]*group{}}
	for i, in := range f.Body {
		for n, a := range in.Args {
			if !slices.Contains(in.Args[:n], a) {
				u.readers[a] = append(u.readers[a], in)
			}
		}
		for _, v := range in.Results {
			u.place[v] = i
		}
	}
	for _, v := range f.Kept() {
		u.result[v] = true
	}
	for _, in := range f.Body {
		for _, v := range in.Results {
			u.facts[v] = u.factOf(in, v)
		}
	}
	u.updateInPlace()
	return u
}

func (u *fusion) run() {
	for _, in := range slices.Backward(u.fn.Body) {
		if in.Op.Kind == ir.KindKernel {
			u.storeText(in)
			continue
		}
		v := in.Result()
		uses := u.usesOf(v)
		if in.Op.Kind == ir.KindSource || len(uses) == 0 && !u.result[v] && u.partOf[v] == nil {
			continue
		}
		if u.inPlace[v] || u.storedInParts(v, uses) {
			u.parts[v] = true
			for _, a := range partsOfWhole(in) {
				u.partOf[a] = v
			}
			continue
		}
		why := u.whyStored(v, uses)
		if why == "" && u.keepsApart(v, uses) {
			why = otherAxis
		}
		if why != "" {
			u.store(v, uses, why)
			continue
		}
		u.uses[v] = uses
		for _, x := range uses {
			u.computeIn(v, x.group)
		}
	}
	u.joinSiblings()
	u.overwriteLast()
	for v, uses := range u.several {
		u.why[v] = u.readBy(uses)
	}
	for _, in := range u.fn.Body {
		in.Kernel, in.Parts, in.Why = 0, false, ""
	}
	for n, g := range u.inOrder() {
		for _, v := range g.values {
			v.Instr.Kernel, v.Instr.Why = n+1, u.why[v]
		}
	}
	for _, in := range u.fn.Body {
		if !u.parts[in.Result()] {
			continue
		}
		in.Parts, in.Why = true, inParts
		for _, a := range in.Args {
			in.Kernel = max(in.Kernel, a.Instr.Kernel)
		}
	}
}

// store makes v one of the stored values: of a kernel that computes it anyway, where
// one may, else of a kernel of its own.
func (u *fusion) store(v *ir.Value, uses []use, why string) {
	u.why[v] = why
	for _, g := range u.hosts(v, uses) {
		if why == borders || !u.mayStore(g, v, uses) { // which what reads it would test as well
			continue
		}
		g.values = append([]*ir.Value{v}, g.values...)
		u.group[v] = g
		u.uses[v] = []use{{group: g, loops: once}}
		if i := slices.IndexFunc(uses, func(x use) bool { return x.group == g }); i >= 0 {
			u.uses[v] = uses[i : i+1]
		}
		u.computeIn(v, g)
		return
	}
	g := &group{values: []*ir.Value{v}, reads: map[*ir.Value]bool{}, device: v.Instr.Device}
	u.groups = append(u.groups, g)
	u.group[v] = g
	u.uses[v] = []use{{group: g, loops: once}}
	u.computeIn(v, g)
}

// storeText makes a group of a kernel that is written by hand, which stores all its results
// and loads all its operands.
func (u *fusion) storeText(in *ir.Instr) {
	g := &group{values: slices.Clone(in.Results), reads: map[*ir.Value]bool{}, device: in.Device}
	u.groups = append(u.groups, g)
	for _, v := range in.Results {
		u.why[v] = ownKernel
		u.group[v] = g
		u.uses[v] = []use{{group: g, loops: once}}
		u.computeIn(v, g)
	}
}

// computeIn notes that g computes v from its operands.
func (u *fusion) computeIn(v *ir.Value, g *group) {
	delete(g.reads, v)
	for _, a := range v.Instr.Args {
		if !free(a) || u.result[a] { // what is stored all the same is read
			g.reads[a] = true
		}
	}
	switch kind := v.Instr.Op.Kind; {
	case isHeavy(kind):
		g.heavy = v.Instr
	case kind == ir.KindReduce:
		g.folds = true
	}
}

// isHeavy is the kinds of which a kernel has one at most.
func isHeavy(k ir.Kind) bool {
	return k == ir.KindContract || k == ir.KindWindow || k == ir.KindSearch || k == ir.KindComposite || k == ir.KindKernel
}

// free reports whether v is computed from no memory and at no cost.
func free(v *ir.Value) bool { return v.Instr != nil && v.Instr.Free() }

// inOrder is the groups such that each comes behind those whose values it reads, and
// else as the body has them.
func (u *fusion) inOrder() []*group {
	at := func(g *group) int { return u.place[largest(g.values)] }
	var order []*group
	seen := map[*group]bool{}
	var visit func(g *group)
	visit = func(g *group) {
		if seen[g] {
			return
		}
		seen[g] = true
		for _, before := range sortedBy(u.readsOf(g), at) {
			visit(before)
		}
		order = append(order, g)
	}
	for _, g := range sortedBy(u.groups, at) {
		visit(g)
	}
	return order
}

func sortedBy(groups []*group, at func(g *group) int) []*group {
	return slices.SortedFunc(slices.Values(groups), func(a, b *group) int { return at(a) - at(b) })
}

// readsOf is the groups whose values g loads, and those that must be done before it.
func (u *fusion) readsOf(g *group) []*group {
	var from []*group
	var add func(v *ir.Value)
	add = func(v *ir.Value) {
		if h := u.group[v]; h != nil && h != g && !slices.Contains(from, h) {
			from = append(from, h)
		}
		if u.parts[v] {
			for _, a := range v.Instr.Args {
				add(a)
			}
		}
	}
	for v := range g.reads {
		add(v)
	}
	for _, h := range u.after[g] {
		if !slices.Contains(from, h) {
			from = append(from, h)
		}
	}
	return from
}

// reaches reports whether g needs, through any chain, what from stores.
func (u *fusion) reaches(from, g *group) bool {
	seen := map[*group]bool{}
	var visit func(g *group) bool
	visit = func(g *group) bool {
		if g == from {
			return true
		}
		if seen[g] {
			return false
		}
		seen[g] = true
		return slices.ContainsFunc(u.readsOf(g), visit)
	}
	return visit(g)
}

// sorted puts values into the order of the body.
func (u *fusion) sorted(values []*ir.Value) []*ir.Value {
	slices.SortFunc(values, func(a, b *ir.Value) int { return u.place[a] - u.place[b] })
	return values
}

// kernelWith is the kernel of a group if it stored more, and if some values that are
// not decided yet were computed in it, and others in memory. Of the rest views are
// computed and all else is in memory.
func (u *fusion) kernelWith(g *group, more, computed, loaded []*ir.Value) (*ir.Kernel, error) {
	k, _, err := groupKernel(u.module, u.sorted(slices.Concat(more, g.values)), func(v *ir.Value) bool {
		switch {
		case slices.Contains(computed, v):
			return false
		case u.group[v] != nil || u.parts[v] || slices.Contains(loaded, v):
			return true
		case u.uses[v] != nil, v.Instr.Op.Kind == ir.KindView, v.Instr.Op.Kind == ir.KindSource:
			return false
		}
		return !free(v)
	}, nil)
	return k, err
}
