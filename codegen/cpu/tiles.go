package cpu

import (
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// tiles loops over the tiles of a product, and over the points of each.
func (p *printer) tiles() []jen.Code {
	k := p.kernel
	axes := k.TileAxes()
	batch, down, across := axes[:len(axes)-2], axes[len(axes)-2].Extent, axes[len(axes)-1].Extent
	rows, column := k.Contract.M, k.Contract.N[0]
	all := ir.Product(nil)
	for _, a := range rows {
		all = all.Mul(a.Extent)
	}
	first := func(name string, inner, extent ir.Size, size int) jen.Code {
		at := p.digit("tile", inner, extent)
		if !extent.Is(1) {
			at.Op("*").Lit(size)
		}
		return jen.Id(name).Op(":=").Add(at)
	}
	tile := append([]jen.Code{
		first("down", across, down, k.Schedule.Tile.M),
		first("across", ir.N(1), across, k.Schedule.Tile.N),
	}, p.place(batch, "tile", down.Mul(across))...)

	nest := k.Nest(slices.Concat(batch, rows), column)
	at := jen.Id(p.names.axis[column.Name])
	row := append(p.place(rows, "row", ir.N(1)), p.stmts(nest[:len(nest)-1])...)
	row = append(row, jen.For(at.Clone().Op(":=").Id("across"), at.Clone().Op("<").Min(jen.Id("across").Op("+").Lit(k.Schedule.Tile.N), p.size(column.Extent)), at.Clone().Op("++")).Block(p.stmts(nest[len(nest)-1].Body)...))

	tile = append(tile, jen.For(jen.Id("row").Op(":=").Id("down"), jen.Id("row").Op("<").Min(jen.Id("down").Op("+").Lit(k.Schedule.Tile.M), p.size(all)), jen.Id("row").Op("++")).Block(row...))
	return []jen.Code{jen.For(jen.Id("tile").Op(":=").Id("lo"), jen.Id("tile").Op("<").Id("hi"), jen.Id("tile").Op("++")).Block(tile...)}
}
