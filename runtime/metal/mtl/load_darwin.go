package mtl

import "github.com/ebitengine/purego"

// libraries opens what has our symbols. Without CoreGraphics a command-line
// program finds no device.
func libraries() ([]uintptr, error) {
	var handles []uintptr
	for _, path := range []string{
		"/usr/lib/libobjc.A.dylib",
		"/System/Library/Frameworks/Foundation.framework/Foundation",
		"/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics",
		"/System/Library/Frameworks/Metal.framework/Metal",
	} {
		h, err := purego.Dlopen(path, purego.RTLD_LAZY|purego.RTLD_GLOBAL)
		if err != nil {
			return nil, err
		}
		handles = append(handles, h)
	}
	return handles, nil
}
