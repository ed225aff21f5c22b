package msl

import (
	"fmt"
	"os"
	"runtime"
	"testing"
)

// BenchmarkThread is the cost of a thread of axpy: 2^20 of them a launch, with the
// passage of the buffers to the child and back.
func BenchmarkThread(b *testing.B) {
	for _, mode := range []Mode{Flat, Checked} {
		b.Run(mode.String(), func(b *testing.B) {
			const n = 1 << 20
			l := Launch{Kernel: "axpy", Groups: [3]uint32{n / 256}, Threads: [3]uint32{256},
				Buffers: [][]byte{make([]byte, 4*n), make([]byte, 4*n), bytesOf([]uint32{n, 0})}}
			benchmarkLaunch(b, mode, l)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/thread")
		})
	}
}

// BenchmarkGemm multiplies matrices of 512x512 by simdgroup_matrix (64x64 checked).
func BenchmarkGemm(b *testing.B) {
	for mode, n := range map[Mode]uint32{Flat: 512, Checked: 64} {
		b.Run(mode.String(), func(b *testing.B) {
			l := Launch{Kernel: "gemm_sg_f32", Groups: [3]uint32{n / 32, n / 32}, Threads: [3]uint32{128},
				Buffers: [][]byte{make([]byte, 4*n*n), make([]byte, 4*n*n), make([]byte, 4*n*n), bytesOf([]uint32{n, n, n})}}
			benchmarkLaunch(b, mode, l)
		})
	}
}

func benchmarkLaunch(b *testing.B, mode Mode, l Launch) {
	r := testRunner(b)
	o, err := Compile(readText(b, "good.metal"), mode, runtime.GOARCH)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if result, err := r.Run(o, l); err != nil || len(result.Findings) > 0 {
			b.Fatal(result, err)
		}
	}
}

// BenchmarkCompile is the cost of a text of 31 kernels in each pass, not cached.
func BenchmarkCompile(b *testing.B) {
	needClang(b)
	data, err := os.ReadFile("../../testdata/gen/digits/model.metal")
	if err != nil {
		b.Fatal(err)
	}
	passes := []struct {
		name string
		run  func(text string) error
	}{
		{"lint", func(text string) error { return problemsOrNil(Lint(text)) }},
		{"strict", Strict},
		{"flat", func(text string) error { _, err := Compile(text, Flat, runtime.GOARCH); return err }},
		{"checked", func(text string) error { _, err := Compile(text, Checked, runtime.GOARCH); return err }},
	}
	for _, p := range passes {
		b.Run(p.name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				n++
				if err := p.run(fmt.Sprintf("%s// %d %d\n", data, n, os.Getpid())); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func problemsOrNil(problems []Problem) error {
	if len(problems) > 0 {
		return problemsError(problems)
	}
	return nil
}
