//go:build linux

package softmetal

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Hooks are what tests ask of the library in their own process. They serve several
// goroutines, but the library is one for the process.
type Hooks struct {
	set, takeErrors, live, methods, poison, free uintptr
}

// Open loads the library that MLXC_SWMETAL names, or finds it loaded.
func Open() (*Hooks, error) {
	path := os.Getenv(libraryVariable)
	if path == "" {
		return nil, errors.New(libraryVariable + " is not set: it names the software Metal")
	}
	h, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, err
	}
	hooks := &Hooks{}
	for name, p := range map[string]*uintptr{
		"swmetal_set":          &hooks.set,
		"swmetal_take_errors":  &hooks.takeErrors,
		"swmetal_live":         &hooks.live,
		"swmetal_method_table": &hooks.methods,
		"swmetal_poison":       &hooks.poison,
		"free":                 &hooks.free,
	} {
		if *p, err = purego.Dlsym(h, name); err != nil {
			return nil, err
		}
	}
	return hooks, nil
}

// call is SyscallN with pointers to Go memory, which it keeps alive and in place.
//
//go:uintptrescapes
func call(f uintptr, args ...uintptr) uintptr {
	r, _, _ := purego.SyscallN(f, args...)
	return r
}

// Set gives the setting SWMETAL_name a value.
func (h *Hooks) Set(name, value string) error {
	n, v := append([]byte(name), 0), append([]byte(value), 0)
	if call(h.set, uintptr(unsafe.Pointer(&n[0])), uintptr(unsafe.Pointer(&v[0])))&0xff == 0 {
		return fmt.Errorf("SWMETAL_%s cannot be %q", name, value)
	}
	return nil
}

// setNumber is for settings that take any number.
func (h *Hooks) setNumber(name string, n uint32) { _ = h.Set(name, fmt.Sprint(n)) }

func (h *Hooks) setBool(name string, on bool) {
	n := uint32(0)
	if on {
		n = 1
	}
	h.setNumber(name, n)
}

// Record keeps errors for Errors, or lets them end the process.
func (h *Hooks) Record(on bool) { h.setBool("RECORD", on) }

// Lazy lets work start only when the host waits for it. A command buffer with a
// completion handler starts after 100 ms too, because such waits cannot be seen.
func (h *Hooks) Lazy(on bool) { h.setBool("LAZY", on) }

// Shuffle runs dispatches that nothing orders in an order by seed; 0: as encoded.
func (h *Hooks) Shuffle(seed uint32) { h.setNumber("SHUFFLE", seed) }

// Fail asks for failures, as "buffer:3,compile:1". It replaces what was asked for,
// and brings a lost device back.
func (h *Hooks) Fail(spec string) error { return h.Set("FAIL", spec) }

// Errors takes what was recorded.
func (h *Hooks) Errors() []string {
	var all []byte
	for b := make([]byte, 1<<16); ; {
		n := call(h.takeErrors, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		if n == 0 {
			break
		}
		all = append(all, b[:n]...)
	}
	return strings.FieldsFunc(string(all), func(r rune) bool { return r == '\n' })
}

// Live counts the objects of a class that were not freed, -1 if there is no such
// class. First all committed work has its end, when lazy that which is waited for.
func (h *Hooks) Live(class string) int {
	c := append([]byte(class), 0)
	return int(call(h.live, uintptr(unsafe.Pointer(&c[0]))))
}

// Poison makes memory count as never written. It must not be of Go's heap.
func (h *Hooks) Poison(mem []byte) {
	call(h.poison, uintptr(unsafe.Pointer(unsafe.SliceData(mem))), uintptr(len(mem)))
}

// A Method is what a class of the library responds to. Encoding is Apple's, without
// offsets: result, receiver, selector, arguments.
type Method struct {
	Class, Selector, Encoding string
	IsClass                   bool // a method of the class, not of its instances
}

// Methods is the library's table of methods, by class.
func (h *Hooks) Methods() (all []Method) {
	p := call(h.methods)
	defer call(h.free, p)
	for line := range strings.Lines(goString(p)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		all = append(all, Method{f[0], f[1][1:], f[2], f[1][0] == '+'})
	}
	return all
}

// goString copies a string of C.
func goString(p uintptr) string {
	at := *(*unsafe.Pointer)(unsafe.Pointer(&p)) // memory of C, which does not move
	n := 0
	for *(*byte)(unsafe.Add(at, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(at), n))
}
