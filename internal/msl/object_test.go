package msl

import (
	"debug/elf"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// An object asks for nothing but the executor and the memory functions of C, on either
// architecture: all helpers of the compiler are in the shim.
func TestImportsOfObjects(t *testing.T) {
	needClang(t)
	rows, _ := library()
	var text strings.Builder
	text.WriteString(head)
	for n, row := range rows {
		if !strings.HasPrefix(row.name, "simdgroup") && !strings.HasPrefix(row.name, "make_filled") && !strings.HasSuffix(row.name, "barrier") {
			text.WriteString(rowKernel(n, row))
		}
	}
	for _, from := range []string{"half", "bfloat", "float", "int", "ulong", "char"} {
		for _, to := range []string{"half", "bfloat", "float", "int", "ulong", "char"} {
			if from == "half" && to == "bfloat" || from == "bfloat" && to == "half" {
				continue // no kernel converts these
			}
			fmt.Fprintf(&text, "kernel void %[1]s_to_%[2]s(device const %[1]s *x [[buffer(0)]], device %[2]s *y [[buffer(1)]], uint i [[thread_position_in_grid]]) {\n    y[i] = %[2]s(x[i]);\n}\n", from, to)
		}
	}
	may := regexp.MustCompile(`^(msl_\w+|__tsan_\w+|__ubsan_handle_\w+|memcpy|memset|memmove)$`)
	for arch := range targets {
		for _, mode := range []Mode{Flat, Checked} {
			o, err := Compile(text.String(), mode, arch)
			if err != nil {
				t.Fatal(err)
			}
			file, err := elf.Open(o.Path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			symbols, err := file.ImportedSymbols()
			if err != nil || len(symbols) == 0 {
				t.Fatal(symbols, err)
			}
			for _, s := range symbols {
				if !may.MatchString(s.Name) {
					t.Errorf("%s, %v: asks for %s", arch, mode, s.Name)
				}
			}
		}
	}
}

// What a thread keeps must fit its stack, which is 128 KiB.
func TestFrames(t *testing.T) {
	needClang(t)
	const body = "float v[%d];\nfor (int i = 0; i < n[0]; i++) {\nv[i] = a[i];\n}\na[0] = v[n[1]];"
	params := "device float *a [[buffer(0)]], constant int *n [[buffer(1)]]"
	if _, err := Compile(one(params, fmt.Sprintf(body, 10000)), Flat, "amd64"); err != nil {
		t.Error(err)
	}
	_, err := Compile(one(params, fmt.Sprintf(body, 20000)), Flat, "amd64")
	if err == nil || !strings.Contains(err.Error(), "stack frame size") {
		t.Errorf("a frame of 80000 bytes: %v", err)
	}
}
