package mlx

import "github.com/mlxc/mlxc/ir"

// A Device is where operations run: CPU, GPU, or empty where the target decides.
type Device = ir.Device

// The devices.
const (
	CPU = ir.OnCPU
	GPU = ir.OnGPU
)

// On places what body makes on a device. For target metal it runs there, on the same
// memory, and on the GPU what is not placed; for target cpu all runs on the CPU. Of an On
// within another the inner one counts.
func (b *Builder) On(d Device, body func()) {
	if d != CPU && d != GPU && d != ir.OnAny {
		b.errorf("there is no device %q; use CPU or GPU", d)
	}
	defer func(before Device) { b.device = before }(b.device)
	b.device = d
	body()
}

// Device is where On has placed what is being made.
func (b *Builder) Device() Device { return b.device }
