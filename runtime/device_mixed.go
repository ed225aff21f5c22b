package runtime

import "context"

// WithCPU is a backend for programs with steps OnCPU, which the workers of the process run,
// while all others run where b does, beside them. Memory is one, so nothing is copied.
func WithCPU(b Backend) Backend { return mixedBackend{b} }

type mixedBackend struct{ Backend }

func (b mixedBackend) Open(p *Program) (Device, error) {
	d, err := b.Backend.Open(p)
	if err != nil {
		return nil, err
	}
	return mixedDevice{d, cpuDevice{p.Kernels}}, nil
}

type mixedDevice struct {
	Device
	cpu cpuDevice
}

func (d mixedDevice) Record(launches []Launch) (Recording, error) {
	onCPU, err := d.cpu.Record(launches)
	if err != nil {
		return nil, err
	}
	r, err := d.Device.Record(launches)
	return mixedRecording{r, onCPU, launches}, err
}

// A mixedRecording is one of the device, and for the launches OnCPU one of the CPU.
type mixedRecording struct {
	Recording
	onCPU    Recording
	launches []Launch
}

func (r mixedRecording) of(launch int) Recording {
	if r.launches[launch].OnCPU {
		return r.onCPU
	}
	return r.Recording
}

func (r mixedRecording) Set(i int) { r.of(i).Set(i) }

// Begin begins launches that are all on one device.
func (r mixedRecording) Begin(ctx context.Context, first, end int) error {
	return r.of(first).Begin(ctx, first, end)
}
