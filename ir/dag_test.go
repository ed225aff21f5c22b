package ir

import (
	"strings"
	"testing"
)

// A row's softmax: stages and axes follow from the operands, equal scalars are one.
func TestDAG(t *testing.T) {
	row, r := &Axis{Name: "i", Extent: N(4)}, &Axis{Name: "r", Extent: N(8)}
	d := NewDAG()
	load := func() S {
		return d.Wrap(d.Add(Scalar{Kind: ScalarLoad, DType: F32, Index: row.Index().Mul(N(8)).Add(r.Index())}))
	}
	x := load()
	top := d.Wrap(d.Reduce(Max, []*Axis{r}, x.V))
	e := x.Sub(top).Fn(Exp)
	sum := d.Wrap(d.Reduce(Add, []*Axis{r}, e.V))
	y := e.Div(sum)

	for _, c := range []struct {
		v     S
		stage int
		free  string
	}{{x, 0, "i r"}, {top, 1, "i"}, {e, 1, "i r"}, {sum, 2, "i"}, {y, 2, "i r"}} {
		var free []string
		for _, a := range c.v.V.Free {
			free = append(free, a.Name)
		}
		if got := strings.Join(free, " "); c.v.V.Stage != c.stage || got != c.free {
			t.Errorf("v%d: stage %d, axes %s, want %d, %s", c.v.V.ID, c.v.V.Stage, got, c.stage, c.free)
		}
	}
	if n := len(d.Values); load().V != x.V || x.Sub(top).Fn(Exp).V != e.V || len(d.Values) != n {
		t.Error("equal scalars are made twice")
	}
	if load().Num(1).V == load().Num(2).V || d.Num(F32, 1) == d.Num(F64, 1) || x.Sub(top).V == top.Sub(x).V {
		t.Error("different scalars are one")
	}
	if d.Reduce(Add, nil, x.V) != x.V {
		t.Error("a reduction over nothing is not its operand")
	}
}

// A load whose index is bound to a scalar varies with that scalar's axes instead.
func TestBound(t *testing.T) {
	i := &Axis{Name: "i", Extent: N(4)}
	p := &Puller{DAG: NewDAG()}
	index := p.Load(0, I32, i.Index())
	v := p.Bound(N(10), index, func(b Size) *Scalar { return p.Load(1, F32, b.Mul(N(3))) })
	if len(v.Bind) != 1 || v.Args[0] != index || len(v.Free) != 1 || v.Free[0] != i {
		t.Errorf("bound to %v, of %v, varies with %v", v.Bind, v.Args, v.Free)
	}
	if w := p.Load(1, F32, i.Index()); len(w.Bind) != 0 {
		t.Error("a binding outlives its scope")
	}
}
