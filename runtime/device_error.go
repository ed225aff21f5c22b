package runtime

// A DeviceError is a device that cannot run a program, or that failed while it did.
type DeviceError struct {
	Device string // such as metal
	Kernel string // "" where it is about no kernel, or about several
	Pos    string // of the kernel in the model's source
	Err    error  // what is wrong
}

func (e *DeviceError) Error() string {
	where := e.Device + ": "
	if e.Kernel != "" {
		where += "kernel " + e.Kernel
		if e.Pos != "" {
			where += " (" + e.Pos + ")"
		}
		where += ": "
	}
	return where + e.Err.Error()
}

// Unwrap gives what is wrong.
func (e *DeviceError) Unwrap() error { return e.Err }
