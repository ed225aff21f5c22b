//go:build darwin || (linux && mlxc_metal)

package mtl

import (
	"errors"
	"unsafe"
)

// A Queue runs command buffers in the order of their commits.
type Queue struct{ ID }

// A CommandBuffer is work for the GPU.
type CommandBuffer struct{ ID }

// An Encoder writes dispatches into a command buffer.
type Encoder struct{ ID }

// A Size is an MTLSize.
type Size struct{ Width, Height, Depth int }

// The status of a command buffer that has run, and of one that has not because it failed.
const (
	Completed = 4
	Failed    = 5
)

// NewCommandBuffer is for one use. It does not retain what it refers to, which
// must live until it has completed.
func (q Queue) NewCommandBuffer() (CommandBuffer, error) {
	c := ID(q.send(selCommandBuffer))
	if c == 0 {
		return CommandBuffer{}, errors.New("no command buffer can be made")
	}
	return CommandBuffer{c}, nil
}

// NewEncoder makes an encoder whose dispatches may run at once, but for barriers.
// A command buffer has one open at a time.
func (c CommandBuffer) NewEncoder() (Encoder, error) {
	const concurrent = 1
	e := ID(c.send(selComputeCommandEncoder, concurrent))
	if e == 0 {
		return Encoder{}, errors.New("no command encoder can be made")
	}
	return Encoder{e}, nil
}

// WaitFor lets what is encoded from here on wait until the event has a value.
func (c CommandBuffer) WaitFor(e Event, value uint64) {
	c.send(selEncodeWaitForEvent, uintptr(e.ID), uintptr(value))
}

// Signal gives the event a value when all that was encoded before has ended.
func (c CommandBuffer) Signal(e Event, value uint64) {
	c.send(selEncodeSignalEvent, uintptr(e.ID), uintptr(value))
}

// Commit hands the work to the GPU.
func (c CommandBuffer) Commit() { c.send(selCommit) }

// Wait returns when the work is done or has failed.
func (c CommandBuffer) Wait() { c.send(selWaitUntilCompleted) }

// Status is an MTLCommandBufferStatus.
func (c CommandBuffer) Status() int { return int(c.send(selStatus)) }

// Err is why the work failed.
func (c CommandBuffer) Err() *Error { return newError(ID(c.send(selError))) }

// Times is when the GPU began and ended the work, in seconds.
func (c CommandBuffer) Times() (start, end float64) {
	return c.sendDouble(selGPUStartTime), c.sendDouble(selGPUEndTime)
}

// SetPipeline chooses the kernel of the dispatches that follow.
func (e Encoder) SetPipeline(p Pipeline) { e.send(selSetComputePipelineState, uintptr(p.ID)) }

// SetBuffer binds a buffer, from offset on, to an index.
func (e Encoder) SetBuffer(b Buffer, offset, index int) {
	e.send(selSetBuffer, uintptr(b.ID), uintptr(offset), uintptr(index))
}

// SetBytes binds a copy of data, at most 4096 bytes, to an index.
func (e Encoder) SetBytes(data []byte, index int) {
	e.sendPointers(selSetBytes, uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)), uintptr(index))
}

// Barrier lets the dispatches that follow wait for those before.
func (e Encoder) Barrier() { e.send(selMemoryBarrier, buffersScope) }

// Dispatch launches the kernel with groups threadgroups of threads each.
func (e Encoder) Dispatch(groups, threads Size) {
	e.sendSizes(selDispatchThreadgroups, groups, threads)
}

// End closes the encoder, once.
func (e Encoder) End() { e.send(selEndEncoding) }

// buffersScope is MTLBarrierScopeBuffers.
const buffersScope = 1
