package passes

import (
	"errors"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// rowsAreFew is up to how many rows a product is one of few: its weights, read once for
// all of them, take longer than the arithmetic.
const rowsAreFew = 8

// variants puts before each function those of its variants that have a guard: what the
// source asks for, else what propose finds. A function that has others of its name before
// it, whose bodies differ, is what the source asks for already. In a variant a dim that the guard fixes is
// a number, and one that it limits has closer bounds, so all later passes decide for
// these sizes, and need not know of variants. Up to lower a variant is a function.
func variants(m *ir.Module) error {
	var funcs []*ir.Func
	for i, f := range m.Funcs {
		guards, asked := f.Split, len(f.Split) > 0
		cases := len(f.Guard) > 0 || i > 0 && m.Funcs[i-1].Name == f.Name
		if f.Split = nil; !asked && !cases {
			guards = propose(m, f)
		}
		for _, g := range guards {
			narrow, err := f.Narrow([]ir.Fact{g})
			var rule *ir.RuleError
			switch {
			case err == nil:
				funcs = append(funcs, narrow)
			case !errors.As(err, &rule):
				return err
			case asked:
				return ir.Diagnostics{{Pos: rule.Instr.Pos, Msg: "where " + g.String() + ": " + rule.Error()}}
			}
		}
		funcs = append(funcs, f)
	}
	m.Funcs = funcs
	return nil
}

// propose finds the dim that is the number of rows of most of a function's work, and
// where there is one the guards for one row and for few.
//
// That is judged where the dim is 1, and all others are at their least: there the
// products with weights that have one row must be half of the arithmetic of all. A
// network of convolutions is not such a function, although its last layers are
// products, since one image has many rows. Where there are several such dims, as those of
// sequences and of their tokens are, it is that with most of the work of products that have
// few rows then for all values of the others.
func propose(m *ir.Module, f *ir.Func) []ir.Fact {
	var found *ir.Dim
	var best rowWork
	for _, d := range m.Dims {
		if lo, hi := d.Within(f.Where); lo > 1 || hi <= 1 {
			continue
		}
		w := workOfRows(f, d)
		if w.one >= w.all/2 && w.one > 0 && (found == nil || w.few > best.few || w.few == best.few && w.one > best.one) {
			found, best = d, w
		}
	}
	if found == nil {
		return nil
	}
	guards := []ir.Fact{
		{Left: found.Size(), Rel: ir.EQ, Right: ir.N(1)},
		{Left: found.Size(), Rel: ir.LE, Right: ir.N(rowsAreFew)},
	}
	_, most := found.Within(f.Where)
	return slices.DeleteFunc(guards, func(g ir.Fact) bool {
		n, _ := g.Right.Int()
		return n >= most || never(f.Where, g)
	})
}

// never reports that some fact is wrong wherever a guard holds.
func never(facts []ir.Fact, guard ir.Fact) bool {
	return slices.ContainsFunc(facts, func(f ir.Fact) bool {
		f.Left, f.Right = f.Left.Narrow([]ir.Fact{guard}), f.Right.Narrow([]ir.Fact{guard})
		holds, err := f.Holds(nil)
		return err == nil && !holds
	})
}

// A rowWork is the multiplications of a function's products with weights where a dim is 1 and
// all others are at their least.
type rowWork struct {
	one float64 // of those that have one row then, and more where the dim is larger
	few float64 // of those of them that have few rows for all values of the other dims, but not of all
	all float64
}

func workOfRows(f *ir.Func, d *ir.Dim) (w rowWork) {
	for _, in := range f.Body {
		if in.Op.Kind != ir.KindContract {
			continue
		}
		weights, ok := in.Args[1].Type.Elems().Int()
		if !ok {
			continue
		}
		shape := in.Result().Type.Shape
		rows := ir.Product(shape[:len(shape)-1])
		n, _ := rows.Eval(func(name string) (int64, bool) {
			if name == d.Name {
				return 1, true
			}
			return least(rows, name), true
		})
		w.all += float64(n) * float64(weights)
		if n > 1 || !mentions(rows, d) {
			continue
		}
		w.one += float64(weights)
		areFew := func(rows ir.Size) bool { most, ok := rows.Max(); return ok && most <= rowsAreFew }
		if areFew(rows.Narrow([]ir.Fact{{Left: d.Size(), Rel: ir.EQ, Right: ir.N(1)}})) && !areFew(rows) {
			w.few += float64(weights)
		}
	}
	return w
}

// least is the lower bound of a dim of a size, but not 0.
func least(s ir.Size, name string) int64 {
	n := int64(1)
	s.Walk(func(a *ir.Atom) {
		if a.Kind == ir.AtomDim && a.Dim.Name == name {
			n = max(1, a.Dim.Min)
		}
	})
	return n
}

// shareKernels lets a variant run the kernel that serves all sizes where that is the
// same but for the guard: closer bounds led to the same code and the same schedule.
func shareKernels(m *ir.Module) {
	on := devices(m)
	key := func(k *ir.Kernel) string {
		free := *k
		free.Guard = nil
		return kernelKey(&ir.Step{Kernel: &free, Device: on[k]})
	}
	free := map[string]*ir.Kernel{}
	for _, k := range m.Kernels {
		if len(k.Guard) == 0 {
			free[key(k)] = k
		}
	}
	to := map[*ir.Kernel]*ir.Kernel{}
	for _, k := range slices.Backward(m.Kernels) {
		if other := free[key(k)]; len(k.Guard) > 0 && other != nil {
			to[k] = other
			other.Name = k.Name // the first of the equal ones has the shortest
		}
	}
	for _, f := range m.Funcs {
		for _, v := range f.Variants {
			for _, s := range v.Steps {
				if other := to[s.Kernel]; other != nil {
					s.Kernel = other
				}
			}
		}
	}
	m.Kernels = slices.DeleteFunc(m.Kernels, func(k *ir.Kernel) bool { return to[k] != nil })
}
