// Package passes takes a module from the graph of its ops to planned kernels.
//
// A pass changes the module in place. Who compiles one model for two targets
// starts from two modules; ir.Parse(name, ir.Print(m)) is a copy of m. Passes know
// nothing of dumping or timing: who wants to look observes the loop.
package passes

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// A Pass is one step.
type Pass struct {
	Name      string
	Doc       string
	Why       string // the reason for its place in the order
	PerTarget bool   // from here on the module is for one target
	needs     []need
	run       func(m *ir.Module) error
}

// pipeline is the order.
var pipeline = []Pass{
	{Name: "simplify", Doc: "fold constants, share common values, drop dead ones",
		Why:   "first, so that nothing later works on values that vanish",
		needs: []need{graph}, run: simplify},
	{Name: "precision", Doc: "make the accumulators of sums explicit",
		Why:   "after simplify, before anything asks what a sum costs",
		needs: []need{graph}, run: precision},
	{Name: "place", Doc: "decide the device of each value",
		Why:       "before values are grouped, since a kernel runs on one device",
		PerTarget: true, needs: []need{graph}, run: place},
	{Name: "variants", Doc: "give few rows plans of their own",
		Why:       "before fuse and all that decides by sizes; after what is the same for all",
		PerTarget: true, needs: []need{graph, placed}, run: variants},
	{Name: "expand", Doc: "replace composite ops by what they consist of",
		Why:       "after fusion has had its chance of knowing them by name",
		PerTarget: true, needs: []need{graph, placed}, run: expand},
	{Name: "merge", Doc: "make products of one value by weights one product",
		Why:       "on the final graph of the target; before fuse, to which the parts are views",
		PerTarget: true, needs: []need{graph, placed, expanded}, run: mergeProducts},
	{Name: "cut", Doc: "make straight pieces of what stands between loops",
		Why:       "before fuse, which groups straight code",
		PerTarget: true, needs: []need{graph, placed, expanded}, run: cut},
	{Name: "fuse", Doc: "decide which values are stored, and by which kernels",
		Why:       "on the final graph of the target",
		PerTarget: true, needs: []need{graph, placed, expanded}, run: fuse},
	{Name: "lower", Doc: "make the kernels, each by pulling from what it stores",
		Why:       "after fuse, which says what they store",
		PerTarget: true, needs: []need{graph, placed, expanded, fused}, run: lower},
	{Name: "legalise", Doc: "rewrite what the target cannot print",
		Why:       "on kernels, where functions are scalar",
		PerTarget: true, needs: []need{lowered, unplanned}, run: legalise},
	{Name: "tile", Doc: "choose each kernel's schedule",
		Why:       "before plan, which must know alignment and what may share memory",
		PerTarget: true, needs: []need{lowered, unplanned}, run: tile},
	{Name: "pack", Doc: "compute at load what depends on weights alone",
		Why:       "after tile, which makes panels of weights; before what is alive is counted",
		PerTarget: true, needs: []need{lowered, tiled, unplanned, unpacked}, run: pack},
	{Name: "schedule", Doc: "order the kernels and place the barriers",
		Why:       "after tile, since sharing memory changes what is alive",
		PerTarget: true, needs: []need{lowered, tiled, unplanned}, run: schedule},
	{Name: "plan", Doc: "give every value in the arena its place",
		Why:       "last, lifetimes being counted in the epochs of the schedule",
		PerTarget: true, needs: []need{lowered, tiled, scheduled}, run: plan},
}

// List is the passes in order.
func List() []Pass { return slices.Clone(pipeline) }

// An InternalError is a bug of ours: a pass left a module that does not hold, or
// could not do its work.
type InternalError struct {
	Pass string
	Err  error
}

func (e *InternalError) Error() string { return fmt.Sprintf("pass %s: %v", e.Pass, e.Err) }

func (e *InternalError) Unwrap() error { return e.Err }

// Run applies all passes to m for a target. observe, if not nil, sees the module
// after each. An error is ir.Diagnostics where the model is wrong for the target,
// an *InternalError where mlxc is, and else says why m or the target is not one
// to start from.
func Run(m *ir.Module, target ir.Target, observe func(pass string, m *ir.Module)) error {
	return run(m, target, pipeline, observe)
}

// Until applies the passes up to and including the named one.
func Until(m *ir.Module, target ir.Target, last string) error {
	ps, err := named([]string{last})
	if err != nil {
		return err
	}
	n := slices.IndexFunc(pipeline, func(p Pass) bool { return p.Name == ps[0].Name })
	return run(m, target, pipeline[:n+1], nil)
}

// Apply applies the named passes in the given order. The target may be empty
// where m has one, or where no pass needs one.
func Apply(m *ir.Module, target ir.Target, names []string) error {
	ps, err := named(names)
	if err != nil {
		return err
	}
	return run(m, target, ps, nil)
}

func named(names []string) ([]Pass, error) {
	var ps []Pass
	for _, name := range names {
		n := slices.IndexFunc(pipeline, func(p Pass) bool { return p.Name == name })
		if n < 0 {
			var known []string
			for _, p := range pipeline {
				known = append(known, p.Name)
			}
			return nil, fmt.Errorf("there is no pass %q; the passes are %s", name, strings.Join(known, ", "))
		}
		ps = append(ps, pipeline[n])
	}
	return ps, nil
}

func run(m *ir.Module, target ir.Target, ps []Pass, observe func(pass string, m *ir.Module)) error {
	switch {
	case target != "" && target != ir.CPU && target != ir.Metal:
		return fmt.Errorf("there is no target %q; the targets are %s and %s", target, ir.CPU, ir.Metal)
	case target != "" && m.Target != "" && m.Target != target:
		return fmt.Errorf("module %q is for target %s already", m.Name, m.Target)
	}
	for _, p := range ps {
		if p.PerTarget && m.Target == "" {
			if m.Target = target; target == "" {
				return fmt.Errorf("pass %s needs a target", p.Name)
			}
		}
		for _, n := range p.needs {
			if !n.holds(m) {
				return fmt.Errorf("pass %s needs %s", p.Name, n.what)
			}
		}
		if err := apply(p, m); err != nil {
			return err
		}
		if observe != nil {
			observe(p.Name, m)
		}
	}
	return nil
}

// apply runs one pass and the verifier.
func apply(p Pass, m *ir.Module) error {
	err := p.run(m)
	var wrong ir.Diagnostics
	if errors.As(err, &wrong) {
		return err
	}
	if err == nil {
		err = ir.Verify(m)
	}
	if err != nil {
		return &InternalError{p.Name, err}
	}
	return nil
}
