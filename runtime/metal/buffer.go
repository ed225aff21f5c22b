//go:build darwin || (linux && mlxc_metal)

package metal

import (
	"fmt"
	"os"
	"unsafe"

	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/runtime/metal/mtl"
)

var pageSize = os.Getpagesize()

// A buffer is memory that the GPU sees through windows: one, or, where memory is
// larger than a buffer of the GPU may be, several. A window starts every half of
// that largest size, so that what is no larger than that half lies in one of them.
type buffer struct {
	windows []mtl.Buffer
	step    int // bytes from the start of a window to the next
	size    int // bytes of all
	largest int // bytes of a window, but that the last one may have fewer
}

// Wrap makes the windows over mem and the rest of its last page.
func (d *device) Wrap(mem []byte) (b runtime.Buffer, err error) {
	mtl.Pool(func() { b, err = d.wrap(mem) })
	return b, err
}

func (d *device) wrap(mem []byte) (runtime.Buffer, error) {
	size := (len(mem) + pageSize - 1) &^ (pageSize - 1)
	pages := unsafe.Slice(unsafe.SliceData(mem), size)
	b := &buffer{step: d.largest / 2 &^ (pageSize - 1), size: size, largest: d.largest}
	for start, end := 0, 0; end < size; start += b.step {
		end = min(start+d.largest, size)
		w, err := d.gpu.NewBufferOver(pages[start:end])
		if err != nil {
			b.Close()
			return nil, failed(err)
		}
		b.windows = append(b.windows, w)
	}
	return b, nil
}

// find gives the window that n bytes at an offset lie in, and their offset there.
// It is the last one that starts before them, which reaches farthest.
func (b *buffer) find(offset, n int) (mtl.Buffer, int, error) {
	if offset < 0 || offset+n > b.size {
		return mtl.Buffer{}, 0, fmt.Errorf("an argument of %d bytes at %d is outside its memory of %d", n, offset, b.size)
	}
	i := min(offset/b.step, len(b.windows)-1)
	start := i * b.step
	if offset+n > start+b.largest {
		return mtl.Buffer{}, 0, fmt.Errorf("an argument of %d bytes is more than the GPU can see at once, which are %d", n, b.largest)
	}
	return b.windows[i], offset - start, nil
}

// Close frees the windows, not the memory.
func (b *buffer) Close() error {
	mtl.Pool(func() {
		for _, w := range b.windows {
			w.Close()
		}
	})
	return nil
}
