package passes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// simplify brings each function to a canonical form: rewrites that change no
// value, one instruction per expression, none that nothing needs.
func simplify(m *ir.Module) error {
	for _, f := range m.Funcs {
		for changed := true; changed; {
			changed = rewriteAll(f)
			changed = share(f) || changed
		}
		removeDead(f)
	}
	return nil
}

// A rewrite gives another value that equals an instruction's result, or nil.
type rewrite struct {
	why   string
	apply func(in *ir.Instr) *ir.Value
}

var rewrites = []rewrite{
	{"a view that changes nothing is its operand", identityView},
	{"of two reshapes in a row the last one decides", nil},
	{"a cast to the same dtype is its operand", func(in *ir.Instr) *ir.Value {
		if a, ok := in.Attrs.(ir.CastAttrs); ok && a.DType == in.Args[0].Type.DType {
			return in.Args[0]
		}
		return nil
	}},
	{"x*1 and x/1 are x, for NaN and -0 too; x+0 is not x for -0", timesOne},
}

func rewriteAll(f *ir.Func) bool {
	to := map[*ir.Value]*ir.Value{}
	for _, in := range f.Body {
		substitute(in.Args, to)
		mergeViews(in)
		for _, r := range rewrites {
			if r.apply == nil {
				continue
			}
			if v := r.apply(in); v != nil {
				to[in.Result()] = v
				break
			}
		}
	}
	replaceResults(f, to)
	return len(to) > 0 && removeDead(f)
}

// identityView recognises views that leave type and order alone.
func identityView(in *ir.Instr) *ir.Value {
	if in.Op.Kind != ir.KindView || len(in.Args) != 1 || !in.Result().Type.Equal(in.Args[0].Type) {
		return nil
	}
	if a, ok := in.Attrs.(ir.PermAttrs); ok && !slices.IsSorted(a.Perm) {
		return nil
	}
	if a, ok := in.Attrs.(ir.SliceAttrs); ok && slices.ContainsFunc(a.Start, func(s ir.Size) bool { return !s.Is(0) }) {
		return nil
	}
	return in.Args[0]
}

// mergeViews makes a view of a view one view, where the two are of one kind.
func mergeViews(in *ir.Instr) {
	if in.Op.Kind != ir.KindView || len(in.Args) != 1 || in.Args[0].Instr == nil || in.Args[0].Instr.Op != in.Op {
		return
	}
	inner := in.Args[0].Instr
	switch a := in.Attrs.(type) {
	case ir.ShapeAttrs: // reshape, broadcast: the last shape decides
		in.Args = inner.Args
	case ir.PermAttrs:
		before := inner.Attrs.(ir.PermAttrs).Perm
		perm := make([]int, len(before))
		for i, p := range a.Perm {
			perm[i] = before[p]
		}
		in.Attrs, in.Args = ir.PermAttrs{Perm: perm}, inner.Args
	}
}

func timesOne(in *ir.Instr) *ir.Value {
	switch in.Op.Name {
	case "mul":
		if isConst(in.Args[0], 1) {
			return in.Args[1]
		}
		fallthrough
	case "div":
		if isConst(in.Args[1], 1) {
			return in.Args[0]
		}
	}
	return nil
}

// isConst looks through views at a constant.
func isConst(v *ir.Value, x float64) bool {
	for v.Instr != nil && v.Instr.Op.Kind == ir.KindView && len(v.Instr.Args) == 1 && v.Instr.Op.Name != "pad" {
		v = v.Instr.Args[0]
	}
	if v.Instr == nil {
		return false
	}
	a, ok := v.Instr.Attrs.(ir.ConstAttrs)
	return ok && a.Value == x
}

// share keeps the first of equal expressions.
func share(f *ir.Func) bool {
	number := map[*ir.Value]int{}
	id := func(v *ir.Value) int {
		if _, ok := number[v]; !ok {
			number[v] = len(number)
		}
		return number[v]
	}
	first := map[string]*ir.Instr{}
	to := map[*ir.Value]*ir.Value{}
	for _, in := range f.Body {
		substitute(in.Args, to)
		if len(in.Regions) > 0 {
			continue
		}
		var key strings.Builder
		fmt.Fprint(&key, in.Op.Name, " ", ir.AttrText(in.Attrs), " ", in.Device)
		ids := make([]int, len(in.Args))
		for i, a := range in.Args {
			ids[i] = id(a)
		}
		if in.Op.Commutative {
			slices.Sort(ids)
		}
		fmt.Fprint(&key, ids)
		if old := first[key.String()]; old != nil {
			for i, v := range in.Results {
				to[v] = old.Results[i]
			}
			continue
		}
		first[key.String()] = in
	}
	replaceResults(f, to)
	return len(to) > 0 && removeDead(f)
}

// removeDead drops what no result needs.
func removeDead(f *ir.Func) bool {
	need := map[*ir.Value]bool{}
	for _, r := range f.Results {
		need[r.Value] = true
	}
	n := len(f.Body)
	var kept []*ir.Instr
	for _, in := range slices.Backward(f.Body) {
		if in.Op.Kind != ir.KindSink && !slices.ContainsFunc(in.Results, func(v *ir.Value) bool { return need[v] }) {
			continue
		}
		kept = append(kept, in)
		for _, a := range in.Args {
			need[a] = true
		}
	}
	slices.Reverse(kept)
	f.Body = kept
	return len(kept) < n
}
