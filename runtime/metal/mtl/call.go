//go:build darwin || (linux && mlxc_metal)

package mtl

import (
	"sync"
	"unsafe"
)

// A message is a call of a function whose first argument is a receiver, laid out
// as sendAll reads it.
type message struct {
	kind  uintptr
	sel   uintptr    // the second argument
	args  [4]uintptr // the next ones, which go in registers
	sizes [6]uintptr
}

// The kinds of message.
const (
	absent uintptr = iota // no call
	words                 // of sel and args
	pair                  // of sel and, in place of args, two sizes
)

func wordsMessage(sel uintptr, args []uintptr) message {
	m := message{kind: words, sel: sel}
	copy(m.args[:], args)
	return m
}

func pairMessage(sel uintptr, a, b Size) message {
	return message{kind: pair, sel: sel, sizes: [6]uintptr{
		uintptr(a.Width), uintptr(a.Height), uintptr(a.Depth),
		uintptr(b.Width), uintptr(b.Height), uintptr(b.Depth),
	}}
}

// A call is the argument of sendAll. C has its address, and that of the messages,
// while a callback may move the stack of the goroutine: so both lie in the heap.
type call struct {
	messages *message
	n        uintptr
	function uintptr
	receiver uintptr
	result   result // of the last message
}

// A result is what a function returns, in one of the two.
type result struct {
	word   uintptr
	double float64
}

// send calls function for each message that is not absent, all in one call into C.
func (c *call) send(function, receiver uintptr, messages []message) {
	c.messages, c.n = unsafe.SliceData(messages), uintptr(len(messages))
	c.function, c.receiver = function, receiver
	cgocall(sendAllAddress, unsafe.Pointer(c))
}

// A single is a call of one message.
type single struct {
	call    call
	message [1]message
}

// singles are those not in use, so that a message does not allocate.
var singles struct {
	sync.Mutex
	free []*single
}

func takeSingle() *single {
	singles.Lock()
	defer singles.Unlock()
	last := len(singles.free) - 1
	if last < 0 {
		return new(single)
	}
	s := singles.free[last]
	singles.free = singles.free[:last]
	return s
}

func (s *single) put() {
	singles.Lock()
	defer singles.Unlock()
	singles.free = append(singles.free, s)
}

// invoke calls a function of C.
func invoke(function, receiver uintptr, m message) result {
	s := takeSingle()
	defer s.put()
	s.message[0] = m
	s.call.send(function, receiver, s.message[:])
	return s.call.result
}

// sendAllAddress is the address of the function in assembly that makes a *call. It
// has C's calling convention.
var sendAllAddress uintptr

//go:linkname cgocall runtime.cgocall
func cgocall(function uintptr, arg unsafe.Pointer) int32
