package random

import "github.com/mlxc/mlxc/ir"

// dequant appends the elements of a quantised matrix, and now and then a product by its
// transpose, as in layers whose weight it is.
func (g *generator) dequant() {
	f := pick(g.r, ir.QuantisedDTypes()).Format()
	shape := []ir.Size{g.size(), ir.N(int64(f.Group) * int64(1+g.r.IntN(2)))}
	var planes []*ir.Value
	for _, t := range f.Types(shape) {
		planes = append(planes, g.like(t))
	}
	w := g.emit("dequant", ir.DequantAttrs{Format: f.DType}, planes...)
	if w == nil || g.r.IntN(2) == 0 {
		return
	}
	if t := g.emit("transpose", ir.PermAttrs{Perm: []int{1, 0}}, w); t != nil {
		x := g.like(ir.Type{DType: ir.F32, Shape: []ir.Size{g.size(), shape[1]}})
		g.emit("matmul", ir.MatmulAttrs{}, x, t)
	}
}
