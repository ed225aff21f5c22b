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
	tile := append([]jen.Code{
		p.first("down", across, down, k.Schedule.Tile.M),
		p.first("across", ir.N(1), across, k.Schedule.Tile.N),
	}, p.place(batch, "tile", down.Mul(across))...)

	nest := k.Nest(slices.Concat(batch, rows), column)
	at := jen.Id(p.names.axis[column.Name])
	row := p.stmts(nest[:len(nest)-1])
	row = append(row, jen.For(at.Clone().Op(":=").Id("across"), at.Clone().Op("<").Min(jen.Id("across").Op("+").Lit(k.Schedule.Tile.N), p.size(column.Extent)), at.Clone().Op("++")).Block(p.stmts(nest[len(nest)-1].Body)...))
	return p.eachTile(append(tile, p.eachRow(rows, row)))
}

// first is the first of the points that a tile of so many has along an axis of tiles.
func (p *printer) first(name string, inner, extent ir.Size, size int) jen.Code {
	at := p.digit("tile", inner, extent)
	if !extent.Is(1) && size > 1 {
		at.Op("*").Lit(size)
	}
	return jen.Id(name).Op(":=").Add(at)
}

// eachTile does body for each tile.
func (p *printer) eachTile(body []jen.Code) []jen.Code {
	return []jen.Code{jen.For(jen.Id("tile").Op(":=").Id("lo"), jen.Id("tile").Op("<").Id("hi"), jen.Id("tile").Op("++")).Block(body...)}
}

// eachRow does body for each row of a tile, which begins at down.
func (p *printer) eachRow(rows []*ir.Axis, body []jen.Code) jen.Code {
	end := jen.Min(jen.Id("down").Op("+").Lit(p.kernel.Schedule.Tile.M), p.size(ir.Product(extents(rows))))
	return jen.For(jen.Id("row").Op(":=").Id("down"), jen.Id("row").Op("<").Add(end), jen.Id("row").Op("++")).Block(append(p.place(rows, "row", ir.N(1)), body...)...)
}

func extents(axes []*ir.Axis) []ir.Size {
	sizes := make([]ir.Size, len(axes))
	for i, a := range axes {
		sizes[i] = a.Extent
	}
	return sizes
}
