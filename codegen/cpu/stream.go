package cpu

import (
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// streamWords are what the text of a stream uses besides the words of all kernels.
var streamWords = []string{"acc", "query", "scores", "first", "key", "keys", "before", "largest", "i", "keyAt", "valueAt"}

// stream loops over the rows of a stream. Of each the query is computed once, and for some
// keys at a time their scores, what the sums so far are scaled by, and then the sums.
func (p *printer) stream() []jen.Code {
	k := p.kernel
	s, t := k.Stream, k.Schedule.Tile
	terms, ok := ir.Product(extents(s.Dot.Over)).Max()
	if !ok {
		return []jen.Code{p.fail("a query of any size")}
	}
	axes := k.TileAxes()
	batch, down := axes[:len(axes)-1], axes[len(axes)-1].Extent
	at := slices.Concat(batch, s.M)

	row := k.Lets(at, nil, []*ir.Scalar{s.Score, s.Value})
	known := declared(row)
	query := append(p.stmts(k.Lets(slices.Concat(at, s.Dot.Over), known, []*ir.Scalar{s.Query})), p.query().Op("=").Add(p.alone(s.Query)))
	key := jen.Id(p.names.axis[s.Keys.Name]).Op(":=").Id("first").Op("+").Id("key")
	each := func(body ...jen.Code) jen.Code {
		return jen.For(jen.Id("key").Op(":=").Range().Id("keys")).Block(append([]jen.Code{key.Clone()}, body...)...)
	}
	shift := k.Lets(at, append(known[:len(known):len(known)], s.Max), []*ir.Scalar{s.Exp})
	block := []jen.Code{
		jen.Id("keys").Op(":=").Min(jen.Lit(t.K), p.size(s.Keys.Extent).Op("-").Id("first")),
		jen.Id("before").Op(":=").Id("largest"),
		each(append(p.score(at, known),
			jen.Id("scores").Index(jen.Id("key")).Op("=").Add(p.alone(s.Score)),
			folds[ir.Max].step("largest", jen.Id("scores").Index(jen.Id("key"))))...),
		jen.Id(variable(s.Max)).Op(":=").Id("largest"),
		jen.Comment("Where no key is seen so far, the exponentials are 0."),
		jen.If(jen.Id("largest").Op("==").Add(p.lowest(s))).Block(jen.Id(variable(s.Max)).Op("=").Lit(0)),
	}
	block = append(block, p.stmts(shift)...)
	block = append(block,
		jen.If(jen.Id("largest").Op("!=").Id("before")).Block(p.rescale(at, slices.Concat(known, declared(shift)))...),
		each(p.weigh(at, slices.Concat(known, declared(shift)))...))
	keys := p.size(s.Keys.Extent)
	if !s.Seen.Is(0) {
		keys = jen.Min(keys, p.size(s.Seen))
	}
	body := append(p.stmts(row),
		jen.Id("largest").Op(":=").Add(p.lowest(s)),
		jen.Id(variable(s.Sum)).Op(":=").Id(computed(s.Sum.DType)).Call(jen.Lit(0)),
		jen.Var().Id("query").Index(jen.Lit(int(terms))).Id(computed(s.Query.DType)),
		p.each(s.Dot.Over, query),
		jen.Var().Id("scores").Index(jen.Lit(t.K)).Id(computed(s.Score.DType)),
		jen.Var().Id("acc").Index(jen.Lit(t.N)).Id(computed(s.Weighted.DType)),
		jen.For(jen.Id("first").Op(":=").Lit(0), jen.Id("first").Op("<").Add(keys), jen.Id("first").Op("+=").Lit(t.K)).Block(block...))
	body = append(body, p.weighted(at, known)...)
	tile := append([]jen.Code{p.first("down", ir.N(1), down, t.M)}, p.place(batch, "tile", down)...)
	return p.eachTile(append(tile, p.eachRow(s.M, body)))
}

func (p *printer) lowest(s *ir.Stream) *jen.Statement {
	return jen.Id(computed(s.Max.DType)).Call(lowest(s.Max.DType))
}

// declared are the scalars that statements make variables of.
func declared(stmts []ir.Stmt) []*ir.Scalar {
	var known []*ir.Scalar
	for _, s := range stmts {
		if s.Kind == ir.StmtLet || s.Kind == ir.StmtStart {
			known = append(known, s.Scalar)
		}
	}
	return known
}

// query is where a row has an element of its query.
func (p *printer) query() *jen.Statement {
	return jen.Id("query").Index(p.size(ir.Flat(p.kernel.Stream.Dot.Over)))
}

// score computes that of a key.
func (p *printer) score(at []*ir.Axis, known []*ir.Scalar) []jen.Code {
	k := p.kernel
	s := k.Stream
	at = append(at[:len(at):len(at)], s.Keys)
	key := k.Lets(at, known, []*ir.Scalar{s.Key})
	known = append(known[:len(known):len(known)], declared(key)...)
	code := append(p.stmts(key), p.from(s.Key, "keyAt", s.Dot.Over)...)
	p.inline[s.Query] = false
	term := []jen.Code{jen.Id(variable(s.Query)).Op(":=").Add(p.query())}
	term = append(term, p.stmts(k.Lets(slices.Concat(at, s.Dot.Over), append(known, s.Query), s.Dot.Args))...)
	code = append(code, p.start(s.Dot)...)
	code = append(code, p.each(s.Dot.Over, append(term, p.fold(s.Dot)...)))
	return append(code, p.stmts(k.Lets(at, append(known, s.Dot), []*ir.Scalar{s.Score}))...)
}

// from gives what a load has in common over some axes a name, since compilers of Go leave
// it in loops.
func (p *printer) from(v *ir.Scalar, name string, axes []*ir.Axis) []jen.Code {
	if v.Kind != ir.ScalarLoad || len(v.Bind) > 0 {
		return nil
	}
	first := v.Index
	for _, a := range axes {
		first = first.Replace(a, ir.Size{})
	}
	if len(first.Terms()) == 0 {
		return nil
	}
	code := jen.Id(name).Op(":=").Add(p.size(first))
	p.begins[v] = begin{name, v.Index.Sub(first)}
	return []jen.Code{code}
}

// rescale multiplies the sums by the exponential of the largest score of earlier keys.
func (p *printer) rescale(at []*ir.Axis, known []*ir.Scalar) []jen.Code {
	s := p.kernel.Stream
	code := []jen.Code{jen.Id(variable(s.Score)).Op(":=").Id("before")}
	code = append(code, p.stmts(p.kernel.Lets(append(at[:len(at):len(at)], s.Keys), append(known[:len(known):len(known)], s.Score, s.Max), []*ir.Scalar{s.Exp}))...)
	return append(code,
		jen.Id(variable(s.Sum)).Op("*=").Add(p.alone(s.Exp)),
		jen.For(jen.Id("i").Op(":=").Range().Id("acc")).Block(jen.Id("acc").Index(jen.Id("i")).Op("*=").Add(p.alone(s.Exp))))
}

// weigh adds a key to the sums.
func (p *printer) weigh(at []*ir.Axis, known []*ir.Scalar) []jen.Code {
	k := p.kernel
	s := k.Stream
	at = append(at[:len(at):len(at)], s.Keys)
	known = append(known[:len(known):len(known)], s.Score, s.Max)
	lets := k.Lets(at, known, []*ir.Scalar{s.Exp, s.Value})
	known = append(known, declared(lets)...)
	code := []jen.Code{jen.Id(variable(s.Score)).Op(":=").Id("scores").Index(jen.Id("key"))}
	code = append(code, p.stmts(lets)...)
	code = append(code, folds[ir.Add].step(variable(s.Sum), p.alone(s.Exp)))
	product := s.Weighted.Args[0]
	code = append(code, p.from(s.Value, "valueAt", s.N)...)
	column := p.stmts(k.Lets(slices.Concat(at, s.N), known, []*ir.Scalar{product}))
	return append(code, p.each(s.N, append(column, jen.Id("acc").Index(p.size(ir.Flat(s.N))).Op("+=").Add(p.alone(product)))))
}

// weighted stores what is computed from the sums.
func (p *printer) weighted(at []*ir.Axis, known []*ir.Scalar) []jen.Code {
	k := p.kernel
	s := k.Stream
	known = append(known[:len(known):len(known)], s.Sum, s.Weighted)
	var values []*ir.Scalar
	for _, st := range k.Stores {
		values = append(values, st.Value)
	}
	row := k.Lets(at, known, values)
	column := []jen.Code{jen.Id(variable(s.Weighted)).Op(":=").Id("acc").Index(p.size(ir.Flat(s.N)))}
	column = append(column, p.stmts(k.Lets(slices.Concat(at, s.N), append(known, declared(row)...), values))...)
	for _, st := range k.Stores {
		column = append(column, p.store(st))
	}
	return append(p.stmts(row), p.each(s.N, column))
}

// each does body for each point of axes.
func (p *printer) each(axes []*ir.Axis, body []jen.Code) jen.Code {
	for _, a := range slices.Backward(axes) {
		body = []jen.Code{p.loop(a, true, body)}
	}
	return body[0]
}
