package runtime

// A DeviceError is a device that is not there, cannot run a kernel, or failed.
type DeviceError struct {
	Device string // metal
	Kernel string // "" where it is about no single one
	Pos    string // of the kernel in the model's source
	Err    error
}

func (e *DeviceError) Error() string {
	text := e.Device + ": "
	if e.Kernel != "" {
		text += "kernel " + e.Kernel
		if e.Pos != "" {
			text += " (" + e.Pos + ")"
		}
		text += ": "
	}
	return text + e.Err.Error()
}

// Unwrap gives what is wrong.
func (e *DeviceError) Unwrap() error { return e.Err }
