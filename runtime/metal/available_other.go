//go:build !(darwin || (linux && mlxc_metal))

package metal

import (
	"errors"

	"github.com/mlxc/mlxc/runtime"
)

// Available reports why no program can run on Metal here: there is none.
func Available() error {
	return &runtime.DeviceError{Device: "metal", Err: errors.New("this system has none; it is part of macOS")}
}
