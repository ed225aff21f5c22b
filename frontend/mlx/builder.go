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
	"path/filepath"
	"runtime"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// A Dim is a size: a number, a dim, or arithmetic of them.
type Dim = ir.Size

// N is the size n.
func N(n int) Dim { return ir.N(int64(n)) }

// A Builder is one model; it is also the root of its tree of names. It is not
// safe for concurrent use.
type Builder struct {
	*Block
	module *ir.Module
	scope  map[string]Dim // dims and constants, for types in text
	names  []string       // of scope, in order
	params map[string]*param
	entry  *Entry // being built; nil between entries
	errs   ir.Diagnostics
	pos    *ir.Pos
	built  bool
}

// New starts the model called name.
func New(name string) *Builder {
	b := &Builder{module: &ir.Module{Name: name}, scope: map[string]Dim{}, params: map[string]*param{}}
	b.Block = &Block{b: b}
	return b
}

// SetPos says where what follows stands in the user's source; nil means the
// caller's own file and line. Front ends that read text use it.
func (b *Builder) SetPos(pos *ir.Pos) { b.pos = pos }

// Dim declares a dim with 0 <= name <= max that each call fixes.
func (b *Builder) Dim(name string, max int64) Dim { return b.DimRange(name, 0, max) }

// DimRange declares a dim with both bounds, inclusive.
func (b *Builder) DimRange(name string, min, max int64) Dim {
	if min < 0 || max < min {
		b.errorf(nil, "", "dim %s: bounds %d and %d", name, min, max)
		max = min
	}
	d := &ir.Dim{Name: name, Min: min, Max: max, Pos: b.where()}
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
	if _, ok := b.scope[name]; ok {
		b.errorf(nil, "", "%s is declared twice", name)
		return false
	}
	b.scope[name] = s
	b.names = append(b.names, name)
	return true
}

// Weights names the checkpoint that the model's params come from; format is
// safetensors or npz.
func (b *Builder) Weights(format, file string) {
	b.module.Checkpoint = &ir.Checkpoint{Format: format, File: file}
}

// Build ends the model. The error is ir.Diagnostics.
func (b *Builder) Build() (*Program, error) {
	if len(b.module.Funcs) == 0 && len(b.errs) == 0 {
		b.errorf(nil, "", "%s has no entry", b.module.Name)
	}
	b.built = true
	if err := b.errs.Err(); err != nil {
		return nil, err
	}
	return &Program{b.module}, nil
}

// typ reads a type in text.
func (b *Builder) typ(text string) (ir.Type, bool) {
	t, err := ir.ParseType(text, func(name string) (Dim, bool) { s, ok := b.scope[name]; return s, ok }, b.names)
	if err != nil {
		msg := err.Error()
		if s, ok := err.(*ir.SyntaxError); ok {
			msg = s.Msg
		}
		b.errorf(nil, "", "type %q: %s", text, msg)
		return t, false
	}
	return t, true
}

// Fail records an error at the present position.
func (b *Builder) Fail(msg, hint string, notes ...ir.Note) { b.errorf(notes, hint, "%s", msg) }

func (b *Builder) errorf(notes []ir.Note, hint, format string, args ...any) {
	b.errs = append(b.errs, ir.Diagnostic{Pos: b.where(), Msg: fmt.Sprintf(format, args...), Notes: notes, Hint: hint})
}

// Failed reports whether an error has been recorded.
func (b *Builder) Failed() bool { return len(b.errs) > 0 }

// library is the prefix of functions that are not the user's.
const library = "github.com/mlxc/mlxc/frontend/mlx"

// where is the position that was set, or the first caller outside the library.
// The file is named without its directory, so that no machine shows in the IR.
func (b *Builder) where() *ir.Pos {
	if b.pos != nil {
		return b.pos
	}
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if rest, ok := strings.CutPrefix(f.Function, library); !ok || !strings.HasPrefix(rest, ".") && !strings.HasPrefix(rest, "/") || strings.HasSuffix(f.File, "_test.go") {
			return &ir.Pos{File: filepath.Base(f.File), Line: f.Line}
		}
		if !more {
			return &ir.Pos{File: b.module.Name}
		}
	}
}

// A Program is a checked model.
type Program struct{ module *ir.Module }

// Module is the program's IR. The caller may change it; the program is then spent.
func (p *Program) Module() *ir.Module { return p.module }
