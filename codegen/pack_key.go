package codegen

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/mlxc/mlxc/ir"
)

// packKey differs where what a packed file holds does: it is of the target, the params,
// with what fills them and whether calls read them, and the steps at load with their
// kernels, but not of names and places in the source.
func packKey(m *ir.Module) string {
	read := map[int]bool{}
	for _, f := range m.Funcs {
		for _, v := range f.Variants {
			for _, s := range v.Steps {
				for _, b := range s.Args {
					if b.Place == ir.InParam {
						read[b.Index] = true
					}
				}
			}
		}
	}
	h := sha256.New()
	fmt.Fprintln(h, m.Target)
	for i, p := range m.Params {
		if p.State {
			continue
		}
		fmt.Fprintf(h, "%q %s %t\n", p.Path, p.Type, read[i])
		if p.Of != nil { // the blocks of two formats may be of one size
			fmt.Fprintln(h, p.Of)
		}
		if numbers := p.Init.Numbers(); numbers != nil {
			fmt.Fprintln(h, numbers)
		}
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
