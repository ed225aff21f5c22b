package main

import (
	"image"
	"image/color"

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
var faces = []struct {
	name string
	ttf  []byte
}{
	{"regular", goregular.TTF},
	{"italic", goitalic.TTF},
	{"bold", gobold.TTF},
	{"bold italic", gobolditalic.TTF},
	{"medium", gomedium.TTF},
	{"mono", gomono.TTF},
	{"mono bold", gomonobold.TTF},
	{"mono bold italic", gomonobolditalic.TTF},
	{"medium italic", gomediumitalic.TTF},
	{"mono italic", gomonoitalic.TTF},
}

const heldFaces = 2

// grid is the side of the raster that glyphs are rendered on.
const grid = 96

// A point is a place of ink, in units of the glyph's height.
type point struct{ x, y float64 }

// A glyph is one digit of one face: all places of ink, and those of its centre
// line.
type glyph struct{ ink, line []point }

// glyphs are indexed by face and digit.
type glyphs [][10]glyph

func loadGlyphs() (glyphs, error) {
	var all glyphs
	for _, f := range faces {
		parsed, err := opentype.Parse(f.ttf)
		if err != nil {
			return nil, err
		}
		face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: grid, DPI: 72})
		if err != nil {
			return nil, err
		}
		var digits [10]glyph
		for d := range digits {
			mask := render(face, rune('0'+d))
			digits[d] = glyph{ink: points(mask), line: points(thin(mask))}
		}
		all = append(all, digits)
	}
	return all, nil
}

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

func points(m *bitmap) []point {
	var ps []point
	for y := range m {
		for x := range m[y] {
			if m[y][x] {
				ps = append(ps, point{float64(x) / grid, float64(y) / grid})
			}
		}
	}
	return ps
}

// thin reduces ink to lines one pixel wide, after Zhang and Suen (1984).
func thin(m *bitmap) *bitmap {
	out := *m
	for changed := true; changed; {
		changed = false
		for pass := range 2 {
			var gone [][2]int
			for y := 1; y <= grid; y++ {
				for x := 1; x <= grid; x++ {
					if out[y][x] && removable(&out, x, y, pass) {
						gone = append(gone, [2]int{x, y})
					}
				}
			}
			for _, g := range gone {
				out[g[1]][g[0]] = false
				changed = true
			}
		}
	}
	return &out
}

// removable: the pixel has two to six neighbours in one run, and lies on the side
// that the pass removes.
func removable(m *bitmap, x, y, pass int) bool {
	ring := [8]bool{m[y-1][x], m[y-1][x+1], m[y][x+1], m[y+1][x+1], m[y+1][x], m[y+1][x-1], m[y][x-1], m[y-1][x-1]}
	count, runs := 0, 0
	for i, on := range ring {
		if on {
			count++
		} else if ring[(i+1)%8] {
			runs++
		}
	}
	if count < 2 || count > 6 || runs != 1 {
		return false
	}
	n, e, s, w := ring[0], ring[2], ring[4], ring[6]
	if pass == 0 {
		return !(n && e && s) && !(e && s && w)
	}
	return !(n && e && w) && !(n && s && w)
}
