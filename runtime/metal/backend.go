//go:build darwin || (linux && mlxc_metal)

package metal

import (
	"fmt"

	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/runtime/metal/mtl"
)

// A Kernel is a function of the text.
//
// Its parameters are the buffers of a launch, in order, then, if it has sizes, one
// array of them in constant memory. It runs in threadgroups of one dimension.
type Kernel struct {
	Name     string
	Threads  int    // of a threadgroup
	Pos      string // in the model's source, for errors
	LongDims bool   // sizes are long, not int
}

// Kernels is the GPU as a place to run kernels, which source defines in the Metal
// Shading Language. The launches of a program refer to them by their index.
func Kernels(source string, kernels []Kernel) runtime.Backend {
	return &backend{source, kernels}
}

type backend struct {
	source  string
	kernels []Kernel
}

// A device is the GPU with the kernels of a program.
type device struct {
	gpu       mtl.Device
	queue     mtl.Queue
	kernels   []Kernel
	pipelines []mtl.Pipeline // of the kernels
	nothing   mtl.Buffer     // bound where a launch has no bytes
	largest   int            // how many bytes a buffer may have
}

// simdgroup is how many threads the kernels take a simdgroup to have.
const simdgroup = 32

// inFlight is how many command buffers a queue has before one more waits until another
// ends. None of them waits for the host, so that one does.
const inFlight = 64

// Open finds the GPU and compiles the kernels.
func (b *backend) Open(*runtime.Program) (runtime.Device, error) {
	d := &device{kernels: b.kernels}
	var err error
	mtl.Pool(func() { err = d.open(b.source) })
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *device) open(source string) (err error) {
	if d.gpu, err = mtl.OpenDevice(); err != nil {
		return failed(err)
	}
	if d.queue, err = d.gpu.NewQueue(inFlight); err != nil {
		return failed(err)
	}
	if d.nothing, err = d.gpu.NewBuffer(pageSize); err != nil {
		return failed(err)
	}
	if d.largest = d.gpu.MaxBufferLength() &^ (pageSize - 1); d.largest < 2*pageSize {
		return failed(fmt.Errorf("the GPU takes buffers of no more than %d bytes", d.largest))
	}
	library, err := d.gpu.NewLibrary(source)
	if err != nil {
		return compileError(source, d.kernels, err)
	}
	defer library.Close()
	for i := range d.kernels {
		k := &d.kernels[i]
		p, err := d.gpu.NewPipeline(library, k.Name)
		if err == nil {
			d.pipelines = append(d.pipelines, p)
			err = fits(p, k)
		}
		if err != nil {
			return k.failed(err)
		}
	}
	return nil
}

// fits tells whether the GPU can run a kernel. Of a threadgroup with too many
// threads it would say nothing, and not run it.
func fits(p mtl.Pipeline, k *Kernel) error {
	if w := p.Width(); w != simdgroup {
		return fmt.Errorf("the GPU has simdgroups of %d threads, want %d", w, simdgroup)
	}
	if most := p.MaxThreads(); k.Threads > most {
		return fmt.Errorf("it has %d threads in a threadgroup, and the GPU takes at most %d of it", k.Threads, most)
	}
	return nil
}

// Close frees what the device has made.
func (d *device) Close() error {
	mtl.Pool(func() {
		for _, p := range d.pipelines {
			p.Close()
		}
		d.nothing.Close()
		d.queue.Close()
		d.gpu.Close()
	})
	return nil
}

// failed is an error about no kernel in particular.
func failed(err error) error { return &runtime.DeviceError{Device: "metal", Err: err} }

// failed is an error about the kernel.
func (k *Kernel) failed(err error) error {
	return &runtime.DeviceError{Device: "metal", Kernel: k.Name, Pos: k.Pos, Err: err}
}
