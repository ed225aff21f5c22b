//go:build darwin || (linux && mlxc_metal)

package mtl

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// An ID is an Objective-C object; 0 is nil, to which messages do nothing.
type ID uintptr

// objc is the functions of the Objective-C runtime and of Metal that are called.
var objc struct {
	msgSend, getClass, registerName uintptr
	poolPush, poolPop               uintptr
	retain, release                 uintptr
	createDevice                    uintptr
}

// load binds them and the selectors, once.
var load = sync.OnceValue(func() error {
	handles, err := libraries()
	if err != nil {
		return err
	}
	for _, f := range []struct {
		address *uintptr
		name    string
	}{
		{&objc.msgSend, "objc_msgSend"},
		{&objc.getClass, "objc_getClass"},
		{&objc.registerName, "sel_registerName"},
		{&objc.poolPush, "objc_autoreleasePoolPush"},
		{&objc.poolPop, "objc_autoreleasePoolPop"},
		{&objc.retain, "objc_retain"},
		{&objc.release, "objc_release"},
		{&objc.createDevice, "MTLCreateSystemDefaultDevice"},
	} {
		if *f.address = find(handles, f.name); *f.address == 0 {
			return fmt.Errorf("there is no function %s in the system's Metal", f.name)
		}
	}
	for i, s := range selectors {
		registered[i] = register(s.name)
	}
	return nil
})

// find looks a symbol up; 0 if no library has it.
func find(handles []uintptr, name string) uintptr {
	for _, h := range handles {
		if p, err := purego.Dlsym(h, name); err == nil && p != 0 {
			return p
		}
	}
	return 0
}

func register(name string) uintptr {
	return invokePointer(objc.registerName, uintptr(unsafe.Pointer(&cString(name)[0])))
}

func class(name string) ID {
	return ID(invokePointer(objc.getClass, uintptr(unsafe.Pointer(&cString(name)[0]))))
}

// cString ends a copy of s with a zero.
func cString(s string) []byte { return append([]byte(s), 0) }

// invokePointer calls a function with a pointer. The conversion to a uintptr stands
// in the call itself, as for all functions of this directive: then what it points
// to lies in the heap, which does not move, and lives until the call returns.
//
//go:uintptrescapes
func invokePointer(function, pointer uintptr) uintptr {
	return invoke(function, pointer, message{kind: words}).word
}

// send sends a message with at most four words, none of them a pointer to memory
// of Go.
func (o ID) send(s selector, args ...uintptr) uintptr {
	return invoke(objc.msgSend, uintptr(o), wordsMessage(registered[s], args)).word
}

// sendPointers is send with words that may be pointers to memory of Go.
//
//go:uintptrescapes
func (o ID) sendPointers(s selector, args ...uintptr) uintptr {
	return o.send(s, args...)
}

// Send is sendPointers for messages that this package does not know: those of
// tests.
//
//go:uintptrescapes
func (o ID) Send(selector string, args ...uintptr) uintptr {
	return invoke(objc.msgSend, uintptr(o), wordsMessage(register(selector), args)).word
}

// sendSizes sends a message with two sizes.
func (o ID) sendSizes(s selector, a, b Size) {
	invoke(objc.msgSend, uintptr(o), pairMessage(registered[s], a, b))
}

// sendDouble sends a message that gives a double.
func (o ID) sendDouble(s selector) float64 {
	return invoke(objc.msgSend, uintptr(o), wordsMessage(registered[s], nil)).double
}

// isTrue reads a BOOL, of which only the low byte is defined.
func isTrue(result uintptr) bool { return result&0xff != 0 }

// Retain keeps an object beyond its pool, until Close.
func (o ID) Retain() { invoke(objc.retain, uintptr(o), message{kind: words}) }

// Close gives up an object.
func (o ID) Close() {
	if o != 0 {
		invoke(objc.release, uintptr(o), message{kind: words})
	}
}

// Pool runs f within an autorelease pool, and on one thread, because pools belong
// to threads. Where there is no Metal it runs f as it is.
func Pool(f func()) {
	if load() != nil {
		f()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pool := invoke(objc.poolPush, 0, message{kind: words}).word
	defer invoke(objc.poolPop, pool, message{kind: words})
	f()
}

// newString is an NSString that the caller closes.
func newString(s string) ID {
	empty := ID(class("NSString").send(selAlloc))
	return ID(empty.sendPointers(selInitWithUTF8String, uintptr(unsafe.Pointer(&cString(s)[0]))))
}

// goString copies an NSString.
func goString(s ID) string { return fromC(s.send(selUTF8String)) }

// fromC copies a string of C.
func fromC(address uintptr) string {
	if address == 0 {
		return ""
	}
	p := *(*unsafe.Pointer)(unsafe.Pointer(&address)) // memory of C, which does not move
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}

// An Error is an NSError.
type Error struct {
	Code    int // in the domain of what failed
	Message string
}

func (e *Error) Error() string { return e.Message }

// newError copies an NSError, within the pool that it came up in.
func newError(e ID) *Error {
	if e == 0 {
		return &Error{Message: "Metal gave no reason"}
	}
	return &Error{int(e.send(selCode)), goString(ID(e.send(selLocalizedDescription)))}
}
