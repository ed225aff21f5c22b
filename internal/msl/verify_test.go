package msl

import (
	"bytes"
	"fmt"
	"strings"
)

// Verify runs a launch in every way there is: for values in three orders and under the
// checks in two. Each order must leave the same bits, and none find anything. What the
// kernel writes, run for values, is left in l.Buffers; l.Order is not used.
func (r *Runner) Verify(p *Program, l Launch) error {
	given := cloneBuffers(l.Buffers)
	for _, way := range []struct {
		object *Object
		orders []Order
	}{
		{p.Checked, []Order{Forward, Random}}, // first: a wrong access is named best here
		{p.Flat, []Order{Forward, Reverse, Random}},
	} {
		var first [][]byte
		for _, order := range way.orders {
			for i := range given {
				copy(l.Buffers[i], given[i])
			}
			l.Order = order
			result, err := r.Run(way.object, l)
			switch {
			case err != nil:
				return err
			case len(result.Findings) > 0:
				return findingsError(fmt.Sprintf("%v, %v order", way.object.Mode, order), result.Findings)
			case first == nil:
				first = cloneBuffers(l.Buffers)
			}
			for i := range first {
				if n := difference(first[i], l.Buffers[i]); n >= 0 {
					return fmt.Errorf("kernel %s: byte %d of buffer %d is another in %v order than forward (%v)", l.Kernel, n, i, order, way.object.Mode)
				}
			}
		}
	}
	return nil
}

func findingsError(run string, findings []Finding) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:", run)
	for _, f := range findings {
		fmt.Fprintf(&b, "\n%s", f)
	}
	return fmt.Errorf("%s", b.String())
}

func cloneBuffers(buffers [][]byte) [][]byte {
	out := make([][]byte, len(buffers))
	for i, b := range buffers {
		out[i] = bytes.Clone(b)
	}
	return out
}

// difference is the first byte in which a and b, of one length, differ; -1: none.
func difference(a, b []byte) int {
	if bytes.Equal(a, b) {
		return -1
	}
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}
