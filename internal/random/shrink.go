package random

import (
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// Shrink is the smallest module that it comes to from m, of which fails holds, by leaving
// things out and making them simpler as long as fails holds of what remains. m has not been
// through the passes yet, and stays as it is; fails holds of it, and changes nothing. What
// fails is given is verified, and each of its dims can be solved from inputs or states.
func Shrink(m *ir.Module, fails func(*ir.Module) bool) *ir.Module {
	m = reparsed(ir.Print(m))
	for before := ""; before != ir.Print(m); {
		before = ir.Print(m)
		for _, edits := range shrinkings {
			for n := 0; ; {
				c := reparsed(ir.Print(m))
				all := edits(c)
				if n >= len(all) {
					break
				}
				all[n]()
				if tidy(c) && slices.Compare(measure(c), measure(m)) < 0 && fails(c) {
					m = c // of which edit n is another
				} else {
					n++
				}
			}
		}
	}
	return m
}

// reparsed is a module of its own; nil where the text is of none.
func reparsed(text string) *ir.Module {
	m, err := ir.Parse("random.mlxir", []byte(text))
	if err != nil {
		return nil
	}
	return m
}

// measure is smaller for what is simpler, so that shrinking ends.
func measure(m *ir.Module) []int {
	instrs, others, numbers, dtypes := 0, len(m.Funcs)+len(m.Dims)+len(m.Params), 0, 0
	for _, f := range m.Bodies() {
		instrs += len(f.Body)
		others += len(f.Inputs) + len(f.Results) + len(f.Writes)
		for _, in := range f.Body {
			others += len(in.Args)
			if a, ok := in.Attrs.(ir.LoopAttrs); ok {
				others += a.Carried
			}
		}
	}
	text := ir.Print(m)
	for _, at := range words(text) {
		word := text[at[0]:at[1]]
		if n, ok := number(word); ok {
			numbers += n + 1
		} else {
			dtypes += costOf(word)
		}
	}
	return []int{instrs, others, numbers, dtypes}
}

// shrinkings list, each for one kind of edit, those that a module has: what takes away most
// comes first. An edit may leave what does not hold together.
var shrinkings = []func(m *ir.Module) []func(){
	withoutFuncs, onlyResults, withoutResults, cutValues, cutLoops, passedValues, uncarried, withoutOperands, joinedInputs, withoutInputs, simplerShapes, simplerWords,
}

func withoutFuncs(m *ir.Module) (edits []func()) {
	for i := range m.Funcs {
		edits = append(edits, func() { m.Funcs = slices.Delete(m.Funcs, i, i+1) })
	}
	return edits
}

// onlyResults makes one value the only result, an early one first.
func onlyResults(m *ir.Module) (edits []func()) {
	for _, f := range m.Funcs {
		for _, in := range f.Body {
			for _, v := range in.Results {
				edits = append(edits, func() { f.Results, f.Writes = []ir.Result{{Name: "out", Type: v.Type, Value: v}}, nil })
			}
		}
	}
	return edits
}

func withoutResults(m *ir.Module) (edits []func()) {
	for _, f := range m.Funcs {
		for i := range f.Writes {
			edits = append(edits, func() { f.Writes = slices.Delete(f.Writes, i, i+1) })
		}
		for i := range f.Results {
			edits = append(edits, func() { f.Results = slices.Delete(f.Results, i, i+1) })
		}
	}
	return edits
}

// cutValues makes what an instruction gives inputs: late ones first, which takes what they
// are made of away, and loops before what is in them, whose values become numbers.
func cutValues(m *ir.Module) (edits []func()) {
	for _, f := range slices.Backward(m.Bodies()) {
		for i, in := range slices.Backward(f.Body) {
			edits = append(edits, func() {
				var one ir.Emit
				for _, v := range in.Results {
					input := &ir.Value{Name: "in", Type: v.Type}
					if !slices.Contains(m.Funcs, f) {
						made, err := one.Op("const", ir.ConstAttrs{Value: 1, DType: v.Type.DType, Shape: v.Type.Shape})
						if err != nil {
							continue
						}
						input = made.Result()
					} else {
						f.Inputs = append(f.Inputs, input)
					}
					replace(f, v, input)
				}
				f.Body = slices.Insert(f.Body, i, one.Body...)
			})
		}
	}
	return edits
}

// cutLoops puts the first round of a loop in its place.
func cutLoops(m *ir.Module) (edits []func()) {
	for _, f := range m.Bodies() {
		for i, in := range f.Body {
			if in.Body == nil {
				continue
			}
			edits = append(edits, func() {
				var first []ir.Fact
				for _, d := range in.Body.Dims {
					first = []ir.Fact{{Left: d.Size(), Rel: ir.EQ, Right: ir.N(0)}}
				}
				round, err := in.Body.Narrow(first)
				if err != nil {
					return
				}
				for _, inner := range round.Bodies() {
					inner.Guard = nil
					for _, x := range inner.Body {
						x.Facts = f.Where
					}
				}
				for n, v := range round.Inputs {
					replace(round, v, in.Args[n])
				}
				for n, r := range round.Results {
					replace(f, in.Results[n], r.Value)
				}
				f.Body = slices.Replace(f.Body, i, i+1, round.Body...)
			})
		}
	}
	return edits
}

// passedValues puts an operand or an input of its type in the place of a value.
func passedValues(m *ir.Module) (edits []func()) {
	for _, f := range m.Bodies() {
		for _, in := range f.Body {
			for _, a := range slices.Concat(in.Args, f.Inputs) {
				for _, v := range in.Results {
					if a.Type.Equal(v.Type) {
						edits = append(edits, func() { replace(f, v, a) })
					}
				}
			}
		}
	}
	return edits
}

// uncarried makes what a loop carries the same in all rounds.
func uncarried(m *ir.Module) (edits []func()) {
	for _, f := range m.Bodies() {
		for _, in := range f.Body {
			a, ok := in.Attrs.(ir.LoopAttrs)
			for i := range a.Carried {
				if !ok || a.Ends && i == 0 {
					continue
				}
				edits = append(edits, func() {
					b, outer, inner := in.Body, in.Args[i], in.Body.Inputs[i]
					replace(f, in.Results[i], outer)
					in.Results, b.Results = slices.Delete(in.Results, i, i+1), slices.Delete(b.Results, i, i+1)
					in.Args, b.Inputs = append(slices.Delete(in.Args, i, i+1), outer), append(slices.Delete(b.Inputs, i, i+1), inner)
					a.Carried--
					in.Attrs = a
				})
			}
		}
	}
	return edits
}

// withoutOperands leaves out operands of ops that take any number.
func withoutOperands(m *ir.Module) (edits []func()) {
	for _, f := range m.Bodies() {
		for _, in := range f.Body {
			for i := range in.Args {
				if in.Body == nil && len(in.Args) > 1 && strings.HasSuffix(in.Op.Operands[len(in.Op.Operands)-1], "...") {
					edits = append(edits, func() { in.Args = slices.Delete(in.Args, i, i+1) })
				}
			}
		}
	}
	return edits
}

// joinedInputs puts one input in the place of another.
func joinedInputs(m *ir.Module) (edits []func()) {
	for _, f := range m.Bodies() {
		for i, x := range f.Inputs {
			for _, y := range f.Inputs[i+1:] {
				if x.Type.Equal(y.Type) {
					edits = append(edits, func() {
						replace(f, y, x)
						if slices.Contains(m.Funcs, f) {
							f.Inputs = slices.DeleteFunc(f.Inputs, func(v *ir.Value) bool { return v == y })
						}
					})
				}
			}
		}
	}
	return edits
}

func withoutInputs(m *ir.Module) (edits []func()) {
	for _, f := range m.Funcs {
		for i := range f.Inputs {
			edits = append(edits, func() { f.Inputs = slices.Delete(f.Inputs, i, i+1) })
		}
	}
	return edits
}

// replace puts another value in the place of one.
func replace(f *ir.Func, old, by *ir.Value) {
	for _, in := range f.Body {
		for i, a := range in.Args {
			if a == old {
				in.Args[i] = by
			}
		}
	}
	for i := range f.Results {
		if f.Results[i].Value == old {
			f.Results[i].Value = by
		}
	}
	for i := range f.Writes {
		if f.Writes[i].Value == old {
			f.Writes[i].Value = by
		}
	}
}
