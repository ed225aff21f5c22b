package dsl

import (
	"errors"
	"fmt"
	"io/fs"
	"math"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// A TestCase is a test block, compiled to an entry.
type TestCase struct {
	Name    string
	Pos     *ir.Pos
	Uses    string   // the file of arrays, as the model names it; empty: none
	Missing error    // why there is no such file: the test is not compiled then
	Entry   string   // of the program
	Inputs  []string // the arrays that are the inputs of the entry, in its order
	Checks  []Check  // in the order of the source
}

// A Check is an assertion on what a call of a test's entry gives.
type Check struct {
	Pos  *ir.Pos
	Text string // the condition
	Msg  string // as in the source; empty: none
	Got  int    // the result that is looked at
	Want int    // the result that it must be close to; less than 0: Got is of bools, which must be true

	// An element is close where it differs from the wanted one by RTol times that
	// one and ATol at most.
	RTol, ATol float64
}

// LoadTests compiles the test blocks of the model in a file, and no entry of it.
// arrays gives the types of the arrays in a file that a test uses, by their
// names; fs.ErrNotExist means that it is not there. The program is nil if no test
// can be run. The error is ir.Diagnostics.
func LoadTests(file string, opts Options, arrays func(file string) (map[string]ir.Type, error)) (*mlx.Program, []TestCase, error) {
	var tests []TestCase
	p, err := compile(file, opts, func(in *context, f *File) (some bool) {
		for _, d := range f.Decls {
			if d.Test == nil {
				continue
			}
			t := TestCase{Name: string(d.Test.Name), Pos: in.at(d.Test.span()), Uses: string(d.Test.Uses), Entry: fmt.Sprintf("test%d", len(tests)+1)}
			given := &arrayFile{name: t.Uses, test: &t}
			if t.Uses != "" {
				given.types, t.Missing = arrays(t.Uses)
			}
			switch {
			case t.Missing == nil:
				some = true
				in.buildTest(d.Test, d.Annos, given)
			case !errors.Is(t.Missing, fs.ErrNotExist):
				in.errorf(d.Test.span(), "%v", t.Missing)
			}
			tests = append(tests, t)
		}
		return some
	})
	return p, tests, err
}

func (t *Test) span() Span { return Span{t.Pos, t.Pos.Column + len("test")} }

// An arrayFile is what a test is built with: the file that it uses, if any. Its fields
// are tensors, which become inputs of the test's entry where they are first named.
type arrayFile struct {
	name    string
	types   map[string]ir.Type
	inputs  map[string]value
	test    *TestCase
	results int  // of the entry so far
	asserts bool // it has an assertion
}

// buildTest makes an entry of a test: its inputs are the arrays that it names, and
// its results what its assertions compare.
func (c *context) buildTest(t *Test, annos []*Anno, given *arrayFile) {
	c.b.SetPos(c.at(t.span()))
	c.b.Entry(given.test.Entry, func(e *mlx.Entry) {
		given.test.Inputs, given.test.Checks = nil, nil
		given.inputs, given.results = map[string]value{}, 0
		in := &context{compiler: c.compiler, file: c.file, scope: c.scope.inner(), entry: &entry{Entry: e, facts: map[string]bool{}, test: true}, depth: 1, test: given}
		in.policy = in.annotated(c.policy, annos)
		if t.As != nil {
			in.scope.vars[t.As.Name] = given
		}
		if _, done := in.run(t.Body); done {
			in.errorf(*in.returned, "a test returns nothing")
		}
		switch {
		case in.b.Failed():
		case !given.asserts:
			in.hintf(t.span(), "`assert close(f(g.x), g.y)`", "a test without an `assert` tests nothing")
		case len(given.test.Checks) == 0: // all its assertions hold at compile time
			e.Out("nothing", in.b.Number(ir.I32, 0))
		}
	})
}

// arrayOf is an array of the file that a test uses.
func (c *context) arrayOf(f *arrayFile, e *Field) value {
	if v, ok := f.inputs[e.Name]; ok {
		return v
	}
	typ, ok := f.types[e.Name]
	if !ok {
		return c.hintf(e.Span, orList(didYouMean(e.Name, keys(f.types)), keys(f.types)), "%s has no array `%s`", f.name, e.Name)
	}
	v := c.built(e.Span, func() mlx.Value { return c.entry.InOf(e.Name, typ) })
	f.inputs[e.Name] = v
	f.test.Inputs = append(f.test.Inputs, e.Name)
	return v
}

// sized reports whether a test knows the sizes of a state.
func (c *context) sized(at Span, w *weight) bool {
	for _, n := range w.value.Type().Shape {
		if _, known := n.Int(); !known {
			c.hintf(at, fmt.Sprintf("fix it with --dim, such as --dim %s=1", n), "a test needs the size %s of the state `%s`", n, w.path)
			return false
		}
	}
	return true
}

// A closeness is what `close` gives: a comparison that a test makes of what has
// been computed.
type closeness struct {
	got, want  mlx.Value
	rtol, atol float64
}

// tolerances are how far two floats may be apart where a test does not say, by the
// coarser dtype of the two: those of PyTorch's assert_close.
var tolerances = map[ir.DType][2]float64{
	ir.F64: {1e-7, 1e-7}, ir.F32: {1.3e-6, 1e-5}, ir.F16: {1e-3, 1e-5}, ir.BF16: {1.6e-2, 1e-5},
}

func closeTo(a *builtinArgs) value {
	like := dtypeAmong(a.args[0].value, a.args[1].value)
	if like == ir.Invalid {
		return a.c.errorf(a.call.Span, "`close` compares tensors")
	}
	got, ok1 := a.c.operand(a.at(0), a.args[0].value, like)
	want, ok2 := a.c.operand(a.at(1), a.args[1].value, like)
	if !ok1 || !ok2 {
		return poison{}
	}
	x, y := got.Type(), want.Type()
	problem := difference(x, y)
	if x.DType != y.DType && x.DType.IsFloat() && y.DType.IsFloat() {
		problem = difference(ir.Type{DType: y.DType, Shape: x.Shape}, y)
	}
	if y.Rank() > 0 && problem != "" || x.DType.IsFloat() != y.DType.IsFloat() {
		return a.c.report(ir.Diagnostic{Pos: a.c.at(a.call.Span), Msg: "`close` compares tensors of one shape: " + problem,
			Notes: []ir.Note{{Label: "a", Text: x.String()}, {Label: "b", Text: y.String()}}})
	}
	if x.Rank() > 0 && y.Rank() == 0 {
		want = want.Broadcast(x.Shape...)
	}
	var tol [2]float64
	for _, d := range []ir.DType{x.DType, y.DType} {
		tol = [2]float64{max(tol[0], tolerances[d][0]), max(tol[1], tolerances[d][1])}
	}
	return &closeness{got, want, math.Abs(a.float(2, tol[0])), math.Abs(a.float(3, tol[1]))}
}

// check takes an assertion of a test. What is known at compile time must hold
// there; all(x) is looked at element by element.
func (c *context) check(a *Assert) {
	c.test.asserts = true
	cond := a.Cond
	if call, ok := cond.(*Call); ok && len(call.Args) == 1 {
		if fn, ok := call.Fn.(*Name); ok && fn.Name == "all" && c.name(fn) == builtin("all") {
			cond = call.Args[0].Value
		}
	}
	check := Check{Pos: c.at(a.Cond.span()), Text: exprText(a.Cond), Msg: string(a.Msg), Want: -1}
	out := func(v mlx.Value) int {
		n := c.test.results
		c.test.results++
		c.entry.Out(fmt.Sprintf("value%d", n), v)
		return n
	}
	switch v := c.eval(cond).(type) {
	case *closeness:
		check.RTol, check.ATol = v.rtol, v.atol
		check.Got = out(v.got)
		check.Want = out(v.want)
	case mlx.Value:
		if v.Type().DType != ir.Bool {
			c.hintf(cond.span(), "compare it, or use `close`", "a condition is needed, not %s", describeValue(v))
			return
		}
		check.Got = out(v)
	default:
		c.require(cond, v, string(a.Msg))
		return
	}
	c.test.test.Checks = append(c.test.test.Checks, check)
}
