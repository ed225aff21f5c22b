//go:build linux && mlxc_metal

package mutants

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/runtime"
)

// A launchMutant is a change of the steps of a program's entry.
type launchMutant struct {
	Mutant
	change func(*runtime.Variant)
}

// mutateLaunches makes all mutants of a variant's steps. kernels is how many the
// program has.
func mutateLaunches(entry string, v *runtime.Variant, params, kernels int) []launchMutant {
	var all []launchMutant
	add := func(rule string, step int, change string, by func(*runtime.Variant)) {
		where := fmt.Sprintf("%s, step %d (%s)", entry, step, v.Steps[step].Pos)
		all = append(all, launchMutant{Mutant{Rule: rule, Where: where, Change: change}, by})
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
			if s.Args[n].Where == runtime.Arena && len(v.Blocks) > 1 {
				to := runtime.Arena.At((s.Args[n].Index + 1) % len(v.Blocks))
				add("misbind", i, fmt.Sprintf("buffer %d is block %d, not %d", n, to.Index, s.Args[n].Index), func(v *runtime.Variant) { v.Steps[i].Args[n] = to })
			}
			if s.Args[n].Where == runtime.Weight && params > 1 {
				to := runtime.Weight.At((s.Args[n].Index + 1) % params)
				add("misbind", i, fmt.Sprintf("buffer %d is param %d, not %d", n, to.Index, s.Args[n].Index), func(v *runtime.Variant) { v.Steps[i].Args[n] = to })
			}
		}
		for n := range s.Sizes {
			add("wrong size", i, fmt.Sprintf("size %d is larger by 1", n), func(v *runtime.Variant) {
				v.Steps[i].Sizes[n] = append(slices.Clone(v.Steps[i].Sizes[n]), runtime.Term{Coef: 1})
			})
		}
		add("short grid", i, "a threadgroup less", func(v *runtime.Variant) {
			v.Steps[i].Grid = append(slices.Clone(v.Steps[i].Grid), runtime.Term{Coef: -1})
		})
		if kernels > 1 {
			add("another kernel", i, "the next of the program", func(v *runtime.Variant) { v.Steps[i].Kernel = (v.Steps[i].Kernel + 1) % kernels })
		}
		if i > 0 {
			add("wrong order", i, "before the step before it", func(v *runtime.Variant) {
				v.Steps[i], v.Steps[i-1] = v.Steps[i-1], v.Steps[i]
			})
		}
	}
	return all
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
