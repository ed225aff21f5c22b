//go:build darwin || (linux && mlxc_metal)

package metal

import "github.com/mlxc/mlxc/runtime/metal/mtl"

// Available reports why no program can run on Metal here, or nil.
func Available() error {
	d, err := mtl.OpenDevice()
	if err != nil {
		return failed(err)
	}
	d.Close()
	return nil
}
