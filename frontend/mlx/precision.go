package mlx

import "github.com/mlxc/mlxc/ir"

// precision is what Precision has said; Invalid: nothing.
type precision struct{ compute, accum DType }

// Precision says for what follows in what dtype layers of the library have their parameters,
// compute, and in what dtype products and sums of floats are added up, accum. What it
// returns puts back what was said before. Without it both are f32; 0 leaves one unsaid.
func (b *Builder) Precision(compute, accum DType) (restore func()) {
	before := b.precision
	for _, t := range []DType{compute, accum} {
		if t != ir.Invalid && !t.IsFloat() {
			b.errorf("a precision is a float dtype, not %s", t)
			return func() {}
		}
	}
	b.precision = precision{compute, accum}
	return func() { b.precision = before }
}

// Said is what Precision has said last; 0 where it has said nothing.
func (b *Builder) Said() (compute, accum DType) { return b.precision.compute, b.precision.accum }

// accumulating are attributes of an op on x, with the dtype in which it adds up.
func (b *Builder) accumulating(attrs any, x Value) any {
	if a, ok := attrs.(ir.Accumulates); ok && b.precision.accum != ir.Invalid && x.Type().DType.IsFloat() {
		return a.Accumulate(b.precision.accum)
	}
	return attrs
}
