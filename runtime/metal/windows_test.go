//go:build darwin || (linux && mlxc_metal)

package metal

import (
	"fmt"
	"testing"

	"github.com/mlxc/mlxc/runtime"
)

// Memory of many windows: what is no larger than half a window can be anywhere.
func TestWindows(t *testing.T) {
	d := open(t)
	d.largest = 4 * pageSize
	page := pageSize / 4 // floats
	size := 15*page + 10
	m := newMemory(t, d, 4*size)
	want := make([]float32, size)
	for i := range want {
		want[i] = float32(i + 1)
		m.set(i, want[i])
	}
	args := make([]runtime.Span, 2)
	launches := []runtime.Launch{{Kernel: scale, Args: args, Sizes: []int64{0, -1}, Pos: "m.mlx:7:7"}}
	r := record(t, d, launches)
	for _, c := range []struct{ at, n int }{
		{0, page}, {0, 2 * page}, {0, 4 * page}, {page, 2 * page}, {page + 8, 2 * page}, {2*page - 8, 2 * page},
		{4*page - 8, 16}, {13 * page, 2 * page}, {14*page + 8, page}, {15 * page, 8}, {15*page + 2, 8}, {10 * page, 4 * page},
	} {
		args[0], args[1] = m.span(c.at, c.n), m.span(c.at, c.n)
		launches[0].Sizes[0], launches[0].Grid = int64(c.n), (c.n+31)/32
		r.Set(0)
		run(t, r)
		for i := range want {
			if i >= c.at && i < c.at+c.n {
				want[i] = -want[i]
			}
			if got := m.at(i); got != want[i] {
				t.Fatalf("%d floats from %d: the one at %d is %v, want %v", c.n, c.at, i, got, want[i])
			}
		}
	}
	args[1] = m.span(page, 4*page)
	r.Set(0)
	_, err := runs(r)
	checkError(t, err, fmt.Sprintf("metal: kernel scale (m.mlx:7:7): an argument of %d bytes is more than the GPU can see at once, which are %d", 4*pageSize, 4*pageSize))
}
