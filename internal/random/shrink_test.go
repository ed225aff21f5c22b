package random

import (
	"regexp"
	"slices"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

// What is left of a program is what a fault needs, and nothing else.
func TestShrink(t *testing.T) {
	all := func(seed uint64) *ir.Module { return Module(seed, AllKinds) }
	for _, c := range []struct {
		what  string
		make  func(seed uint64) *ir.Module
		fault func(in *ir.Instr) bool
		want  string
	}{
		{"a concatenation of integers", all, func(in *ir.Instr) bool {
			return in.Op.Name == "concat" && in.Result().Type.DType.IsInt()
		}, `
func @run(%in: i32[0]) -> (out: i32[0]) {
%0 = concat(%in, axis=0) : i32[0]
ret(%0)
}`},
		{"a cast of a cast", all, func(in *ir.Instr) bool {
			return in.Op.Name == "cast" && in.Args[0].Instr != nil && in.Args[0].Instr.Op.Name == "cast"
		}, `
func @run(%in: f32) -> (out: f32) {
%0 = cast(%in, dtype=f32) : f32
%1 = cast(%0, dtype=f32) : f32
ret(%1)
}`},
		{"a loop that carries two values", Looped, func(in *ir.Instr) bool {
			a, ok := in.Attrs.(ir.LoopAttrs)
			return ok && a.Carried == 2
		}, `
dim t 0..0 counter
func @run(%in: f32) -> (out: f32) {
%0, %1 = loop(%in, %in, count=0, carried=2, ends=false) : f32, f32 (%in: f32, %in: f32, t: dim) -> (out: f32, out: f32) where t < 0 {
ret(%in, %in)
}
ret(%1)
}`},
	} {
		fails := func(m *ir.Module) bool {
			return slices.ContainsFunc(m.Bodies(), func(f *ir.Func) bool { return slices.ContainsFunc(f.Body, c.fault) })
		}
		n := 0
		for seed := uint64(0); n < 2; seed++ {
			m := c.make(seed)
			before := ir.Print(m)
			if live := reparsed(before); !fails(m) || len(before) > 6000 || !tidy(live) || !fails(live) { // large ones take long
				continue
			}
			n++
			got := ir.Print(Shrink(m, fails))
			for _, by := range []struct{ name, is string }{{`  `, ""}, {`%(x|in)[0-9_]*`, "%in"}, {`(out|next)[0-9]+`, "out"}, {`\bt[0-9]+`, "t"}, {`0\.\.[0-9] counter`, "0..0 counter"}} {
				got = regexp.MustCompile(by.name).ReplaceAllString(got, by.is)
			}
			if want := "mlxir 1\nmodule \"random\" {" + c.want + "\n}\n"; got != want {
				t.Errorf("%s, seed %d: it becomes\n%swant\n%s", c.what, seed, got, want)
			}
			if ir.Print(m) != before {
				t.Errorf("%s, seed %d: the module is another", c.what, seed)
			}
		}
	}
}
