package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/mlxc/mlxc/frontend/dsl"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// compare looks at what an assertion of a test is about; nil: it holds.
func compare(c dsl.Check, results []*runtime.Array) *ir.Diagnostic {
	got := toTensor(results[c.Got])
	if c.Want < 0 {
		return compareTrue(c, got)
	}
	want := toTensor(results[c.Want])
	far, worst, largest := 0, 0, -1.0
	for i := range got.Len() {
		a, b := got.Number(i), want.Number(i)
		off := distance(a, b)
		if off == 0 || !math.IsInf(off, 1) && off <= c.ATol+c.RTol*math.Abs(b) {
			continue
		}
		far++
		if off > largest {
			worst, largest = i, off
		}
	}
	if far == 0 {
		return nil
	}
	return &ir.Diagnostic{Pos: c.Pos, Msg: failure(c, fmt.Sprintf("largest difference %.4g at %s; %d of %d elements are not close", largest, place(got.Shape, worst), far, got.Len())),
		Notes: []ir.Note{
			{Label: "got", Text: fmt.Sprintf("%.9g", got.Number(worst))},
			{Label: "want", Text: fmt.Sprintf("%.9g", want.Number(worst))},
			{Label: "allowed", Text: fmt.Sprintf("rtol %.3g, atol %.3g", c.RTol, c.ATol)},
		}}
}

// distance is infinite between a number and what is none.
func distance(a, b float64) float64 {
	switch d := math.Abs(a - b); {
	case a == b: // infinities too
		return 0
	case math.IsNaN(d):
		return math.Inf(1)
	default:
		return d
	}
}

func compareTrue(c dsl.Check, got *ir.Tensor) *ir.Diagnostic {
	wrong, first := 0, -1
	for i := range got.Len() {
		if got.I[i] == 0 {
			if wrong++; first < 0 {
				first = i
			}
		}
	}
	switch {
	case wrong == 0:
		return nil
	case len(got.Shape) == 0:
		return &ir.Diagnostic{Pos: c.Pos, Msg: failure(c, fmt.Sprintf("`%s` does not hold", c.Text))}
	}
	return &ir.Diagnostic{Pos: c.Pos, Msg: failure(c, fmt.Sprintf("`%s` does not hold at %s; %d of %d elements are false", c.Text, place(got.Shape, first), wrong, got.Len()))}
}

// failure is what the author of a test says, and what was found.
func failure(c dsl.Check, found string) string {
	if c.Msg == "" {
		return found
	}
	return c.Msg + ": " + found
}

// place is where element i of a tensor of some shape is: [2, 0].
func place(shape []int, i int) string {
	at := make([]string, len(shape))
	for axis := len(shape) - 1; axis >= 0; axis-- {
		at[axis] = strconv.Itoa(i % shape[axis])
		i /= shape[axis]
	}
	return "[" + strings.Join(at, ", ") + "]"
}
