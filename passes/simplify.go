package passes

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// simplify brings each function to a canonical form: rewrites that change no
// value, one instruction per expression, none that nothing needs.
func simplify(m *ir.Module) error {
	for _, f := range m.Bodies() {
		for {
			rewritten, err := rewrite(f)
			if err != nil {
				return err
			}
			if shared := share(f); !rewritten && !shared {
				break
			}
		}
		removeDead(f)
	}
	return nil
}

// A rewriting gives a value that may stand for the result of an instruction whose
// operands are simple already; nil where it has nothing to say. Each makes a
// program smaller, or moves it towards one form, so that rewriting ends.
type rewriting struct {
	why   string
	apply func(b *rewriter, in *ir.Instr) *ir.Value
}

var rewritings = []rewriting{
	{"a constant looks the same from everywhere", viewOfConstant},
	{"a view that moves nothing is its operand", identityView},
	{"moving axes of size 1 moves no element: one form for it, reshape", plainReshape},
	{"of two views of one kind one remains", viewOfView},
	{"what has constant operands is a constant", foldConstants},
	{"a constant operand stands last where the order does not matter", constantLast},
	{"x*1 is x, and so on", neutralOperand},
	{"x*0 is 0 for integers, and so on; for floats it is not, because of NaN", absorbingOperand},
	{"-(-x) is x, and so on", involution},
	{"a choice between equals, or one that is made, is no choice", decidedSelect},
	{"a cast that changes nothing is its operand, and nobody sees a detour through a wider dtype", foldCasts},
	{"what is done to every copy of a value is done to the value", stretchLast},
}

// A rewriter makes the instructions of a replacement.
type rewriter struct {
	ir.Emit
	err error
}

// again makes an instruction like in with other attributes and operands.
func (b *rewriter) again(in *ir.Instr, attrs any, args ...*ir.Value) *ir.Value {
	return b.op(in, in.Op.Name, attrs, args...)
}

// op makes an instruction in the place of another.
func (b *rewriter) op(in *ir.Instr, name string, attrs any, args ...*ir.Value) *ir.Value {
	made, err := b.Op(name, attrs, args...)
	if err != nil {
		b.err = fmt.Errorf("%s: %w", in.Pos, err)
		return nil
	}
	return made.Result()
}

// number is a constant in the type t.
func (b *rewriter) number(in *ir.Instr, t ir.Type, x float64) *ir.Value {
	return b.op(in, "const", ir.ConstAttrs{Value: x, DType: t.DType, Shape: t.Shape})
}

// rewrite applies the first rewriting that fits to each instruction in turn.
func rewrite(f *ir.Func) (changed bool, err error) {
	var body []*ir.Instr
	to := map[*ir.Value]*ir.Value{}
	for _, in := range f.Body {
		substitute(in.Args, to)
		if in.Op.Kind == ir.KindKernel {
			body = append(body, in)
			continue
		}
		b := &rewriter{Emit: ir.Emit{Pos: in.Pos, Facts: in.Facts, Device: in.Device}}
		v := b.replacement(in)
		switch {
		case b.err != nil:
			return false, b.err
		case v == nil:
			body = append(body, in)
			continue
		}
		if v.Name == "" && v.Instr != nil {
			v.Name = in.Result().Name
		}
		to[in.Result()] = v
		body = append(body, b.Body...)
	}
	f.Body = body
	substituteResults(f, to)
	return len(to) > 0, nil
}

func (b *rewriter) replacement(in *ir.Instr) *ir.Value {
	for _, r := range rewritings {
		if v := r.apply(b, in); v != nil || b.err != nil {
			return v
		}
	}
	return nil
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
	var body []*ir.Instr
	first := map[string]*ir.Instr{}
	to := map[*ir.Value]*ir.Value{}
	for _, in := range f.Body {
		substitute(in.Args, to)
		ids := make([]int, len(in.Args))
		for i, a := range in.Args {
			ids[i] = id(a)
		}
		if in.Op.Commutative {
			slices.Sort(ids)
		}
		key := fmt.Sprint(in.Op.Name, ids, ir.AttrText(in.Attrs), in.Device)
		old := first[key]
		if old == nil || in.Body != nil || in.Op.Kind == ir.KindSink {
			first[key] = in
			body = append(body, in)
			continue
		}
		for i, v := range in.Results {
			to[v] = old.Results[i]
			if old.Results[i].Name == "" {
				old.Results[i].Name = v.Name
			}
		}
	}
	f.Body = body
	substituteResults(f, to)
	return len(to) > 0
}

// removeDead drops what no result needs.
func removeDead(f *ir.Func) {
	need := map[*ir.Value]bool{}
	for _, v := range f.Kept() {
		need[v] = true
	}
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
}

// substitute puts replacements in the place of values, through any chain.
func substitute(args []*ir.Value, to map[*ir.Value]*ir.Value) {
	for i := range args {
		for to[args[i]] != nil {
			args[i] = to[args[i]]
		}
	}
}

func substituteResults(f *ir.Func, to map[*ir.Value]*ir.Value) {
	for i := range f.Results {
		v := []*ir.Value{f.Results[i].Value}
		substitute(v, to)
		f.Results[i].Value = v[0]
	}
	for i := range f.Writes {
		v := []*ir.Value{f.Writes[i].Value}
		substitute(v, to)
		f.Writes[i].Value = v[0]
	}
}
