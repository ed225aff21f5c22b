// Package mlx builds models in Go. All checking of shapes and dtypes is here,
// once: the language is a client of this package.
//
// No operation returns an error. The first misuse of a value records one, with
// the place in the caller's source and the types involved, and gives a poisoned
// value; operations on poison are poison and say nothing. Build returns all that
// was recorded.
package mlx

import (
	"fmt"

	"github.com/mlxc/mlxc/ir"
)

// A Builder is one model; it is also the root of its tree of names. It is not
// safe for concurrent use.
type Builder struct {
	*Block
	module    *ir.Module
	scope     map[string]Dim // dims and constants, for types in text
	names     []string       // of scope, in order
	params    map[string]*param
	renames   []*rename
	byFacts   map[*ir.Dim]bool // dims whose bounds come from facts of entries
	entry     *Entry           // being built; nil between entries
	errs      ir.Diagnostics
	precision precision
	pos       *ir.Pos // set by SetPos
	device    Device  // set by On
	built     bool
	once      map[string]any
}

// Building is the entry that is being built; nil between entries.
func (b *Builder) Building() *Entry { return b.entry }

// Once is what make makes when it is first asked for under a name in this model. Packages
// upon the builder keep there what they need once a model.
func (b *Builder) Once(name string, make func() any) any {
	if _, ok := b.once[name]; !ok {
		b.once[name] = make()
	}
	return b.once[name]
}

// New starts the model called name.
func New(name string) *Builder {
	b := &Builder{module: &ir.Module{Name: name}, scope: map[string]Dim{}, params: map[string]*param{}, byFacts: map[*ir.Dim]bool{}, once: map[string]any{}}
	b.Block = &Block{b: b}
	return b
}

// Dim declares a dim with 0 <= name <= max that each call fixes.
func (b *Builder) Dim(name string, max int64) Dim { return b.DimRange(name, 0, max) }

// DimRange declares a dim with both bounds, inclusive.
func (b *Builder) DimRange(name string, min, max int64) Dim {
	if min < 0 || max < min {
		b.errorf("dim %s: bounds %d and %d", name, min, max)
	}
	d := &ir.Dim{Name: name, Min: min, Max: max, Pos: b.here()}
	if b.declare(name, d.Size()) {
		b.module.Dims = append(b.module.Dims, d)
	}
	return d.Size()
}

// Const names a number for use in types.
func (b *Builder) Const(name string, n int) Dim {
	b.declare(name, N(n))
	return N(n)
}

func (b *Builder) declare(name string, s Dim) bool {
	if !b.open("size "+name) || !b.named("size", name) {
		return false
	}
	if _, ok := b.scope[name]; ok {
		b.errorf("%s is declared twice", name)
		return false
	}
	b.scope[name] = s
	b.names = append(b.names, name)
	return true
}

// A BuildOption changes what Build accepts.
type BuildOption uint8

// Strict makes an input that nothing uses an error.
const Strict BuildOption = 1

// Build ends the model. The error is ir.Diagnostics, with all that is wrong.
func (b *Builder) Build(options ...BuildOption) (*Program, error) {
	if !b.open("Build") {
		return nil, b.errs
	}
	if len(b.module.Funcs) == 0 && !b.Failed() {
		b.errorf("%s has no entry", b.module.Name)
	}
	b.built = true
	settle(b.module)
	dropCounters(b.module)
	for _, o := range options {
		if o == Strict {
			b.errs = append(b.errs, unused(b.module)...)
		}
	}
	if !b.Failed() {
		b.errs = unknownSizes(b.module)
	}
	if b.Failed() {
		return nil, b.errs
	}
	if err := ir.Verify(b.module); err != nil {
		b.errorf("internal error: %v", err)
		return nil, b.errs
	}
	return &Program{b.module}, nil
}

// unused are diagnostics of inputs that are no operand and no result.
func unused(m *ir.Module) (wrong ir.Diagnostics) {
	used := map[string]map[string]bool{} // by entry and input
	for _, f := range m.Funcs {
		reads := map[*ir.Value]bool{}
		for _, in := range f.Body {
			for _, a := range in.Args {
				reads[a] = true
			}
		}
		for _, r := range f.Results {
			reads[r.Value] = true
		}
		if used[f.Name] == nil {
			used[f.Name] = map[string]bool{}
		}
		for _, v := range f.Inputs {
			used[f.Name][v.Name] = used[f.Name][v.Name] || reads[v]
		}
	}
	for _, f := range m.Entries() {
		for _, v := range f.Inputs {
			if !used[f.Name][v.Name] {
				wrong = append(wrong, ir.Diagnostic{Pos: f.Pos, Msg: fmt.Sprintf("input %s of entry %s is not used", v.Name, f.Name)})
			}
		}
	}
	return wrong
}

// open reports whether the model may still change.
func (b *Builder) open(what string) bool {
	if b.built {
		b.errorf("%s: the model is built already", what)
	}
	return !b.built
}
