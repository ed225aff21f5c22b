package mtl

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/mlxc/mlxc/internal/required"
)

// The types of our table are those that the system's own classes and protocols
// have.
func TestSelectorsOfTheSystem(t *testing.T) {
	if err := findMetal(); err != nil {
		required.Skip(t, err)
	}
	handles, err := libraries()
	must(t, err)
	f := func(name string) uintptr { return find(handles, name) }
	for i, s := range selectors {
		var types uintptr
		if c := uintptr(class(s.class)); c != 0 {
			method := "class_getInstanceMethod"
			if classMethod(selector(i)) {
				method = "class_getClassMethod"
			}
			m, _, _ := purego.SyscallN(f(method), c, registered[i])
			types, _, _ = purego.SyscallN(f("method_getTypeEncoding"), m)
		} else {
			p := invokePointer(f("objc_getProtocol"), uintptr(unsafe.Pointer(&cString(s.class)[0])))
			for _, required := range []uintptr{1, 0} { // a struct of the selector and its types
				if _, second, _ := purego.SyscallN(f("protocol_getMethodDescription"), p, registered[i], required, 1); second != 0 {
					types = second
				}
			}
		}
		got := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return -1 // offsets
			}
			return r
		}, fromC(types))
		if got != s.encoding {
			t.Errorf("%s %s has the type %s, and we take it to be %s", s.class, s.name, got, s.encoding)
		}
	}
}
