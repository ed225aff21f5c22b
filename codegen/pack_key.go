package codegen

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/mlxc/mlxc/ir"
)

// packKey differs where what is computed at load does: it is of the target, the params,
// and the steps with their kernels, but not of names and places in the source.
func packKey(m *ir.Module) string {
	h := sha256.New()
	fmt.Fprintln(h, m.Target)
	for _, p := range m.Params {
		fmt.Fprintln(h, p.Path, p.Type)
	}
	if m.Load != nil {
		for _, b := range m.Packed() {
			fmt.Fprintln(h, b.Type)
		}
		for _, s := range m.Load.Steps {
			k := *s.Kernel
			k.Name, k.Pos = "", nil
			fmt.Fprintln(h, ir.PrintKernel(&k))
			for _, b := range s.Args {
				fmt.Fprintln(h, b.Place, b.Index)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
