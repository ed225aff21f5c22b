package metal_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// A builder makes a module of programs, an entry or more inputs of one each.
type builder struct {
	t *testing.T
	suite
	r       *rand.Rand
	special bool // draw NaN, infinities, zeros of both signs, and the ends of integers too
}

func newBuilder(t *testing.T, name string) *builder {
	return &builder{t: t, suite: suite{module: &ir.Module{Name: name}}, r: rand.New(rand.NewPCG(1, 2))}
}

// dim is a dim of the module, from 0 up to most.
func (b *builder) dim(name string, most int64) ir.Size {
	d := b.module.Dim(name)
	if d == nil {
		d = &ir.Dim{Name: name, Max: most}
		b.module.Dims = append(b.module.Dims, d)
	}
	return d.Size()
}

func shape(dims ...int) []ir.Size {
	s := make([]ir.Size, len(dims))
	for i, n := range dims {
		s[i] = ir.N(int64(n))
	}
	return s
}

func typ(t ir.DType, s []ir.Size) ir.Type { return ir.Type{DType: t, Shape: s} }

// A body makes the instructions of an entry; that of the last one's op that is
// no view is the tolerance of the result.
type body func(e *ir.Emit, x []*ir.Value) (*ir.Instr, error)

func op(name string, attrs any) body {
	return func(e *ir.Emit, x []*ir.Value) (*ir.Instr, error) { return e.Op(name, attrs, x...) }
}

// try adds an entry, with inputs of the given types and a program for each choice
// of dims. It reports false where a rule forbids the types.
func (b *builder) try(name string, make body, types []ir.Type, dims ...map[string]int64) bool {
	b.t.Helper()
	f, e := &ir.Func{Name: name}, &ir.Emit{}
	for i, t := range types {
		f.Inputs = append(f.Inputs, &ir.Value{Name: fmt.Sprintf("in%d", i), Type: t})
	}
	in, err := make(e, f.Inputs)
	if err != nil {
		return false
	}
	f.Body = e.Body
	f.Results = []ir.Result{{Name: "out", Type: in.Result().Type, Value: in.Result()}}
	b.module.Funcs = append(b.module.Funcs, f)
	if len(dims) == 0 {
		dims = []map[string]int64{nil}
	}
	for _, d := range dims {
		b.program(f, in, types, d)
	}
	return true
}

// add is try where the types are allowed.
func (b *builder) add(name string, make body, types []ir.Type, dims ...map[string]int64) {
	b.t.Helper()
	if !b.try(name, make, types, dims...) {
		b.t.Fatalf("%s: no rule allows it", name)
	}
}

func (b *builder) program(f *ir.Func, in *ir.Instr, types []ir.Type, dims map[string]int64) {
	p := &program{entry: f.Name, terms: 1}
	for _, t := range types {
		x := ir.NewTensor(t.DType, sizes(b.t, t.Shape, dims)...)
		in.Op.Sample.Fill(b.r, x)
		if b.special {
			spoil(b.r, x)
		}
		p.inputs = append(p.inputs, x)
		p.terms = max(p.terms, x.Len())
	}
	var err error
	if p.want, err = b.module.Eval(f, nil, p.inputs); err != nil {
		return // the extreme of nothing
	}
	rounds := in
	for rounds.Op.Kind == ir.KindView && rounds.Args[0].Instr != nil {
		rounds = rounds.Args[0].Instr
	}
	tol, dtype := rounds.Op.Tolerance, in.Result().Type.DType
	p.allows = func(_ int, got, want float64) bool {
		if tol.Allows(got, want, dtype, p.terms) {
			return true
		}
		// The evaluator has rounded a composite's result: what it was may lie on the other side
		// of a tie.
		half := map[ir.DType]float64{ir.F16: 0x1p-11, ir.BF16: 0x1p-8}[dtype] * math.Abs(want)
		return rounds.Op.Expand != nil && (tol.Allows(got, want+half, dtype, p.terms) || tol.Allows(got, want-half, dtype, p.terms))
	}
	b.programs = append(b.programs, p)
}

func sizes(t *testing.T, s []ir.Size, dims map[string]int64) []int {
	out := make([]int, len(s))
	for i, e := range s {
		n, ok := e.Eval(func(name string) (int64, bool) { n, ok := dims[name]; return n, ok })
		if !ok {
			t.Fatalf("%s has no value", e)
		}
		out[i] = int(n)
	}
	return out
}

// spoil puts special numbers in the place of some.
func spoil(r *rand.Rand, x *ir.Tensor) {
	floats := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1)}
	for i := range x.F {
		if r.IntN(4) == 0 {
			x.F[i] = floats[r.IntN(len(floats))]
		}
	}
	bits := 8 * x.DType.Size()
	lo, hi := int64(-1)<<(bits-1), int64(1)<<(bits-1)-1
	switch {
	case x.DType == ir.Bool:
		return
	case x.DType == ir.U64:
		lo, hi = 0, -1
	case x.DType.Class() == ir.Unsigned:
		lo, hi = 0, int64(1)<<bits-1
	}
	for i := range x.I {
		if r.IntN(4) == 0 {
			x.I[i] = []int64{lo, hi, 0}[r.IntN(3)]
		}
	}
}

// gpuDTypes are those that Metal has.
func gpuDTypes() []ir.DType {
	var all []ir.DType
	for _, t := range ir.DTypes() {
		if t != ir.F64 {
			all = append(all, t)
		}
	}
	return all
}
