//go:build darwin || (linux && mlxc_metal)

package mtl

import (
	"errors"
	"fmt"
	"unsafe"
)

// A Device is a GPU.
type Device struct{ ID }

// A Library is a compiled text of kernels.
type Library struct{ ID }

// A Pipeline is a kernel that is ready to run.
type Pipeline struct{ ID }

// A Buffer is memory that the GPU sees.
type Buffer struct{ ID }

// shared and untracked are the MTLResourceOptions of all buffers: memory that host
// and GPU both see, whose hazards are left to barriers.
const sharedUntracked = 0<<4 | 1<<8

// languageVersion is MTLLanguageVersion3_1, the first with bfloat.
const languageVersion = 3<<16 | 1

// OpenDevice returns the system's GPU. It fails where there is no Metal.
func OpenDevice() (Device, error) {
	if err := load(); err != nil {
		return Device{}, err
	}
	d := invoke(objc.createDevice, 0, message{kind: words}).word
	if d == 0 {
		return Device{}, errors.New("the system has no GPU that Metal can use")
	}
	return Device{ID(d)}, nil
}

// MaxBufferLength is how many bytes a buffer may have.
func (d Device) MaxBufferLength() int { return int(d.send(selMaxBufferLength)) }

// NewQueue makes a queue, which lets a caller wait for a new command buffer while
// it has most that are not completed.
func (d Device) NewQueue(most int) (Queue, error) {
	q := ID(d.send(selNewCommandQueue, uintptr(most)))
	if q == 0 {
		return Queue{}, errors.New("no command queue can be made")
	}
	return Queue{q}, nil
}

// NewEvent makes an event, whose value is 0.
func (d Device) NewEvent() (Event, error) {
	e := ID(d.send(selNewSharedEvent))
	if e == 0 {
		return Event{}, errors.New("no event can be made")
	}
	return Event{e}, nil
}

// NewBuffer makes a buffer of n bytes, whose values are not defined.
func (d Device) NewBuffer(n int) (Buffer, error) {
	b := ID(d.send(selNewBufferWithLength, uintptr(n), sharedUntracked))
	if b == 0 {
		return Buffer{}, fmt.Errorf("no memory for a buffer of %d bytes", n)
	}
	return Buffer{b}, nil
}

// NewBufferOver makes a buffer of memory that starts at a page, consists of whole
// pages, lies outside the Go heap and stays mapped until the buffer is closed.
func (d Device) NewBufferOver(mem []byte) (Buffer, error) {
	b := ID(d.sendPointers(selNewBufferWithBytesNoCopy, uintptr(unsafe.Pointer(unsafe.SliceData(mem))), uintptr(len(mem)), sharedUntracked, 0))
	if b == 0 {
		return Buffer{}, fmt.Errorf("no buffer can be made over %d bytes", len(mem))
	}
	return Buffer{b}, nil
}

// Bytes is the memory of a buffer that NewBuffer made with n bytes.
func (b Buffer) Bytes(n int) []byte {
	address := b.send(selContents)
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&address)), n)
}

// NewLibrary compiles a text, with the precise variants of the mathematical
// functions. The error is an *Error with what the compiler says.
func (d Device) NewLibrary(source string) (l Library, err error) {
	Pool(func() {
		text, options := newString(source), ID(class("MTLCompileOptions").send(selNew))
		defer text.Close()
		defer options.Close()
		options.send(selSetLanguageVersion, languageVersion)
		if isTrue(options.send(selRespondsToSelector, registered[selSetMathMode])) {
			const safe = 0
			options.send(selSetMathMode, safe) // macOS 15
		} else {
			const no = 0
			options.send(selSetFastMathEnabled, no)
		}
		reason := new(ID)
		l.ID = ID(d.sendPointers(selNewLibraryWithSource, uintptr(text), uintptr(options), uintptr(unsafe.Pointer(reason))))
		if l.ID == 0 {
			err = newError(*reason)
		}
	})
	return l, err
}

// NewPipeline makes a kernel ready to run.
func (d Device) NewPipeline(l Library, kernel string) (p Pipeline, err error) {
	Pool(func() {
		name := newString(kernel)
		defer name.Close()
		function := ID(l.send(selNewFunctionWithName, uintptr(name)))
		if function == 0 {
			err = errors.New("the library has no such function")
			return
		}
		defer function.Close()
		reason := new(ID)
		p.ID = ID(d.sendPointers(selNewComputePipelineState, uintptr(function), uintptr(unsafe.Pointer(reason))))
		if p.ID == 0 {
			err = newError(*reason)
		}
	})
	return p, err
}

// MaxThreads is how many threads a threadgroup of the kernel may have. A dispatch
// with more does nothing.
func (p Pipeline) MaxThreads() int { return int(p.send(selMaxTotalThreadsPerThreadgroup)) }

// Width is how many threads a simdgroup has.
func (p Pipeline) Width() int { return int(p.send(selThreadExecutionWidth)) }
