package metal

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

func (p *printer) pointsDoc() string {
	if vec := p.kernel.Schedule.Vec; vec > 1 {
		return fmt.Sprintf("A thread computes %d neighbours.", vec)
	}
	return ""
}

// points prints a kernel of whose grid a thread computes one point, or Vec
// neighbours along the last axis. Threads beyond the grid return.
func (p *printer) points() {
	k := p.kernel
	grid, vec := k.Grid(), int64(k.Schedule.Vec)
	if vec > 1 {
		last := len(grid) - 1
		p.vector(grid[:last:last], grid[last], vec)
		return
	}
	p.threads(grid, func() { p.stmts(k.Nest(grid)) })
}

// threads prints what each thread does at its point of the axes.
func (p *printer) threads(axes []*ir.Axis, body func()) {
	at := "int(point)"
	if p.index == "long" {
		at = fmt.Sprintf("long(group) * %d + long(tid)", p.kernel.Schedule.Threads)
	}
	p.line("const %s at = %s;", p.index, at)
	p.leave(product(axes), p.kernel.Schedule.Threads)
	p.axes(axes, "at", body)
}

// leave ends the threads beyond n, where the threadgroups, which take some of n each,
// may have more.
func (p *printer) leave(n ir.Size, each int) {
	if !n.Multiple(int64(each)) {
		p.block("if (at >= "+p.size(n)+")", func() { p.line("return;") })
	}
}

// vectors are the types that hold four elements. Those of narrow signed integers are
// not known to be everywhere, so these are loaded as unsigned ones.
var vectors = map[ir.DType]string{
	ir.F32: "float4", ir.F16: "half4", ir.BF16: "bfloat4",
	ir.I32: "int4", ir.I16: "ushort4", ir.I8: "uchar4",
	ir.U32: "uint4", ir.U16: "ushort4", ir.U8: "uchar4", ir.Bool: "uchar4",
}

// quadName is for four elements of an argument: x4, or x_2x4.
func quadName(a ir.KernelArg) string {
	if last := a.Name[len(a.Name)-1]; last >= '0' && last <= '9' {
		return a.Name + "x4"
	}
	return a.Name + "4"
}

func narrow(t ir.DType) bool { return t == ir.I8 || t == ir.I16 }

// vector prints a kernel of which a thread computes neighbours along the axis. What
// varies along it is loaded and stored as vectors, and computed by element. Where
// the extent is no multiple, the last thread takes the rest one by one.
func (p *printer) vector(outer []*ir.Axis, axis *ir.Axis, vec int64) {
	k := p.kernel
	part := &ir.Axis{Name: p.names.unique("part"), Extent: axis.Extent.CeilDiv(vec)}
	nest := k.Nest(outer, axis)
	loop := nest[len(nest)-1]
	whole := func() { p.elements(loop, part, vec) }
	p.threads(append(outer, part), func() {
		p.stmts(nest[:len(nest)-1])
		if axis.Extent.Multiple(vec) {
			whole()
			return
		}
		i, n := p.axis(axis), p.size(axis.Extent)
		first := p.size(part.Index().Mul(ir.N(vec)))
		p.choice(fmt.Sprintf("%s + %s <= %s", first, p.number(vec), n), whole, func() {
			p.block(fmt.Sprintf("for (%s %s = %s; %s < %s; %s++)", p.index, i, first, i, n, i), func() { p.stmts(loop.Body) })
		})
	})
}

// elements prints the loop over the elements of a part.
func (p *printer) elements(loop ir.Stmt, part *ir.Axis, vec int64) {
	axis := loop.Axis
	first := part.Index().Mul(ir.N(vec))
	// at is the vector of an argument that begins at the index of the first element.
	at := func(arg int, mode string, index ir.Size) string {
		n, ok := index.Replace(axis, first).Exact(ir.N(vec))
		if !ok {
			return p.fail("vectors of %s are not aligned", p.names.arg[arg])
		}
		return fmt.Sprintf("((%s%s *)%s)[%s]", mode, vectors[p.kernel.Args[arg].DType], p.names.arg[arg], p.size(n))
	}
	loaded := map[string]string{}
	for _, v := range p.kernel.Values {
		if v.Kind != ir.ScalarLoad || !v.Varies(axis) {
			continue
		}
		arg := p.kernel.Args[v.Arg]
		from := p.bound(v, func() string { return at(v.Arg, "device const ", v.Index) })
		if loaded[from] == "" {
			loaded[from] = p.names.unique(quadName(arg))
			p.line("const %s %s = %s;", vectors[arg.DType], loaded[from], from)
		}
		element := loaded[from] + "[e]"
		if narrow(arg.DType) {
			element = storage[arg.DType] + "(" + element + ")"
		}
		p.text[v] = p.loaded(arg.DType, element)
	}
	stores := make([]string, len(p.kernel.Stores))
	for i, s := range p.kernel.Stores {
		stores[i] = p.names.unique(quadName(p.kernel.Args[s.Arg]))
		p.line("%s %s;", vectors[p.kernel.Args[s.Arg].DType], stores[i])
	}
	p.line("#pragma clang loop unroll(full)")
	p.block(fmt.Sprintf("for (int e = 0; e < %d; e++)", vec), func() {
		if p.mentions(axis) {
			p.line("const %s %s = %s + e;", p.index, p.axis(axis), p.size(first))
		}
		n := 0
		for _, s := range loop.Body {
			if s.Kind != ir.StmtStore {
				p.stmts([]ir.Stmt{s})
				continue
			}
			value, t := p.stored(s.Store), p.kernel.Args[s.Store.Arg].DType
			if narrow(t) {
				value = unsigned[t.Size()] + "(" + value + ")"
			}
			p.line("%s[e] = %s;", stores[n], value)
			n++
		}
	})
	for i, s := range p.kernel.Stores {
		p.line("%s = %s;", at(s.Arg, "device ", s.Index), stores[i])
	}
	clear(p.text)
}

// mentions reports whether a scalar other than a load is computed from the axis itself.
func (p *printer) mentions(axis *ir.Axis) bool {
	has := func(g ir.Bound) bool { return g.Index.Has(axis) || g.Extent.Has(axis) }
	return slices.ContainsFunc(p.kernel.Values, func(v *ir.Scalar) bool {
		return v.Kind != ir.ScalarLoad && (v.Index.Has(axis) || slices.ContainsFunc(v.Guard, has))
	})
}
