package passes

import "github.com/mlxc/mlxc/ir"

// chooseInner makes the last axis of the grid the one that vectors run along,
// where nothing is folded.
func chooseInner(k *ir.Kernel) {
	if len(k.Par) == 0 || len(reducedAxes(k)) > 0 {
		return
	}
	k.Inner = k.Par[len(k.Par)-1]
	k.Par = k.Par[:len(k.Par)-1]
}

// recogniseContract finds a sum of products whose factors vary with one of the
// last two axes of the grid each.
func recogniseContract(k *ir.Kernel) {
	if len(k.Par) < 2 {
		return
	}
	m, n := k.Par[len(k.Par)-2], k.Par[len(k.Par)-1]
	for _, v := range k.Values {
		if v.Kind != ir.ScalarReduce || v.Fn != ir.Add || v.Args[0].Kind != ir.ScalarApply || v.Args[0].Fn != ir.Mul {
			continue
		}
		a, b := v.Args[0].Args[0], v.Args[0].Args[1]
		if a.Varies(n) {
			a, b = b, a
		}
		if a.Varies(m) && !a.Varies(n) && b.Varies(n) && !b.Varies(m) {
			k.Contract = &ir.Contract{M: m, N: n, A: a, B: b, Sum: v}
			return
		}
	}
}
