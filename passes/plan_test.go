package passes

import (
	"slices"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// The report of a plan is what its stacks take, near the live bytes at every point.
func TestPlanReport(t *testing.T) {
	for seed := range uint64(40) {
		g := randomProgram(seed, 25)
		g.planned(t)
		p := g.v.Plan
		if len(p.Report) < 5 {
			t.Errorf("seed %d: planned at %d points", seed, len(p.Report))
		}
		for _, r := range p.Report {
			bytes := make([]int64, len(p.Blocks))
			for i, b := range p.Blocks {
				bytes[i], _ = b.Bytes.Eval(func(name string) (int64, bool) {
					return r.Dims[slices.IndexFunc(g.m.Dims, func(d *ir.Dim) bool { return d.Name == name })], true
				})
			}
			_, peak := p.Offsets(bytes)
			if r.Arena-peak < 0 || r.Arena-peak >= ir.Align {
				t.Errorf("seed %d at %v: reported %d, the stacks take %d", seed, r.Dims, r.Arena, peak)
			}
			if r.Live > r.Arena || r.Bound > r.Live || float64(r.Arena) > 1.05*float64(r.Live) {
				t.Errorf("seed %d at %v: arena %d, live %d, bound %d", seed, r.Dims, r.Arena, r.Live, r.Bound)
			}
		}
	}
}

func TestPlanPoints(t *testing.T) {
	dim := func(name string, lo, hi int64) *ir.Dim { return &ir.Dim{Name: name, Min: lo, Max: hi} }
	fact := func(l ir.Size, rel ir.Relation, r ir.Size) ir.Fact { return ir.Fact{Left: l, Rel: rel, Right: r} }
	few, b, t1, none := dim("F", 0, 6), dim("B", 0, 4096), dim("T", 1, 512), dim("N", 0, 0)
	for _, c := range []struct {
		name  string
		dims  []*ir.Dim
		shape []ir.Size
		facts []ir.Fact
		want  [][]int64
	}{
		{"constant", nil, []ir.Size{ir.N(3)}, nil, [][]int64{{}}},
		{"one dim", []*ir.Dim{b}, []ir.Size{b.Size()}, nil, [][]int64{{4096}, {512}, {64}, {8}, {1}}},
		{"always empty", []*ir.Dim{none}, []ir.Size{none.Size()}, nil, [][]int64{{0}}},
		{"in no size", []*ir.Dim{b, dim("U", 1, 9)}, []ir.Size{b.Size()}, nil, [][]int64{{4096, 9}, {512, 9}, {64, 9}, {8, 9}, {1, 9}}},
		{"one token", []*ir.Dim{t1}, []ir.Size{t1.Size()}, []ir.Fact{fact(t1.Size(), ir.EQ, ir.N(1))}, [][]int64{{1}}},
		{"few tokens", []*ir.Dim{t1}, []ir.Size{t1.Size()}, []ir.Fact{fact(t1.Size(), ir.LT, ir.N(9))}, [][]int64{{8}, {5}, {3}, {2}, {1}}},
		{"many tokens", []*ir.Dim{t1}, []ir.Size{t1.Size()}, []ir.Fact{fact(ir.N(256), ir.LE, t1.Size())}, [][]int64{{512}, {431}, {362}, {304}, {256}}},
		{"of no negative size", []*ir.Dim{few}, []ir.Size{few.Size().Sub(ir.N(3))}, nil, [][]int64{{6}, {4}}},
		{"multiples", []*ir.Dim{t1}, []ir.Size{t1.Size()}, []ir.Fact{fact(t1.Size().Mod(ir.N(2)), ir.EQ, ir.N(1))}, [][]int64{{23}, {5}, {1}}},
		{"never", []*ir.Dim{none}, []ir.Size{none.Size()}, []ir.Fact{fact(none.Size(), ir.EQ, ir.N(1))}, [][]int64{{0}}},
	} {
		m := &ir.Module{Dims: c.dims}
		buffer := &ir.Buffer{Place: ir.InArena, Type: ir.Type{DType: ir.F32, Shape: c.shape}}
		got := planPoints(m, &ir.Func{Where: c.facts, Inputs: []*ir.Value{{Type: buffer.Type}}}, &ir.Variant{}, []*ir.Buffer{buffer})
		if !slices.EqualFunc(got, c.want, func(a, b []int64) bool { return slices.Equal(a, b) }) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Many dims are planned at a bounded number of points, with both corners.
func TestPlanPointsOfManyDims(t *testing.T) {
	m, size := &ir.Module{}, ir.N(1)
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		d := &ir.Dim{Name: name, Min: 2, Max: 30}
		m.Dims = append(m.Dims, d)
		size = size.Mul(d.Size())
	}
	buffers := []*ir.Buffer{{Place: ir.InArena, Type: ir.Type{DType: ir.F32, Shape: []ir.Size{size}}}}
	points := planPoints(m, &ir.Func{}, &ir.Variant{}, buffers)
	if n := len(points); n > maxPoints || n < maxPoints/2 {
		t.Errorf("%d points", n)
	}
	if !slices.Equal(points[0], slices.Repeat([]int64{30}, 8)) || !slices.Equal(points[len(points)-1], slices.Repeat([]int64{2}, 8)) {
		t.Errorf("from %v to %v", points[0], points[len(points)-1])
	}
}

// Sizes beyond any memory neither overflow nor wrap; a session of such dims is refused.
func TestPlanBeyondMemory(t *testing.T) {
	g := newProgram()
	g.p.Max = 1 << 30 // two buffers of 1 << 62 bytes add up to a negative number
	huge := ir.Type{DType: ir.F32, Shape: []ir.Size{g.p.Size(), g.p.Size()}}
	a, b := g.arena(huge), g.arena(huge)
	g.step(a, g.inputs[:1], []reading{first})
	g.step(b, []*ir.Buffer{a}, []reading{counter})
	g.step(g.result(g.inputs[0].Type), []*ir.Buffer{b}, []reading{first})
	g.planned(t)
	if r := g.v.Plan.Report[0]; r.Live != 2*beyond || r.Arena != r.Live {
		t.Errorf("%+v", r)
	}
}

// A variant of nothing but results has an empty plan.
func TestPlanOfNothing(t *testing.T) {
	g := newProgram()
	g.step(g.result(g.inputs[0].Type), g.inputs[:1], []reading{inStep})
	g.planned(t)
	if p := g.v.Plan; len(p.Blocks) != 0 || len(p.Stacks) != 0 || len(p.Report) != 1 || p.Report[0].Arena != 0 {
		t.Errorf("%+v", p)
	}
}

// At the points of the report PlanAt says what the report does, and between them
// what the plan takes there.
func TestPlanAt(t *testing.T) {
	g := randomProgram(3, 25)
	g.planned(t)
	for _, want := range g.v.Plan.Report {
		if got := PlanAt(g.m, g.v, want.Dims); !slices.Equal(got.Dims, want.Dims) || got.Arena != want.Arena || got.Live != want.Live || got.Bound != want.Bound {
			t.Errorf("%+v, the report says %+v", got, want)
		}
	}
	most := g.v.Plan.Report[0]
	if got := PlanAt(g.m, g.v, []int64{33, 2}); got.Live > got.Arena || got.Bound > got.Live || got.Arena >= most.Arena {
		t.Errorf("%+v, and at most %+v", got, most)
	}
}
