//go:build darwin || (linux && mlxc_metal)

package metal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/runtime/metal/mtl"
)

const (
	maxBuffers = 31   // that a kernel may have
	maxBytes   = 4096 // that SetBytes may bind
)

// A recording is launches as messages of a batch. Each launch has its messages one
// after another: barrier, pipeline, buffers, sizes, dispatch. Those that it does
// not need are left out.
type recording struct {
	device   *device
	launches []runtime.Launch
	slots    []slot // of the launches
	batch    *mtl.Batch
	data     []byte // the batch's: all sizes
	stale    bool   // barriers are those of before the last Set
	event    mtl.Event
	value    uint64 // of the last turn
	turns    []turn // that have begun and are not finished
	atWork   time.Duration
	until    float64 // when the last finished turn ended, in seconds
}

// A slot is where a launch is in the batch.
type slot struct {
	first   int   // its first message
	buffers int   // its first bound buffer
	data    int   // its sizes
	err     error // why it cannot run
}

// The messages of a launch, counted from its first.
const (
	barrierMessage = iota
	pipelineMessage
	buffersMessage
	sizesMessage
	dispatchMessage
	messagesOfLaunch
)

// Record makes room for the messages of the launches.
func (d *device) Record(launches []runtime.Launch) (runtime.Recording, error) {
	r := &recording{device: d, launches: launches, slots: make([]slot, len(launches)), stale: true}
	buffers, data := 0, 0
	for i := range launches {
		l := &launches[i]
		r.slots[i] = slot{first: i * messagesOfLaunch, buffers: buffers, data: data}
		if l.OnCPU {
			continue
		}
		if l.Kernel < 0 || l.Kernel >= len(d.kernels) {
			return nil, failed(fmt.Errorf("launch %d (%s) is of kernel %d, and there are %d", i, l.Pos, l.Kernel, len(d.kernels)))
		}
		k := &d.kernels[l.Kernel]
		bytes := k.dimSize() * len(l.Sizes)
		if err := countArguments(len(l.Args), len(l.Sizes), bytes); err != nil {
			return nil, r.failed(i, err)
		}
		buffers += len(l.Args)
		data += bytes
	}
	r.data = make([]byte, data)
	r.batch = mtl.NewBatch(len(launches)*messagesOfLaunch, buffers, r.data)
	r.turns = make([]turn, 0, 4)
	var err error
	if r.event, err = d.gpu.NewEvent(); err != nil {
		return nil, failed(err)
	}
	return r, nil
}

func countArguments(args, sizes, bytes int) error {
	if sizes > 0 {
		args++
	}
	if args > maxBuffers {
		return fmt.Errorf("it has %d buffers, and Metal takes at most %d", args, maxBuffers)
	}
	if bytes > maxBytes {
		return fmt.Errorf("it has %d sizes in %d bytes, and Metal takes at most %d", sizes, bytes, maxBytes)
	}
	return nil
}

func (k *Kernel) dimSize() int {
	if k.LongDims {
		return 8
	}
	return 4
}

// Set writes the messages of a launch, but for the barrier, which depends on the
// launches before it.
func (r *recording) Set(launch int) {
	r.stale = true
	l, s := &r.launches[launch], &r.slots[launch]
	s.err = nil
	if l.Grid == 0 {
		for m := range messagesOfLaunch {
			r.batch.Omit(s.first + m)
		}
		return
	}
	if l.Grid > math.MaxUint32 {
		s.err = fmt.Errorf("%d threadgroups are more than Metal launches at once", l.Grid)
		return
	}
	r.batch.SetPipeline(s.first+pipelineMessage, r.device.pipelines[l.Kernel])
	for i := range l.Args {
		if err := r.bind(s.buffers+i, &l.Args[i]); err != nil {
			s.err = err
			return
		}
	}
	if len(l.Args) > 0 {
		r.batch.SetBuffers(s.first+buffersMessage, s.buffers, len(l.Args))
	}
	k := &r.device.kernels[l.Kernel]
	if len(l.Sizes) > 0 {
		n := k.putSizes(r.data[s.data:], l.Sizes)
		r.batch.SetBytes(s.first+sizesMessage, s.data, n, len(l.Args))
	}
	r.batch.Dispatch(s.first+dispatchMessage, mtl.Size{Width: l.Grid, Height: 1, Depth: 1}, mtl.Size{Width: k.Threads, Height: 1, Depth: 1})
}

var errNoBuffer = errors.New("an argument is in memory that the GPU does not see")

// bind puts an argument where the batch finds it.
func (r *recording) bind(at int, span *runtime.Span) error {
	if len(span.Bytes) == 0 {
		r.batch.Bind(at, r.device.nothing, 0)
		return nil
	}
	b, ok := span.Buffer.(*buffer)
	if !ok {
		return errNoBuffer
	}
	window, offset, err := b.find(span.Offset, len(span.Bytes))
	if err != nil {
		return err
	}
	r.batch.Bind(at, window, offset)
	return nil
}

// putSizes writes sizes as the kernel reads them, and returns how many bytes.
func (k *Kernel) putSizes(to []byte, sizes []int64) int {
	n := k.dimSize()
	for i, size := range sizes {
		if k.LongDims {
			binary.NativeEndian.PutUint64(to[n*i:], uint64(size))
		} else {
			binary.NativeEndian.PutUint32(to[n*i:], uint32(size))
		}
	}
	return n * len(sizes)
}

// Close frees the event; all turns have ended.
func (r *recording) Close() error {
	mtl.Pool(r.event.Close)
	return nil
}
