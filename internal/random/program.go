package random

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// programKinds have weights that are quantised.
var programKinds = append(slices.Clone(AllKinds), ir.KindDequant)

// Program makes a module of up to four entries, which share weights and states, of any kind:
// one that rounds or not, with loops or not, of small sizes or such that vectors and what is
// left of them are filled. special says that its inputs may be no numbers.
func Program(seed uint64) (m *ir.Module, special bool) {
	g := newGenerator(seed, programKinds)
	g.room = 1 << 11
	g.entries, g.states = 1+g.r.IntN(4), g.r.IntN(3) == 0
	switch g.r.IntN(10) {
	case 0, 1:
		g.kinds, special = ByElement, g.r.IntN(2) == 0
	case 2:
		g.kinds, g.exact, special = ByElement, true, g.r.IntN(2) == 0
	case 3:
		if g.kinds, g.entries = loopKinds, 1; g.r.IntN(2) == 0 {
			g.kinds, g.exact = exactLoopKinds, true
		} else {
			g.dtypes = whole
		}
	}
	if g.r.IntN(4) == 0 {
		g.sizes, g.most = []int64{1, 2, 3, 7, 8, 16, 17, 33, 65}, 20
	}
	return g.module(), special
}

// Merge is the entries of several modules in one, whose names begin with the numbers of theirs:
// @p3_run. One alone stays as it is. All are as Program makes them, with two dims that calls
// give, which get the widest bounds.
func Merge(all []*ir.Module) *ir.Module {
	if len(all) == 1 {
		return reparsed(ir.Print(all[0]))
	}
	var params, funcs, dims strings.Builder
	shared := []*ir.Dim{}
	for _, d := range all[0].Dims[:2] {
		copied := *d
		for _, m := range all {
			copied.Max, copied.Session = max(copied.Max, m.Dim(d.Name).Max), copied.Session || m.Dim(d.Name).Session
		}
		shared = append(shared, &copied)
	}
	dims.WriteString(body(&ir.Module{Dims: shared}))
	for i, m := range all {
		named := func(text string) string { return name.ReplaceAllString(text, fmt.Sprintf("${1}p%d_$2", i)) }
		dims.WriteString(named(body(&ir.Module{Dims: m.Dims[2:]})))
		params.WriteString(named(body(&ir.Module{Params: m.Params})))
		funcs.WriteString(named(body(&ir.Module{Funcs: m.Funcs})))
	}
	merged := reparsed("mlxir 1\nmodule \"random\" {\n" + dims.String() + params.String() + funcs.String() + "}\n")
	if merged == nil {
		panic("random: modules do not merge")
	}
	return merged
}

// name is that of a param, of a function or of a counter.
var name = regexp.MustCompile(`(@|\b)([swt][0-9]+|run[0-9]*)\b`)

// body is what stands in the braces of a module.
func body(m *ir.Module) string {
	lines := slices.Collect(strings.Lines(ir.Print(m)))
	return strings.Join(lines[2:len(lines)-1], "")
}
