package passes

import (
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// prepareChannels makes a form of k, which folds small windows for each channel, the last
// axis of the grid, that vectors of channels can compute: what a window may reach beyond
// is in memory, and the elements that an operand has for neighbouring channels are
// neighbours. nil: k is no such kernel, or has that form.
func prepareChannels(k *ir.Kernel) *prepared {
	p := &prepared{main: clone(k, k.Contract)}
	for {
		fold, lane := channelFold(p.main)
		if fold == nil {
			return nil
		}
		i := slices.IndexFunc(factorsOf(fold), func(x *ir.Scalar) bool { return !inLanes(x, lane) })
		if i < 0 {
			break
		}
		x := factorsOf(fold)[i]
		if len(p.factors) == len(factorsOf(fold)) || !p.padded(x, fold, lane) && !p.taps(x, fold, lane) {
			return nil
		}
	}
	if len(p.factors) == 0 {
		return nil
	}
	p.args = dropArgs(p.main)
	return p
}

// channelFold is the only fold of a kernel, over a few terms, and the axis of channels;
// nil: it has none.
func channelFold(k *ir.Kernel) (fold *ir.Scalar, lane *ir.Axis) {
	grid := k.Grid()
	if k.Contract != nil || len(grid) < 2 || len(k.Outer) > 0 {
		return nil, nil
	}
	lane = grid[len(grid)-1]
	for _, v := range k.Values {
		if v.Kind != ir.ScalarReduce {
			continue
		}
		terms, ok := ir.Product(extentsOf(v.Over)).Int()
		if fold != nil || !ok || terms < 1 || terms > unrollMost || v.Fn == ir.ArgMax || v.Fn == ir.ArgMin || !v.Args[0].Varies(lane) || contains(v.Over, lane) {
			return nil, nil
		}
		fold = v
	}
	return fold, lane
}

// factorsOf is what a fold adds the products of, or what it folds.
func factorsOf(fold *ir.Scalar) []*ir.Scalar {
	if x := fold.Args[0]; x.Kind == ir.ScalarApply && x.Fn == ir.Mul {
		return x.Args
	}
	return fold.Args
}

// inLanes reports that vectors along the axis can be loaded of all that x is computed
// from.
func inLanes(x *ir.Scalar, lane *ir.Axis) bool {
	return !slices.ContainsFunc(partsOf(x), func(v *ir.Scalar) bool {
		step, _, ok := v.Index.Coef(lane)
		return len(v.Guard)+len(v.Bind) > 0 || v.Kind == ir.ScalarLoad && (!ok || !step.Is(0) && !step.Is(1))
	})
}

// padded lets a kernel compute x for all places that the windows of a fold reach, and main
// read it; false: x is not computed by place alone.
func (p *prepared) padded(x, fold *ir.Scalar, lane *ir.Axis) bool {
	sizes := sizesIn(x)
	var axes []*ir.Axis
	var at []ir.Size // of the axes, at the points of main
	var windows []window
	for _, a := range p.main.Grid() {
		if !x.Varies(a) && a.Name != lane.Name {
			continue
		}
		axis, index := a, a.Index()
		if w, ok := windowOf(a, fold.Over, sizes); ok && a.Name != lane.Name {
			windows = append(windows, w)
			axis, index = w.whole, w.at()
		}
		axes, at = append(axes, axis), append(at, index)
	}
	for _, r := range fold.Over {
		if x.Varies(r) && !slices.ContainsFunc(windows, func(w window) bool { return w.in == r }) {
			return false
		}
	}
	if x.DType != ir.F32 || len(windows) == 0 || !x.Varies(lane) {
		return false
	}
	p.factor(x, "rows", ir.F32, axes, ir.Linear(at, extentsOf(axes)), edit{size: func(s ir.Size) ir.Size {
		for _, w := range windows {
			s = w.shift(s)
		}
		return s
	}})
	return true
}

// taps lets a kernel compute x for each term of a fold and channel, and main read it;
// false: x varies with more than these.
func (p *prepared) taps(x, fold *ir.Scalar, lane *ir.Axis) bool {
	axes := append(slices.Clone(fold.Over), lane)
	if x.DType != ir.F32 || slices.ContainsFunc(x.Free, func(a *ir.Axis) bool { return !contains(axes, a) }) {
		return false
	}
	p.factor(x, "taps", ir.F32, axes, ir.Flat(axes), edit{})
	return true
}
