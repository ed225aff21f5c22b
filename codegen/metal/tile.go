package metal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

func (p *printer) tileDoc() string {
	t := p.kernel.Schedule.Tile
	return fmt.Sprintf("A threadgroup computes a tile of %d by %d, a simdgroup a quarter of it, from %d terms at a time.", t.M, t.N, t.K)
}

const (
	fragment = 8  // rows and columns of a simdgroup_matrix
	sumRows  = 16 // of the tile that are in threadgroup memory at once: a fragment from above, one from below
)

// A right is a right factor of a contraction with its sums, which are in acc and then, some
// rows at a time, in threadgroup memory.
type right struct {
	b, sums factor
	frag    string // the fragments of b that a simdgroup multiplies
	acc     string
}

// nth is the name of something that each right factor has: as it is for the first.
func nth(name string, i int) string {
	if i == 0 {
		return name
	}
	return fmt.Sprint(name, i+1)
}

// A factor is one operand of a contraction in threadgroup memory: rows of columns.
type factor struct {
	name       string
	value      *ir.Scalar
	dtype      ir.DType // of the elements
	rows, cols side
}

// A side is the rows or columns of a factor: those of the axes, from the first on.
type side struct {
	axes      []*ir.Axis // walked as one
	at, first string     // variables: the place, and that of the tile
	size      int
}

// stride is the elements from one row to the next.
func (f factor) stride() int { return f.cols.size + ir.RowPad/f.dtype.Size() }

// tile prints a product of matrices, or several of one left factor. The factors of a tile
// are computed into threadgroup memory, zeros around them; what depends on the sums is
// computed from there too, by element.
func (p *printer) tile() {
	k := p.kernel
	c, t := k.Contract, k.Schedule.Tile
	m := side{axes: c.M, at: "mi", first: "m0", size: t.M}
	n := side{axes: c.N, at: "ni", first: "n0", size: t.N}
	depth := side{axes: c.Terms(), at: "ki", first: "k0", size: t.K}
	dtype := p.tileType(c)
	a := factor{"tileA", c.A, dtype, m, depth}
	inMemory := []factor{a}
	var rights []right
	for i, r := range c.Rights {
		b := factor{nth("tileB", i), r.B, dtype, depth, n}
		sums := factor{nth("sums", i), r.Sum, ir.F32, side{size: sumRows}, n}
		rights = append(rights, right{b, sums, nth("fragB", i), nth("acc", i)})
		inMemory = append(inMemory, b, sums)
	}
	for _, f := range inMemory {
		p.line("threadgroup %s %s[%d];", storage[f.dtype], f.name, f.rows.size*f.stride())
	}
	p.axes(k.TileAxes(), p.index+"(group)", func() { p.multiply(a, rights) })
}

// multiply prints the products of the factors of a tile, and what follows them.
func (p *printer) multiply(a factor, rights []right) {
	t, terms := p.kernel.Schedule.Tile, product(a.cols.axes)
	p.line("const %s m0 = tileM * %d;", p.index, t.M)
	p.line("const %s n0 = tileN * %d;", p.index, t.N)
	p.line("const int row = int(sgid) / 2 * %d;", t.M/2)
	p.line("const int column = int(sgid) %% 2 * %d;", t.N/2)
	down, across := t.M/2/fragment, t.N/2/fragment // fragments of a simdgroup
	for _, r := range rights {
		p.line("simdgroup_float8x8 %s[%d];", r.acc, down*across)
	}
	p.each("i", down*across, 1, func() {
		for _, r := range rights {
			p.line("%s[i] = make_filled_simdgroup_matrix<float, 8>(0.0f);", r.acc)
		}
	})
	p.block(fmt.Sprintf("for (%s k0 = 0; k0 < %s; k0 += %d)", p.index, p.size(terms), t.K), func() {
		p.fill(a, "tid", ir.TileThreads, "")
		for _, r := range rights {
			p.fill(r.b, "tid", ir.TileThreads, "")
		}
		p.line("threadgroup_barrier(mem_flags::mem_threadgroup);")
		p.each("term", t.K, fragment, func() {
			p.line("%s fragA[%d];", matrix[a.dtype], down)
			for _, r := range rights {
				p.line("%s %s[%d];", matrix[a.dtype], r.frag, across)
			}
			p.each("i", down, 1, func() {
				p.line("simdgroup_load(fragA[i], tileA + (row + i * %d) * %d + term, %d);", fragment, a.stride(), a.stride())
			})
			p.each("j", across, 1, func() {
				for _, r := range rights {
					p.line("simdgroup_load(%s[j], %s + term * %d + column + j * %d, %d);", r.frag, r.b.name, r.b.stride(), fragment, r.b.stride())
				}
			})
			p.each("i", down, 1, func() {
				p.each("j", across, 1, func() {
					for _, r := range rights {
						p.line("simdgroup_multiply_accumulate(%s[i * %d + j], fragA[i], %s[j], %s[i * %d + j]);", r.acc, across, r.frag, r.acc, across)
					}
				})
			})
		})
		if n, ok := terms.Int(); !ok || n > int64(t.K) { // the tiles are filled again
			p.line("threadgroup_barrier(mem_flags::mem_threadgroup);")
		}
	})
	p.each("down", down, 1, func() {
		p.each("j", across, 1, func() {
			for _, r := range rights {
				p.line("simdgroup_store(%s[down * %d + j], %s + int(sgid) / 2 * %d + column + j * %d, %d);", r.acc, across, r.sums.name, fragment*r.sums.stride(), fragment, r.sums.stride())
			}
		})
		p.line("threadgroup_barrier(mem_flags::mem_threadgroup);")
		p.epilogue(rights, a.rows, rights[0].b.cols)
		if down > 1 { // the sums are stored again
			p.line("threadgroup_barrier(mem_flags::mem_threadgroup);")
		}
	})
}

// matrix is the type of a fragment.
var matrix = map[ir.DType]string{ir.F32: "simdgroup_float8x8", ir.F16: "simdgroup_half8x8", ir.BF16: "simdgroup_bfloat8x8"}

// tileType is the dtype of the factors' tiles: that of the arguments where all
// factors are just loaded and no precision is lost, else f32.
func (p *printer) tileType(c *ir.Contract) ir.DType {
	t := ir.Invalid
	if c.A.Kind == ir.ScalarLoad {
		t = p.kernel.Args[c.A.Arg].DType
	}
	for _, r := range c.Rights {
		if r.B.Kind != ir.ScalarLoad || p.kernel.Args[r.B.Arg].DType != t {
			return ir.F32
		}
	}
	if matrix[t] == "" {
		return ir.F32
	}
	return t
}

// each prints a loop from 0 that is unrolled.
func (p *printer) each(i string, to, step int, body func()) {
	next := i + "++"
	if step > 1 {
		next = fmt.Sprintf("%s += %d", i, step)
	}
	p.line("#pragma clang loop unroll(full)")
	p.block(fmt.Sprintf("for (int %s = 0; %s < %d; %s)", i, i, to, next), body)
}

// fill prints how some threads compute a factor into threadgroup memory, at an offset. Neighbours
// compute neighbours in memory: along a row, or down a column where the factor's
// elements lie that way. Each thread stays in its column, or row.
func (p *printer) fill(f factor, thread string, threads int, own string) {
	fast, slow := f.cols, f.rows
	at := fmt.Sprintf("%s[%souter * %d + inner]", f.name, own, f.stride())
	if downwards(f) {
		fast, slow = slow, fast
		at = fmt.Sprintf("%s[%sinner * %d + outer]", f.name, own, f.stride())
	}
	p.line("{")
	p.depth++
	p.line("const int inner = int(%s) %% %d;", thread, fast.size)
	p.place(fast, "inner", func() {
		p.axes(fast.axes, fast.at, func() {
			p.block(fmt.Sprintf("for (int outer = int(%s) / %d; outer < %d; outer += %d)", thread, fast.size, slow.size, threads/fast.size), func() {
				p.place(slow, "outer", func() {
					p.inMatrix([]side{f.rows, f.cols}, func() {
						p.axes(slow.axes, slow.at, func() {
							p.stmts(p.kernel.Lets(slices.Concat(p.batch(), fast.axes, slow.axes), nil, []*ir.Scalar{f.value}))
							p.line("%s = %s;", at, p.asElement(f))
						})
					}, func() { p.line("%s = %s;", at, p.zeroOf(f.dtype)) })
				})
			})
		})
	})
	p.depth--
	p.line("}")
}

// place prints body after declaring the place along a side, step from where its tile starts, if
// body asks for it: a factor may be the same all along, and the tile full.
func (p *printer) place(s side, step string, body func()) {
	text, mentioned := p.capture(body)
	if mentioned[asked(s.at)] {
		p.line("const %s %s = %s + %s;", p.index, s.at, s.first, step)
	}
	p.b.WriteString(text)
}

// asked is what is mentioned where a place is: no name of a dim or an axis.
func asked(place string) string { return "place " + place }

// batch are the axes of the grid that no tile runs along.
func (p *printer) batch() []*ir.Axis {
	if s := p.kernel.Stream; s != nil {
		return s.Batch(p.kernel)
	}
	return p.kernel.Contract.Batch(p.kernel)
}

// asElement is the value of a factor in the type of its tile.
func (p *printer) asElement(f factor) string {
	switch {
	case f.dtype == ir.F32:
		return p.alone(f.value)
	case p.inline[f.value]:
		return p.element(f.value)
	}
	return storage[f.dtype] + "(" + variable(f.value) + ")"
}

func (p *printer) zeroOf(t ir.DType) string {
	if t == ir.F32 {
		return "0.0f"
	}
	return storage[t] + "(0.0f)"
}

// whole reports that every tile of a side is full.
func (s side) whole() bool { return product(s.axes).Multiple(int64(s.size)) }

// inMatrix prints body for the places that are inside the matrix, where some are
// not, and otherwise, if not nil, for those.
func (p *printer) inMatrix(sides []side, body, otherwise func()) {
	var conds []string
	for _, s := range sides {
		if !s.whole() {
			p.mentioned[asked(s.at)] = true
			conds = append(conds, s.at+" < "+p.size(product(s.axes)))
		}
	}
	if len(conds) == 0 {
		body()
		return
	}
	p.choice(strings.Join(conds, " && "), body, otherwise)
}

// downwards reports that the elements of a factor lie next to each other along its
// columns and not along its rows.
func downwards(f factor) bool {
	along := func(s side) bool {
		if len(s.axes) == 0 {
			return false
		}
		last := s.axes[len(s.axes)-1]
		c, _, ok := f.value.Index.Coef(last)
		return f.value.Kind == ir.ScalarLoad && ok && c.Is(1)
	}
	return along(f.rows) && !along(f.cols)
}

// epilogue prints what is computed from some rows of sums, and its stores.
func (p *printer) epilogue(rights []right, m, n side) {
	c := p.kernel.Contract
	p.block(fmt.Sprintf("for (int flat = int(tid); flat < %d; flat += %d)", sumRows*n.size, ir.TileThreads), func() {
		p.line("const int outer = flat / %d;", n.size)
		p.line("const int inner = flat %% %d;", n.size)
		p.line("const %s mi = m0 + outer / %d * %d + down * %d + outer %% %d;", p.index, fragment, m.size/2, fragment, fragment)
		p.line("const %s ni = n0 + inner;", p.index)
		p.inMatrix([]side{m, n}, func() {
			p.axes(c.M, "mi", func() {
				p.axes(c.N, "ni", func() {
					for _, r := range rights {
						p.line("const float %s = %s[outer * %d + inner];", variable(r.sums.value), r.sums.name, r.sums.stride())
					}
					p.stores(c.Sums()...)
				})
			})
		}, nil)
	})
}
