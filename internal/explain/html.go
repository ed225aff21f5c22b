package explain

import (
	_ "embed"
	"html/template"
	"io"
	"strings"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"bytes":   func(n any) string { return bytes(toFloat(n)) },
	"count":   func(x float64) string { return decimal(x, "") },
	"number":  number,
	"seconds": Seconds,
	"flops":   operations,
	"rate":    func(x float64) string { return decimal(x, "B") },
	"list":    func(names []string) string { return strings.Join(names, ", ") },
}).Parse(pageText))

func toFloat(n any) float64 {
	if i, ok := n.(int64); ok {
		return float64(i)
	}
	return n.(float64)
}

// HTML writes an explanation as a page of its own, with the arena drawn to scale.
func HTML(w io.Writer, e *Explanation) error { return page.Execute(w, e) }

// Title names a plan.
func (p *Plan) Title() string { return p.title() }

// Details are what a launch says besides its figures.
func (l Launch) Details() []string { return l.details() }

// The size of the drawing of an arena, in pixels.
const (
	stepWidth   = 16
	arenaHeight = 320
	leastHeight = 2 // of a block that would not be seen
)

// A Box is a block in the drawing.
type Box struct {
	X, Y, Width, Height float64
	Block
}

// Boxes draws the blocks, the lowest offset at the bottom.
func (m Memory) Boxes() []Box {
	var boxes []Box
	for _, b := range m.Blocks {
		scale := arenaHeight / float64(max(1, m.Arena))
		height := max(leastHeight, float64(b.Bytes)*scale)
		boxes = append(boxes, Box{
			X: float64(b.First * stepWidth), Width: float64((b.Last - b.First + 1) * stepWidth),
			Y: arenaHeight - float64(b.Offset)*scale - height, Height: height, Block: b,
		})
	}
	return boxes
}

// Width is that of the drawing of a plan's arena.
func (p *Plan) Width() int { return len(p.Launches) * stepWidth }

// Height is that of the drawing of an arena.
func (p *Plan) Height() int { return arenaHeight }
