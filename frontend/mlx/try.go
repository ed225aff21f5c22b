package mlx

import (
	"maps"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// Try calls body, undoes what it builds, and gives what was wrong with it: to see whether
// something can be built, and of which types it is. Params that body declares stay.
func (e *Entry) Try(body func()) error {
	b := e.b
	emit, weights, outer, rounds, errs := e.emit, e.weights, e.loop, e.rounds, b.errs
	e.weights, b.errs = maps.Clone(weights), nil
	defer func() { e.emit, e.weights, e.loop, e.rounds, b.errs = emit, weights, outer, rounds, errs }()
	body()
	if len(b.errs) > 0 {
		return b.errs
	}
	return nil
}

// Errors are what has been recorded as wrong so far.
func (b *Builder) Errors() ir.Diagnostics { return slices.Clone(b.errs) }
