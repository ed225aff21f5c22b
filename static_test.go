package mlxc_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A program with a generated package needs nothing of the machine it runs on.
func TestLinuxBinariesAreStatic(t *testing.T) {
	dir, err := os.MkdirTemp("testdata", "static-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	main := "package main\n\nimport \"github.com/mlxc/mlxc/testdata/gen/digits\"\n\nfunc main() { digits.Load(\"\") }\n"
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(main), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		bin := filepath.Join(t.TempDir(), arch)
		cmd := exec.Command("go", "build", "-o", bin, "./"+dir)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", arch, err, out)
		}
		f, err := elf.Open(bin)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
				t.Errorf("%s: the binary has a segment %s", arch, p.Type)
			}
		}
	}
}
