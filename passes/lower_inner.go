package passes

import "github.com/mlxc/mlxc/ir"

// chooseInner makes the last axis of the grid the one that vectors run along,
// where nothing is folded.
func chooseInner(k *ir.Kernel) {
	if k.Inner != nil || len(k.Par) == 0 || len(reducedAxes(k)) > 0 {
		return
	}
	k.Inner = k.Par[len(k.Par)-1]
	k.Par = k.Par[:len(k.Par)-1]
}
