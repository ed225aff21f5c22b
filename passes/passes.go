// Package passes takes a module from the graph of its ops to planned kernels.
//
// A pass changes the module in place. Passes know nothing of dumping or timing:
// who wants to look observes the loop.
package passes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// A Pass is one step.
type Pass struct {
	Name string
	Doc  string
	Why  string // the reason for its place in the order
	run  func(m *ir.Module) error
}

// pipeline is the order. Up to precision the graph is one for all targets; from
// place on each target has its own.
var pipeline = []Pass{
	{"simplify", "fold constants, share common values, drop dead ones", "first, so that nothing later works on values that vanish", simplify},
	{"precision", "make the accumulators of sums explicit", "after simplify, before anything asks what a sum costs", precision},
	{"place", "decide the device of each value", "before values are grouped, since a kernel runs on one device", place},
	{"expand", "replace composite ops by what they consist of", "composites keep their name until fusion had its chance", expand},
	{"lower", "turn each value into a kernel, views folded", "needs the final graph of the target", lower},
	{"legalise", "rewrite what the target cannot print", "on kernels, where functions are scalar", legalise},
	{"tile", "choose each kernel's schedule", "before plan, which must know alignment and what may share memory", tile},
	{"schedule", "order the kernels and place the barriers", "after tile, since sharing memory changes what is alive", schedule},
	{"plan", "give every value in the arena its place", "last, lifetimes being counted in the epochs of the schedule", plan},
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
// after each.
func Run(m *ir.Module, target ir.Target, observe func(pass string, m *ir.Module)) error {
	m.Target = target
	for _, p := range pipeline {
		if err := apply(p, m); err != nil {
			return err
		}
		if observe != nil {
			observe(p.Name, m)
		}
	}
	return nil
}

// Until applies the passes up to and including the named one.
func Until(m *ir.Module, target ir.Target, last string) error {
	n := slices.IndexFunc(pipeline, func(p Pass) bool { return p.Name == last })
	if n < 0 {
		return unknown(last)
	}
	m.Target = target
	for _, p := range pipeline[:n+1] {
		if err := apply(p, m); err != nil {
			return err
		}
	}
	return nil
}

// Apply applies the named passes in the given order.
func Apply(m *ir.Module, names []string) error {
	for _, name := range names {
		n := slices.IndexFunc(pipeline, func(p Pass) bool { return p.Name == name })
		if n < 0 {
			return unknown(name)
		}
		if err := apply(pipeline[n], m); err != nil {
			return err
		}
	}
	return nil
}

func unknown(name string) error {
	var names []string
	for _, p := range pipeline {
		names = append(names, p.Name)
	}
	return fmt.Errorf("there is no pass %q; the passes are %s", name, strings.Join(names, ", "))
}

// apply runs one pass and the verifier. What a model asks for and a target does
// not have comes back as diagnostics; anything else is our bug.
func apply(p Pass, m *ir.Module) error {
	if err := p.run(m); err != nil {
		if _, ok := err.(ir.Diagnostics); ok {
			return err
		}
		return &InternalError{p.Name, err}
	}
	if err := ir.Verify(m); err != nil {
		return &InternalError{p.Name, err}
	}
	return nil
}
