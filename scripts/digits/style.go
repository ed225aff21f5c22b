package main

// A pen says how ink is put on the paper.
type pen int

const (
	outline  pen = iota // the glyph's own ink, thicker or thinner
	ball                // a line of even width along the strokes
	pressure            // a line whose width changes on the way
	chisel              // a broad nib: the width depends on the direction
	pens
)

// A style is what held-out pictures differ in from training ones.
type style struct {
	face int
	pen  pen
}

// trainStyles are all faces and pens but the held-out ones. Most write: the
// outlines of print help little with handwriting.
func trainStyles() []style {
	var s []style
	for f := range len(faces) - heldFaces {
		s = append(s, style{f, outline}, style{f, ball}, style{f, ball}, style{f, pressure}, style{f, pressure})
	}
	return s
}

// heldStyles have a face or a pen that no training style has.
func heldStyles() []style {
	var s []style
	for f := range faces {
		for p := range pens {
			if f >= len(faces)-heldFaces || p == chisel {
				s = append(s, style{f, p})
			}
		}
	}
	return s
}
