//go:build darwin || (linux && mlxc_metal)

package mtl

import "unsafe"

// A Batch is messages to an encoder that are written once and sent often, all of
// them in one call into C: on its own a message takes longer to get there than to
// be served. Messages are numbered; those not written are left out.
type Batch struct {
	messages []message
	buffers  []ID // what SetBuffers refers to
	offsets  []uintptr
	data     []byte // what SetBytes refers to
	call     call
}

// NewBatch has room for a number of messages and of bound buffers. The bytes of
// data are the caller's to write; they are read when the batch is sent.
func NewBatch(messages, buffers int, data []byte) *Batch {
	return &Batch{
		messages: make([]message, messages),
		buffers:  make([]ID, buffers),
		offsets:  make([]uintptr, buffers),
		data:     data,
	}
}

// Omit takes message i out.
func (b *Batch) Omit(i int) { b.messages[i].kind = absent }

// SetPipeline makes message i choose the kernel of the dispatches that follow.
func (b *Batch) SetPipeline(i int, p Pipeline) {
	b.set(i, selSetComputePipelineState, uintptr(p.ID))
}

// SetBuffers makes message i bind n buffers to the indices from 0: those that Bind
// puts at first and what follows, before or after this call.
func (b *Batch) SetBuffers(i, first, n int) {
	buffers, offsets := b.buffers[first:first+n], b.offsets[first:first+n]
	b.set(i, selSetBuffers,
		uintptr(unsafe.Pointer(unsafe.SliceData(buffers))), // in the heap, and b keeps it
		uintptr(unsafe.Pointer(unsafe.SliceData(offsets))),
		0, uintptr(n))
}

// Bind puts a buffer, from offset on, where SetBuffers finds it.
func (b *Batch) Bind(at int, buffer Buffer, offset int) {
	b.buffers[at], b.offsets[at] = buffer.ID, uintptr(offset)
}

// SetBytes makes message i bind a copy of n bytes, at most 4096, of the batch's
// data from offset on to an index.
func (b *Batch) SetBytes(i, offset, n, index int) {
	p := unsafe.Pointer(unsafe.SliceData(b.data[offset : offset+n])) // as above
	b.set(i, selSetBytes, uintptr(p), uintptr(n), uintptr(index))
}

// Barrier makes message i let what follows wait for the dispatches before.
func (b *Batch) Barrier(i int) { b.set(i, selMemoryBarrier, buffersScope) }

// Dispatch makes message i launch the kernel with groups threadgroups of threads.
func (b *Batch) Dispatch(i int, groups, threads Size) {
	b.messages[i] = pairMessage(registered[selDispatchThreadgroups], groups, threads)
}

func (b *Batch) set(i int, s selector, args ...uintptr) {
	b.messages[i] = wordsMessage(registered[s], args)
}

// Send sends the messages from index first up to end. It does not allocate. A batch
// serves one goroutine at a time.
func (b *Batch) Send(e Encoder, first, end int) {
	b.call.send(objc.msgSend, uintptr(e.ID), b.messages[first:end])
}
