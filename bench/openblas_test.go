// Package bench times mlxc beside other libraries, in one process and in turns.
package bench

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
)

//go:embed openblas_main.go.txt
var openBLASMain []byte

// openBLASCores are kernels of OpenBLAS for processors with AVX2 or more; which is the
// fastest on a machine must be tried.
var openBLASCores = []string{"Haswell", "Zen", "SkylakeX"}

// A comparison is what the program measures for one size and number of threads: medians.
type comparison struct {
	Size, Threads       int
	Ours, Theirs, Limit float64 // GFLOP/s; Limit is FMAs in registers
	Ratio               float64 // of the times in one round
}

// BenchmarkOpenBLAS multiplies square matrices of f32, of which mlxc packs the right one
// in each call, as OpenBLAS does. OPENBLAS names the library.
func BenchmarkOpenBLAS(b *testing.B) {
	library := os.Getenv("OPENBLAS")
	if library == "" {
		library = "/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0"
	}
	if _, err := os.Stat(library); err != nil {
		b.Skipf("%v: OPENBLAS can name it", err)
	}
	program := buildBeside(b, squares(512, 1024, 2048), openBLASMain)
	for _, core := range openBLASCores {
		cmd := exec.Command(program, library)
		cmd.Env = append(os.Environ(), "OPENBLAS_CORETYPE="+core)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			b.Fatal(core, err)
		}
		for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
			var c comparison
			if err := d.Decode(&c); err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("core=%s/n=%d/threads=%d", core, c.Size, c.Threads), func(b *testing.B) {
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(c.Ours, "GFLOP/s")
				b.ReportMetric(c.Theirs, "OpenBLAS-GFLOP/s")
				b.ReportMetric(c.Limit, "FMA-GFLOP/s")
				b.ReportMetric(c.Ratio, "speed-of-OpenBLAS")
			})
		}
	}
}

// squares is a module with a product of square matrices of each size.
func squares(sizes ...int) string {
	var b strings.Builder
	b.WriteString("mlxir 1\nmodule \"squares\" {\n")
	for _, n := range sizes {
		fmt.Fprintf(&b, "func @square%d(%%a: f32[%[1]d, %[1]d], %%b: f32[%[1]d, %[1]d]) -> (y: f32[%[1]d, %[1]d]) {\n%%y = matmul(%%a, %%b, acc=f32) : f32[%[1]d, %[1]d]\nret(%%y)\n}\n", n)
	}
	b.WriteString("}\n")
	return b.String()
}

// buildBeside builds a main function together with the tables of a module.
func buildBeside(b *testing.B, text string, main []byte) string {
	b.Helper()
	m, err := mlxc.ParseIR("bench.mlxir", []byte(text))
	if err != nil {
		b.Fatal(err)
	}
	p, err := mlxc.Compile(m, mlxc.Options{Package: "main", Tables: true, Source: "bench.mlxir", Targets: []ir.Target{ir.CPU}})
	if err != nil {
		b.Fatal(err)
	}
	dir, err := os.MkdirTemp(".", "build-") // below go.mod, where imports are found
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	for _, f := range p.Files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), main, 0o644); err != nil {
		b.Fatal(err)
	}
	out := filepath.Join(b.TempDir(), "program")
	if text, err := exec.Command("go", "build", "-o", out, "./"+dir).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, text)
	}
	return out
}
