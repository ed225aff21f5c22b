package passes

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

const (
	dimValues = 5   // of each dim, at which a plan is made and judged
	maxPoints = 125 // bounds their product over all dims
)

// planPoints is values of all dims at which a plan of the variant is made and judged:
// the product of some values of each dim that the buffers' sizes mention, the largest
// first. If those are too many, the largest, the least, and some drawn by lot between.
func planPoints(m *ir.Module, f *ir.Func, v *ir.Variant, buffers []*ir.Buffer) [][]int64 {
	facts := slices.Concat(f.Where, v.Guard)
	for _, in := range f.Inputs { // no call has an input of a negative size
		for _, e := range in.Type.Shape {
			if !e.AtLeast(0) {
				facts = append(facts, ir.Fact{Left: ir.N(0), Rel: ir.LE, Right: e})
			}
		}
	}
	values := make([][]int64, len(m.Dims))
	total := 1.0
	for i, d := range m.Dims {
		lo, hi := d.Within(facts)
		if lo > hi {
			lo, hi = d.Min, d.Max
		}
		if !mentioned(d, buffers) {
			lo = hi
		}
		values[i] = geometric(lo, hi)
		total *= float64(len(values[i]))
	}
	points := [][]int64{{}}
	if total <= maxPoints {
		for _, vs := range values {
			var next [][]int64
			for _, p := range points {
				for _, n := range vs {
					next = append(next, append(slices.Clone(p), n))
				}
			}
			points = next
		}
	} else {
		points = sample(values)
	}
	allowed := slices.DeleteFunc(slices.Clone(points), func(p []int64) bool { return !holds(m, facts, p) })
	if len(allowed) == 0 {
		return points
	}
	return allowed
}

// sample draws points from the product of values, by the same lot each time.
func sample(values [][]int64) (points [][]int64) {
	rng := rand.New(rand.NewPCG(1, uint64(len(values))))
	pick := func(of func(vs []int64) int64) {
		p := make([]int64, len(values))
		for i, vs := range values {
			p[i] = of(vs)
		}
		if !slices.ContainsFunc(points, func(q []int64) bool { return slices.Equal(p, q) }) {
			points = append(points, p)
		}
	}
	pick(func(vs []int64) int64 { return vs[0] })
	for range maxPoints - 2 {
		pick(func(vs []int64) int64 { return vs[rng.IntN(len(vs))] })
	}
	pick(func(vs []int64) int64 { return vs[len(vs)-1] })
	return points
}

// geometric is values from hi down to lo in equal ratios. An empty dim leaves nothing
// to plan, so it starts from 1.
func geometric(lo, hi int64) (values []int64) {
	lo = min(max(1, lo), hi)
	for i := range dimValues {
		ratio := float64(lo) / float64(max(1, hi))
		n := int64(math.Round(float64(hi) * math.Pow(ratio, float64(i)/(dimValues-1))))
		if !slices.Contains(values, n) {
			values = append(values, n)
		}
	}
	return values
}

func mentioned(d *ir.Dim, buffers []*ir.Buffer) bool {
	return slices.ContainsFunc(buffers, func(b *ir.Buffer) bool { return mentions(b.Type.Bytes(), d) })
}

func holds(m *ir.Module, facts []ir.Fact, point []int64) bool {
	dims := map[string]int64{}
	for i, d := range m.Dims {
		dims[d.Name] = point[i]
	}
	return !slices.ContainsFunc(facts, func(f ir.Fact) bool {
		ok, err := f.Holds(dims)
		return !ok || err != nil
	})
}

// beyond is more bytes than a machine has; a session of such dims is refused. Any
// number of buffers of that size adds up without overflow.
const beyond = 1 << 46

// sizesAt is the memory of each buffer at each point, rounded up to ir.Align.
func sizesAt(m *ir.Module, buffers []*ir.Buffer, points [][]int64) [][]int64 {
	bytes := make([]ir.Size, len(buffers))
	for i, b := range buffers {
		bytes[i] = b.Type.Bytes()
	}
	sizes := make([][]int64, len(points))
	for i, p := range points {
		env := func(name string) (int64, bool) {
			n := slices.IndexFunc(m.Dims, func(d *ir.Dim) bool { return d.Name == name })
			if n < 0 {
				return 0, false
			}
			return p[n], true
		}
		for _, b := range bytes {
			n, ok := b.Eval(env)
			if !ok || n > beyond {
				n = beyond
			}
			sizes[i] = append(sizes[i], (n+ir.Align-1)/ir.Align*ir.Align)
		}
	}
	return sizes
}
