package onnx

import (
	"slices"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// A recurrence computes rounds of a graph, which carries values along and gathers others.
// It becomes a loop of the program if what it carries has the same types in every round,
// and sizes and axes do not depend on it; else a few rounds are built one by one.
type recurrence struct {
	*node
	count     ir.Size  // of rounds, at most
	bounded   bool     // there is a count
	going     *value   // whether there is a first round; nil: there is
	carried   []*value // before the first round
	round     func(i *value, carried []*value) round
	backwards []bool // of what is gathered, that the last round is first
}

// A round is what one gives.
type round struct {
	going             *value // whether there is another; nil: there is
	carried, gathered []*value
}

const (
	maxUnrolled = 128     // rounds of a loop that are built one by one
	maxBuilt    = 1 << 10 // and of all loops
	maxLoops    = 8       // that are nested, since each is built twice
)

// build gives what has become of the carried values, and what was gathered.
func (r *recurrence) build() (carried, gathered []*value) {
	if r.nested++; r.nested > maxLoops {
		r.fail("more than %d loops in one another", maxLoops)
	}
	defer func() { r.nested-- }()
	for i, v := range r.carried {
		if v == nil {
			r.fail("carried value %d is missing", i)
		}
	}
	first, err := r.survey()
	count, fixed := r.count.Int()
	always := known(r.going, true) && known(first.going, true)
	switch {
	case err == nil && (known(r.going, false) || r.bounded && r.count.Is(0)):
		for _, v := range first.gathered {
			t := v.typ()
			gathered = append(gathered, &value{t: r.b.Zeros(t.DType, append([]ir.Size{ir.N(0)}, t.Shape...)...)})
		}
		return r.carried, gathered
	case err == nil && r.bounded && always:
		return r.rolled(first.gathered)
	case err == nil && r.bounded && len(first.gathered) == 0:
		return r.conditional(), nil
	case r.bounded && !fixed || r.bounded && count > maxUnrolled:
		if err == nil {
			r.undecided(sources(r.going, first.going))
		}
		panic(failure{err})
	}
	return r.unrolled()
}

// known reports that a condition is known to be so; nil is true.
func known(v *value, so bool) bool {
	if v == nil {
		return so
	}
	return v.data != nil && isTrue(v) == so
}

// undecided ends the import because data decide how many elements are gathered.
func (r *recurrence) undecided(inputs []string) {
	r.unknown(&value{inputs: inputs}, "the number of rounds, which is a size of its results,")
}

// survey builds a round, tells what is in it, and undoes it.
func (r *recurrence) survey() (first round, err error) {
	defer caught(&err)
	count := r.count
	if !r.bounded {
		count = ir.N(1)
	}
	err = r.entry.Try(func() {
		r.entry.Loop("round", count, r.tensors(r.carried), func(i ir.Size, now []mlx.Value) []mlx.Value {
			first = r.round(counted(i), r.values(now))
			for k, v := range first.carried {
				if t, u := now[k].Type(), v.typ(); !t.Equal(u) {
					r.fail("carried value %d is %s before a round, and %s after it", k, t, u)
				}
			}
			return now
		})
	})
	return first, err
}

// counted is the number of a round.
func counted(i ir.Size) *value { return sizesValue(&sizeList{scalar: true, of: []ir.Size{i}}) }

// rolled is a loop of a count; what it gathers, it writes to tensors that it carries too.
func (r *recurrence) rolled(gathered []*value) (_, _ []*value) {
	carry := r.tensors(r.carried)
	n := len(carry)
	for _, v := range gathered {
		t := v.typ()
		carry = append(carry, r.b.Zeros(t.DType, append([]ir.Size{r.count}, t.Shape...)...))
	}
	inputs := sources(append(r.in, gathered...)...)
	out := r.entry.Loop("round", r.count, carry, func(i ir.Size, now []mlx.Value) []mlx.Value {
		done := r.round(counted(i), r.values(now[:n]))
		inputs = sources(slices.Concat([]*value{{inputs: inputs}}, done.carried, done.gathered)...)
		next := r.tensors(done.carried)
		for k, v := range done.gathered {
			at := i
			if k < len(r.backwards) && r.backwards[k] {
				at = r.count.Sub(ir.N(1)).Sub(i)
			}
			next = append(next, now[n+k].SetAt(r.tensor(v), mlx.Pick(at)))
		}
		return next
	})
	vs := make([]*value, len(out))
	for i, v := range out {
		vs[i] = &value{t: v, inputs: inputs}
	}
	return vs[:n], vs[n:]
}

// conditional is a loop that may end before its count.
func (r *recurrence) conditional() []*value {
	inputs := sources(r.in...)
	going := r.b.Number(ir.Bool, 1)
	if r.going != nil {
		going = r.tensor(r.going).Reshape()
	}
	carry := append([]mlx.Value{going, r.b.Number(ir.I64, 0)}, r.tensors(r.carried)...)
	out := r.entry.While(r.count, carry, func(now []mlx.Value) mlx.Value { return now[0] }, func(now []mlx.Value) []mlx.Value {
		done := r.round(&value{t: now[1]}, r.values(now[2:]))
		inputs = sources(append([]*value{{inputs: inputs}, done.going}, done.carried...)...)
		return append([]mlx.Value{r.tensor(done.going).Reshape(), now[1].AddN(1)}, r.tensors(done.carried)...)
	})
	vs := make([]*value, len(r.carried))
	for i, v := range out[2:] {
		vs[i] = &value{t: v, inputs: inputs}
	}
	return vs
}

// unrolled builds each round.
func (r *recurrence) unrolled() (_, _ []*value) {
	count, _ := r.count.Int()
	now, going := r.carried, r.going
	var rows [][]*value // of each round
	for i := int64(0); (!r.bounded || i < count) && !known(going, false); i++ {
		if r.built++; i == maxUnrolled || r.built > maxBuilt {
			r.fail("what it carries changes its shape or decides on sizes, and there are more than %d rounds", maxUnrolled)
		}
		done := r.round(counted(ir.N(i)), now)
		if known(going, true) {
			now, going = done.carried, done.going
			rows = append(rows, done.gathered)
			continue
		}
		if !r.bounded {
			r.fail("data decide on the number of rounds, and it has no bound")
		}
		if len(done.gathered) > 0 {
			r.undecided(sources(going))
		}
		c := r.tensor(going).Reshape()
		now = slices.Clone(now)
		for k, v := range done.carried {
			if t, u := v.typ(), now[k].typ(); !t.Equal(u) {
				r.unknown(going, "the number of rounds, as they change "+u.String()+" to "+t.String()+",")
			}
			now[k] = &value{t: mlx.Where(c, r.tensor(v), r.tensor(now[k])), inputs: sources(v, now[k], going)}
		}
		if done.going != nil {
			going = &value{t: c.And(r.tensor(done.going).Reshape()), inputs: sources(going, done.going)}
		}
	}
	if len(rows) == 0 {
		r.fail("it has no rounds, so that what it gathers has no type")
	}
	var gathered []*value
	for k := range rows[0] {
		xs, vs := make([]mlx.Value, len(rows)), make([]*value, len(rows))
		for i, row := range rows {
			if vs[i] = row[k]; !row[k].typ().Equal(rows[0][k].typ()) {
				r.fail("what it gathers is %s in one round, and %s in another", rows[0][k].typ(), row[k].typ())
			}
			xs[i] = r.tensor(row[k])
		}
		if k < len(r.backwards) && r.backwards[k] {
			slices.Reverse(xs)
		}
		gathered = append(gathered, &value{t: mlx.Stack(0, xs...), inputs: sources(vs...)})
	}
	return now, gathered
}

func (r *recurrence) tensors(vs []*value) []mlx.Value {
	out := make([]mlx.Value, len(vs))
	for i, v := range vs {
		out[i] = r.tensor(v)
	}
	return out
}

// values are tensors of a round; they depend on whatever the node does.
func (r *recurrence) values(ts []mlx.Value) []*value {
	out := make([]*value, len(ts))
	for i, t := range ts {
		out[i] = &value{t: t, inputs: sources(r.in...)}
	}
	return out
}
