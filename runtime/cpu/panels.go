package cpu

import "unsafe"

// A Panels is a kernel that copies rows of PanelCols elements of f32, one behind the
// other, from where these lie otherwise: what makes panels. Sizes count elements.
type Panels struct {
	// Copy writes n rows to dst. Of each it reads an element at src and the others at
	// steps of Lane, and of the next row the first is the Step of the last axis further.
	Copy     func(dst, src unsafe.Pointer, n, step int)
	Step     int    // what Copy is told: bytes from row to row, or from lane to lane
	Axes     []Walk // of the rows, outermost first: A of the source, B of the column, C of the result
	Lane     int    // from an element of a row to the next, in the source
	Columns  int    // columns beyond that are zeros
	From, To int    // arguments
	FirstA   int    // elements before the first
}

// rowsAtATime bounds the time of a call of assembly, which nothing can interrupt.
const rowsAtATime = 4096

// Run computes the rows of which the first point is in [lo, hi).
func (p *Panels) Run(call *Call, lo, hi int) {
	from := unsafe.Pointer(unsafe.SliceData(call.Args[p.From]))
	to := unsafe.Pointer(unsafe.SliceData(call.Args[p.To]))
	last := p.Axes[len(p.Axes)-1]
	for row, end := ceilDiv(lo, PanelCols), ceilDiv(hi, PanelCols); row < end; {
		n := min(last.N-row%last.N, end-row, rowsAtATime)
		at := Walk{A: p.FirstA}.along(p.Axes, row)
		dst, src := unsafe.Add(to, 4*at.C), unsafe.Add(from, 4*at.A)
		if at.B+PanelCols <= p.Columns {
			p.Copy(dst, src, n, p.Step)
		} else {
			out := unsafe.Slice((*float32)(dst), PanelCols*n)
			clear(out)
			for i := range n {
				for lane := range p.Columns - at.B {
					out[PanelCols*i+lane] = *(*float32)(unsafe.Add(src, 4*(i*last.A+lane*p.Lane)))
				}
			}
		}
		row += n
	}
}
