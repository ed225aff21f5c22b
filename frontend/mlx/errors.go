package mlx

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// SetPos says where what follows stands in the user's source; nil means the
// caller's own file and line. Front ends that read text use it. What it returns puts
// back what was set before.
func (b *Builder) SetPos(pos *ir.Pos) (restore func()) {
	before := b.pos
	b.pos = pos
	return func() { b.pos = before }
}

// Here is where the model is being built: the position that was set, or the caller's.
func (b *Builder) Here() *ir.Pos { return b.here() }

// libraries are the paths of what builds for the user: this package with those below it, and
// the language that some of these use.
var libraries = []string{"github.com/mlxc/mlxc/frontend/mlx", "github.com/mlxc/mlxc/frontend/dsl"}

// isLibrary reports whether a function belongs to one of libraries.
func isLibrary(function string) bool {
	return slices.ContainsFunc(libraries, func(path string) bool {
		rest, ok := strings.CutPrefix(function, path)
		return ok && (rest[0] == '.' || rest[0] == '/')
	})
}

// here is the position that was set, or the first caller outside the library.
// The file is named without its directory, so that no machine shows in the IR.
func (b *Builder) here() *ir.Pos {
	if b.pos != nil {
		return b.pos
	}
	pcs := make([]uintptr, 16)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if !isLibrary(f.Function) {
			return &ir.Pos{File: filepath.Base(f.File), Line: f.Line}
		}
		if !more {
			return &ir.Pos{File: b.module.Name}
		}
	}
}

// Fail records an error at the present position.
func (b *Builder) Fail(msg, hint string, notes ...ir.Note) {
	b.errs = append(b.errs, ir.Diagnostic{Pos: b.here(), Msg: msg, Notes: notes, Hint: hint})
}

// Failed reports whether an error has been recorded.
func (b *Builder) Failed() bool { return len(b.errs) > 0 }

// Poison stands for a value that is missing because of an error that has been recorded.
func (b *Builder) Poison() Value { return Value{b: b} }

// errorf records an error and gives the poison that stands for what failed.
func (b *Builder) errorf(format string, args ...any) Value {
	b.Fail(fmt.Sprintf(format, args...), "")
	return Value{b: b}
}

// misuse is errorf with a note on the value that is misused.
func (b *Builder) misuse(x *ir.Value, format string, args ...any) Value {
	b.Fail(fmt.Sprintf(format, args...), "", b.note("value", x))
	return Value{b: b}
}

// opError records that an op does not take its operands.
func (b *Builder) opError(op *ir.Op, attrs any, xs []*ir.Value, err error) Value {
	notes := make([]ir.Note, len(xs))
	for i, x := range xs {
		label := fmt.Sprintf("operand %d", i)
		if i < len(op.Operands) && !strings.HasSuffix(op.Operands[i], "...") {
			label = op.Operands[i]
		}
		notes[i] = b.note(label, x)
	}
	b.Fail(err.Error(), hint(op, attrs, xs, err), notes...)
	return Value{b: b}
}

// note says what a value is, and where it was made.
func (b *Builder) note(label string, x *ir.Value) ir.Note {
	text := x.Type.String()
	if x.Name != "" {
		text += "  " + x.Name
	}
	pos := b.entry.inputs[x]
	if x.Instr != nil {
		pos = x.Instr.Pos
	}
	return ir.Note{Label: label, Text: text + ", made at " + pos.String()}
}

// transposedFits reports whether a product of a with b would be one if b's last two
// axes were exchanged, but for leading sizes.
func transposedFits(a, b ir.Type) bool {
	n, m := a.Rank(), b.Rank()
	return n > 1 && m > 1 && !a.Shape[n-1].Equal(b.Shape[m-2]) && a.Shape[n-1].Equal(b.Shape[m-1])
}

// hint says what would make an op right, if that is simple.
func hint(op *ir.Op, attrs any, xs []*ir.Value, err error) string {
	if errors.As(err, new(*stretchError)) {
		return "only the literal size 1 stretches"
	}
	if to, ok := attrs.(ir.CastAttrs); ok && to.DType.IsQuantised() {
		return "`mlxc pack` quantises a checkpoint"
	}
	if !errors.As(err, new(*ir.RuleError)) {
		return ""
	}
	if errors.As(err, new(*ir.AxisError)) {
		return "axes count from 0, and from the end as -1, -2"
	}
	if op.Name == "matmul" && transposedFits(xs[0].Type, xs[1].Type) {
		return "the second factor fits if its last two axes are exchanged: .T"
	}
	if _, each := attrs.(ir.GatherAttrs); each && xs[0].Type.Rank() != xs[1].Type.Rank() {
		return "an index is for one element, so that they have as many axes as x; `take` gives whole slices"
	}
	var ways []string
	tried := []ir.DType{ir.Bool}
	for _, t := range append(dtypes(xs), ir.F32) {
		if slices.Contains(tried, t) {
			continue
		}
		tried = append(tried, t)
		if fits(op, attrs, xs, t, true) || fits(op, attrs, xs, t, false) {
			ways = append(ways, fmt.Sprintf(".to(%s)", t))
		}
	}
	if len(ways) == 0 {
		return ""
	}
	return "nothing is converted silently: use " + strings.Join(ways, " or ")
}

// fits reports whether an op takes its operands once they are all of dtype t;
// conditions may stay what they are. Shapes of elementwise ops are fine already.
func fits(op *ir.Op, attrs any, xs []*ir.Value, t ir.DType, conditions bool) bool {
	in := &ir.Instr{Op: op, Attrs: attrs}
	for _, x := range xs {
		typ := x.Type
		if !conditions || typ.DType != ir.Bool {
			typ.DType = t
		}
		if op.Kind == ir.KindElementwise {
			typ.Shape = nil
		}
		in.Args = append(in.Args, &ir.Value{Type: typ})
	}
	_, err := in.Infer()
	return err == nil
}

func dtypes(xs []*ir.Value) []ir.DType {
	ts := make([]ir.DType, len(xs))
	for i, x := range xs {
		ts[i] = x.Type.DType
	}
	return ts
}
