package runtime

import (
	"context"
	"errors"
	"math"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"
)

// A fake is a device that computes on the CPU, and sees memory by buffers of which
// it knows where they are.
type fake struct {
	cpuDevice
	t       *testing.T
	mu      sync.Mutex // the collector closes buffers whenever it likes
	open    map[*fakeBuffer]bool
	sets    []int
	fails   error
	closed  bool
	records int
}

type fakeBuffer struct {
	f   *fake
	mem []byte
}

func (f *fake) Open(p *Program) (Device, error) {
	f.cpuDevice = cpuDevice{p.Kernels}
	return f, f.fails
}

func (f *fake) Wrap(mem []byte) (Buffer, error) {
	if uintptr(unsafe.Pointer(&mem[0]))%uintptr(os.Getpagesize()) != 0 {
		f.t.Error("memory that does not start at a page")
	}
	b := &fakeBuffer{f, mem}
	f.buffers(func(open map[*fakeBuffer]bool) { open[b] = true })
	return b, nil
}

// Close reads the memory, which is a fault if it is gone.
func (b *fakeBuffer) Close() error {
	_ = b.mem[0]
	b.f.buffers(func(open map[*fakeBuffer]bool) { delete(open, b) })
	return nil
}

// buffers counts the open ones, after use has looked at them or changed them.
func (f *fake) buffers(use func(open map[*fakeBuffer]bool)) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	use(f.open)
	return len(f.open)
}

func unchanged(map[*fakeBuffer]bool) {}

func (f *fake) Record(launches []Launch) (Recording, error) {
	r, err := f.cpuDevice.Record(launches)
	f.records++
	return &fakeRecording{cpuRecording: r.(*cpuRecording), f: f}, err
}

func (f *fake) Close() error {
	if f.records != 0 {
		f.t.Errorf("%d recordings are open", f.records)
	}
	f.closed = true
	return nil
}

type fakeRecording struct {
	*cpuRecording
	f     *fake
	begun [][2]int // since the last End
	ended int      // of these
}

func (r *fakeRecording) Set(i int) {
	r.f.sets = append(r.f.sets, i)
	for n, a := range r.launches[i].Args {
		if len(a.Bytes) == 0 {
			continue
		}
		b := a.Buffer.(*fakeBuffer)
		isOpen := false
		r.f.buffers(func(open map[*fakeBuffer]bool) { isOpen = open[b] })
		if !isOpen || &b.mem[a.Offset] != &a.Bytes[0] {
			r.f.t.Errorf("launch %d: argument %d is not where its buffer says", i, n)
		}
		if a.Offset%8 != 0 {
			r.f.t.Errorf("launch %d: argument %d is at offset %d", i, n, a.Offset)
		}
	}
	r.cpuRecording.Set(i)
}

// Begin is as late as it can be: what begins runs when somebody waits for it.
func (r *fakeRecording) Begin(_ context.Context, first, end int) error {
	r.begun = append(r.begun, [2]int{first, end})
	return nil
}

func (r *fakeRecording) Wait(end int) error {
	for ; r.ended < len(r.begun) && r.begun[r.ended][0] < end; r.ended++ {
		if r.f.fails != nil {
			return r.f.fails
		}
		for i := r.begun[r.ended][0]; i < r.begun[r.ended][1]; i++ { // one by one, so that no loop ends
			if err := r.cpuRecording.Begin(context.Background(), i, i+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *fakeRecording) End() (time.Duration, error) {
	err := r.Wait(math.MaxInt)
	t := time.Duration(r.ended) * 5 * time.Millisecond
	r.begun, r.ended = r.begun[:0], 0
	return t, err
}

func (r *fakeRecording) Close() error { r.f.records--; return nil }

func withFake(t *testing.T) (*Program, *fake) {
	p := testProgram()
	f := &fake{t: t, open: map[*fakeBuffer]bool{}}
	p.Backend, p.Align = f, 8
	return p, f
}

func TestDeviceSeesTheMemoryItself(t *testing.T) {
	p, f := withFake(t)
	m := must(Load(p, ""))(t)
	s := must(m.NewSession())(t)
	x := ramp(t, 3, 6)
	for range 3 {
		checkSums(t, x, must(s.Call(t.Context(), 0, x))(t))
	}
	if !slices.Equal(f.sets, []int{0, 1, 2, 3}) {
		t.Errorf("launches were set %v, want each once", f.sets)
	}
	if s.DeviceTime() != 5*time.Millisecond {
		t.Errorf("the device worked for %v", s.DeviceTime())
	}
	f.sets = nil
	y := ramp(t, 3, 6)
	checkSums(t, y, must(s.Call(t.Context(), 0, y))(t))
	if !slices.Equal(f.sets, []int{0}) {
		t.Errorf("another input set the launches %v, want those that read it", f.sets)
	}
	for _, err := range []error{s.Close(), x.Close(), y.Close(), m.Close()} {
		if err != nil {
			t.Error(err)
		}
	}
	if n := f.buffers(unchanged); n != 0 || !f.closed {
		t.Errorf("%d buffers are open, device closed: %v", n, f.closed)
	}
}

// What a device cannot use where it lies is copied into the session's memory.
func TestDeviceGetsAlignedInputs(t *testing.T) {
	p, _ := withFake(t)
	m := must(Load(p, ""))(t)
	s := must(m.NewSession())(t)
	large := ramp(t, 1, 9)
	for name, x := range map[string]*Array{
		"misaligned": {dtype: F32, shape: []int{2, 3}, bytes: large.bytes[4:28:28], mem: large.mem},
		"not mapped": {dtype: F32, shape: []int{2, 3}, bytes: make([]byte, 24), mem: &memory{bytes: make([]byte, 24)}},
	} {
		t.Run(name, func(t *testing.T) { checkSums(t, x, must(s.Call(t.Context(), 0, x))(t)) })
	}
}

// A memory that outlives models does not gather their buffers.
func TestBuffersOfClosedDevicesAreDropped(t *testing.T) {
	x := ramp(t, 2, 3)
	open := 0
	for range 3 {
		p, f := withFake(t)
		m := must(Load(p, ""))(t)
		s := must(m.NewSession())(t)
		checkSums(t, x, must(s.Call(t.Context(), 0, x))(t))
		if err := errors.Join(s.Close(), m.Close()); err != nil {
			t.Error(err)
		}
		open = f.buffers(unchanged)
	}
	if open != 1 || len(x.mem.seen.list) != 1 {
		t.Errorf("%d buffers of the last device, %d in all", open, len(x.mem.seen.list))
	}
}

func TestDeviceErrors(t *testing.T) {
	p, f := withFake(t)
	f.fails = &DeviceError{Device: "fake", Kernel: "k", Pos: "m.mlx:1:2", Err: errors.New("no")}
	if _, err := Load(p, ""); err == nil || err.Error() != "test: fake: kernel k (m.mlx:1:2): no" {
		t.Error(err)
	}
	f.fails = nil
	s := testSession(t, p)
	x := ramp(t, 2, 3)
	f.fails = &DeviceError{Device: "fake", Err: ErrClosed}
	_, err := s.Call(t.Context(), 0, x)
	var device *DeviceError
	if !errors.As(err, &device) || !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	f.fails = nil
	checkSums(t, x, must(s.Call(t.Context(), 0, x))(t)) // it may work again
}
