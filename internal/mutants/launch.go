//go:build linux && mlxc_metal

package mutants

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/runtime"
)

// A launchMutant is a change of the steps of a program's entry.
type launchMutant struct {
	Mutant
	entry   int
	variant int
	change  func(*runtime.Variant)
}

// mutateLaunches makes all mutants of the steps of a variant of an entry. params is how
// many the program has, and kernels are the texts of its kernels; at are the offsets of
// the blocks, for each size that is tried.
func mutateLaunches(entry, variant int, e *runtime.Entry, params int, kernels []function, at [][]int64) []launchMutant {
	v := &e.Variants[variant]
	var all []launchMutant
	add := func(rule string, step int, change string, by func(*runtime.Variant)) {
		where := fmt.Sprintf("%s, step %d", e.Name, step)
		if len(v.Guard) > 0 {
			where = fmt.Sprintf("%s where %s, step %d", e.Name, v.Guard[0].Text, step)
		}
		all = append(all, launchMutant{Mutant{Rule: rule, Where: where, Change: change}, entry, variant, by})
	}
	for i := range v.Steps {
		s := &v.Steps[i]
		if s.Barrier {
			add("drop a host barrier", i, "none before it", func(v *runtime.Variant) { v.Steps[i].Barrier = false })
		}
		for n := range s.Args {
			if n > 0 && s.Args[n] != s.Args[n-1] {
				add("misbind", i, fmt.Sprintf("buffers %d and %d are swapped", n-1, n), func(v *runtime.Variant) {
					a := v.Steps[i].Args
					a[n], a[n-1] = a[n-1], a[n]
				})
			}
			if to := runtime.Arena.At((s.Args[n].Index + 1) % max(1, len(v.Blocks))); s.Args[n].Where == runtime.Arena && !samePlace(at, s.Args[n].Index, to.Index) {
				add("misbind", i, fmt.Sprintf("buffer %d is block %d, not %d", n, to.Index, s.Args[n].Index), func(v *runtime.Variant) { v.Steps[i].Args[n] = to })
			}
			if s.Args[n].Where == runtime.Weight && params > 1 {
				to := runtime.Weight.At((s.Args[n].Index + 1) % params)
				add("misbind", i, fmt.Sprintf("buffer %d is param %d, not %d", n, to.Index, s.Args[n].Index), func(v *runtime.Variant) { v.Steps[i].Args[n] = to })
			}
		}
		for n := range s.Sizes {
			if !strings.Contains(kernels[s.Kernel].text, fmt.Sprintf("dims[%d]", n)) {
				continue // the kernel does not read it
			}
			// One more would mean the same where no thread is there to do more.
			add("wrong size", i, fmt.Sprintf("size %d is one less", n), func(v *runtime.Variant) {
				v.Steps[i].Sizes[n] = append(slices.Clone(v.Steps[i].Sizes[n]), runtime.Term{Coef: -1})
			})
		}
		add("short grid", i, "a threadgroup less", func(v *runtime.Variant) {
			v.Steps[i].Grid = append(slices.Clone(v.Steps[i].Grid), runtime.Term{Coef: -1})
		})
		if len(kernels) > 1 {
			add("another kernel", i, "the next of the program", func(v *runtime.Variant) { v.Steps[i].Kernel = (v.Steps[i].Kernel + 1) % len(kernels) })
		}
		if s.Barrier && meet(s, &v.Steps[i-1]) {
			add("wrong order", i, "before the step before it", func(v *runtime.Variant) {
				v.Steps[i], v.Steps[i-1] = v.Steps[i-1], v.Steps[i]
			})
		}
	}
	return all
}

// meet reports that two steps have a block or a result in common. Others may change
// places.
func meet(a, b *runtime.Step) bool {
	return slices.ContainsFunc(a.Args, func(r runtime.Ref) bool {
		return (r.Where == runtime.Arena || r.Where == runtime.Output) && slices.Contains(b.Args, r)
	})
}

// samePlace reports that two blocks start at one address, at all sizes that are tried.
func samePlace(at [][]int64, a, b int) bool {
	return !slices.ContainsFunc(at, func(offset []int64) bool { return offset[a] != offset[b] })
}

// cloneVariant is a copy whose steps can be changed.
func cloneVariant(v runtime.Variant) runtime.Variant {
	v.Steps = slices.Clone(v.Steps)
	for i := range v.Steps {
		v.Steps[i].Args = slices.Clone(v.Steps[i].Args)
		v.Steps[i].Sizes = slices.Clone(v.Steps[i].Sizes)
	}
	return v
}
