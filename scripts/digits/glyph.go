package main

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gomonobolditalic"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// faces are the Go fonts. The last two are held out.
var faces = [][]byte{
	goregular.TTF, goitalic.TTF, gobold.TTF, gobolditalic.TTF, gomedium.TTF,
	gomono.TTF, gomonobold.TTF, gomonobolditalic.TTF,
	gomediumitalic.TTF, gomonoitalic.TTF,
}

const heldFaces = 2

// A point is a place of ink in units of the digit's height: y is 0 at its top and
// 1 at its foot, x is 0 in the middle of its box.
type point struct{ x, y float64 }

// A glyph is one digit of one face.
type glyph struct {
	ink     []point  // all its pixels
	pixel   float64  // the side of one of them
	strokes []stroke // its centre lines
}

// glyphs are indexed by face and digit.
type glyphs [][10]glyph

func loadGlyphs() (glyphs, error) {
	var all glyphs
	for _, ttf := range faces {
		parsed, err := opentype.Parse(ttf)
		if err != nil {
			return nil, err
		}
		face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: grid, DPI: 72})
		if err != nil {
			return nil, err
		}
		var digits [10]glyph
		for d := range digits {
			digits[d] = newGlyph(render(face, rune('0'+d)))
		}
		all = append(all, digits)
	}
	return all, nil
}

func newGlyph(mask *bitmap) glyph {
	var g glyph
	for y := range mask {
		for x := range mask[y] {
			if mask[y][x] {
				g.ink = append(g.ink, point{float64(x), float64(y)})
			}
		}
	}
	lo, hi := bounds(g.ink)
	g.pixel = 1 / (hi.y - lo.y)
	unit := func(p point) point { return point{(p.x - (lo.x+hi.x)/2) * g.pixel, (p.y - lo.y) * g.pixel} }
	for i, p := range g.ink {
		g.ink[i] = unit(p)
	}
	for _, line := range trace(thin(mask)) {
		for i, p := range line {
			line[i] = unit(p)
		}
		g.strokes = append(g.strokes, line.resample().smooth(0.03))
	}
	return g
}

func bounds(ps []point) (lo, hi point) {
	lo, hi = point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for _, p := range ps {
		lo = point{min(lo.x, p.x), min(lo.y, p.y)}
		hi = point{max(hi.x, p.x), max(hi.y, p.y)}
	}
	return lo, hi
}

// grid is the side of the raster that glyphs are rendered on.
const grid = 128

// A bitmap has a margin of one empty pixel on each side.
type bitmap [grid + 2][grid + 2]bool

func render(face font.Face, r rune) *bitmap {
	img := image.NewGray(image.Rect(0, 0, grid+2, grid+2))
	d := font.Drawer{Dst: img, Src: image.NewUniform(color.White), Face: face, Dot: fixed.P(grid/5, grid*4/5)}
	d.DrawString(string(r))
	var m bitmap
	for y := 1; y <= grid; y++ {
		for x := 1; x <= grid; x++ {
			m[y][x] = img.GrayAt(x, y).Y >= 128
		}
	}
	return &m
}
