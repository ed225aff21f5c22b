//go:build linux

package softmetal

import (
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
)

// A block is a block of the C ABI.
type block struct {
	isa             uintptr
	flags, reserved int32
	invoke          uintptr
	descriptor      *blockDescriptor
}

type blockDescriptor struct{ reserved, size uintptr }

const isGlobal = 1 << 28

// calls counts those of all blocks.
var calls atomic.Int32

var countCall = sync.OnceValue(func() uintptr {
	return purego.NewCallback(func(_, _ uintptr) { calls.Add(1) })
})

func newBlock(class uintptr) *block {
	return &block{class, isGlobal, 0, countCall(), &blockDescriptor{0, unsafe.Sizeof(block{})}}
}

func TestHandlers(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		name, want string
		change     func(*block)
		calls      int32
	}{
		{"global block", "", func(*block) {}, 1},
		{"stack block", "is a stack block", func(x *block) { x.isa, x.flags = metal.stackBlock, 0 }, 0},
		{"no flag", "without their flag", func(x *block) { x.flags = 0 }, 0},
		{"no class", "is not a block", func(x *block) { x.isa = 0 }, 0},
		{"no function", "no function or no descriptor", func(x *block) { x.invoke = 0 }, 0},
	} {
		before := calls.Load()
		x := newBlock(metal.globalBlock)
		c.change(x)
		finds(t, c.want, func() {
			pool(func() {
				c := b.commandBuffer()
				c.send("addCompletedHandler:", uintptr(unsafe.Pointer(x)))
				c.commitAndWait()
			})
		})
		if got := calls.Load() - before; got != c.calls {
			t.Errorf("%s: called %d times", c.name, got)
		}
	}
	finds(t, "block must not be NULL", func() { pool(func() { b.commandBuffer().send("addCompletedHandler:", 0) }) })
	finds(t, "after commit", func() {
		pool(func() {
			c := b.commandBuffer()
			c.commitAndWait()
			c.send("addCompletedHandler:", uintptr(unsafe.Pointer(newBlock(metal.globalBlock))))
		})
	})
}

// Lazy work with a handler starts though nobody is seen to wait.
func TestHandlerOfLazyWork(t *testing.T) {
	b := newBench(t)
	with(t, "LAZY", "1", "0")
	done := make(chan bool)
	x := newBlock(metal.globalBlock)
	x.invoke = purego.NewCallback(func(_, _ uintptr) { close(done) })
	pool(func() {
		c := b.commandBuffer()
		c.send("addCompletedHandler:", uintptr(unsafe.Pointer(x)))
		c.send("commit")
	})
	<-done
}
