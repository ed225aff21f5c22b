package msl

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/internal/required"
)

// needClang skips a test where the tools are missing, and says which.
func needClang(t testing.TB) {
	t.Helper()
	if err := Available(); err != nil {
		required.Skip(t, err)
	}
}

func testRunner(t testing.TB) *Runner {
	t.Helper()
	needClang(t)
	r, err := NewRunner()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func prepare(t testing.TB, text string) *Program {
	t.Helper()
	p, err := Prepare(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func readText(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// bytesOf is a slice of numbers as the bytes of a buffer.
func bytesOf(values any) []byte {
	data, err := binary.Append(nil, binary.NativeEndian, values)
	if err != nil {
		panic(err)
	}
	return data
}

func floats(data []byte) []float32 {
	out := make([]float32, len(data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.NativeEndian.Uint32(data[4*i:]))
	}
	return out
}

func randomFloats(n int, seed uint64) []float32 {
	rnd := rand.New(rand.NewPCG(seed, 0))
	out := make([]float32, n)
	for i := range out {
		out[i] = rnd.Float32()*2 - 1
	}
	return out
}

// goodLaunch is a launch of a kernel of good.metal and a check of what it wrote.
type goodLaunch struct {
	launch Launch
	check  func(t *testing.T, buffers [][]byte)
}

func near(t *testing.T, name string, got []float32, want func(i int) float64, tolerance float64) {
	t.Helper()
	for i, g := range got {
		if w := want(i); math.Abs(float64(g)-w) > tolerance*(1+math.Abs(w)) || g != g {
			t.Fatalf("%s[%d] = %v, want %v", name, i, g, w)
		}
	}
}

func goodLaunches() map[string]goodLaunch {
	const n = 1000
	x, y := randomFloats(n, 1), randomFloats(n, 2)
	axpy := goodLaunch{
		Launch{Buffers: [][]byte{bytesOf(x), bytesOf(y), bytesOf([]uint32{n, math.Float32bits(0.5)})}, Groups: [3]uint32{8}, Threads: [3]uint32{128}},
		func(t *testing.T, b [][]byte) {
			near(t, "y", floats(b[1]), func(i int) float64 { return 0.5*float64(x[i]) + math.Exp(float64(y[i])) }, 1e-6)
		},
	}
	halves := make([]uint16, 256)
	for i := range halves {
		halves[i] = halfBits(x[i] * 4)
	}
	gelu := goodLaunch{
		Launch{Buffers: [][]byte{bytesOf(halves), make([]byte, 512)}, Threads: [3]uint32{64}},
		func(t *testing.T, b [][]byte) {
			got := make([]float32, 256)
			for i := range got {
				got[i] = halfFloat(binary.NativeEndian.Uint16(b[1][2*i:]))
			}
			near(t, "y", got, func(i int) float64 {
				v := float64(halfFloat(halves[i]))
				return 0.5 * v * (1 + math.Tanh(0.7978845608*(v+0.044715*v*v*v)))
			}, 1e-3)
		},
	}
	const rows, cols = 3, 333
	softmax := goodLaunch{
		Launch{Buffers: [][]byte{bytesOf(x[:rows*cols]), make([]byte, 4*rows*cols), bytesOf(uint32(cols))}, Groups: [3]uint32{rows}, Threads: [3]uint32{128}},
		func(t *testing.T, b [][]byte) {
			near(t, "y", floats(b[1]), func(i int) float64 {
				row, sum := x[i/cols*cols:i/cols*cols+cols], 0.0
				for _, v := range row {
					sum += math.Exp(float64(v))
				}
				return math.Exp(float64(x[i])) / sum
			}, 1e-6)
		},
	}
	const m = 64
	a, bm := randomFloats(m*m, 3), randomFloats(m*m, 4)
	product := func(a, b []float32, tolerance float64) func(*testing.T, [][]byte) {
		return func(t *testing.T, buffers [][]byte) {
			near(t, "C", floats(buffers[2]), func(i int) float64 {
				sum := 0.0
				for k := range m {
					sum += float64(a[i/m*m+k]) * float64(b[k*m+i%m])
				}
				return sum
			}, tolerance)
		}
	}
	sizes := bytesOf([]uint32{m, m, m})
	tiled := goodLaunch{
		Launch{Buffers: [][]byte{bytesOf(a), bytesOf(bm), make([]byte, 4*m*m), sizes}, Groups: [3]uint32{4, 4}, Threads: [3]uint32{16, 16}},
		product(a, bm, 1e-5),
	}
	sg32 := goodLaunch{
		Launch{Buffers: [][]byte{bytesOf(a), bytesOf(bm), make([]byte, 4*m*m), sizes}, Groups: [3]uint32{2, 2}, Threads: [3]uint32{128}},
		product(a, bm, 1e-5),
	}
	ha, hb := make([]uint16, m*m), make([]uint16, m*m)
	fa, fb := make([]float32, m*m), make([]float32, m*m)
	for i := range ha {
		ha[i], hb[i] = halfBits(a[i]), halfBits(bm[i])
		fa[i], fb[i] = halfFloat(ha[i]), halfFloat(hb[i])
	}
	sg16 := goodLaunch{
		Launch{Buffers: [][]byte{bytesOf(ha), bytesOf(hb), make([]byte, 4*m*m), sizes}, Groups: [3]uint32{2, 2}, Threads: [3]uint32{128}},
		product(fa, fb, 1e-5),
	}
	launches := map[string]goodLaunch{"axpy": axpy, "gelu4": gelu, "softmax2": softmax, "gemm_tiled": tiled, "gemm_sg_f32": sg32, "gemm_sg_f16": sg16}
	for name, l := range launches {
		l.launch.Kernel = name
		launches[name] = l
	}
	return launches
}

func TestGoodKernels(t *testing.T) {
	r := testRunner(t)
	p := prepare(t, readText(t, "good.metal"))
	for name, l := range goodLaunches() {
		t.Run(name, func(t *testing.T) {
			if err := r.Verify(p, l.launch); err != nil {
				t.Fatal(err)
			}
			l.check(t, l.launch.Buffers)
		})
	}
}

func TestQuietKernels(t *testing.T) {
	r := testRunner(t)
	p := prepare(t, readText(t, "quiet.metal"))
	for _, k := range p.Flat.Kernels {
		l := Launch{Kernel: k.Name, Threads: [3]uint32{64}, Seed: 3}
		if k.Name == "part_of_a_simdgroup" {
			l.Threads = [3]uint32{5, 3, 3}
		}
		for range k.Arguments {
			l.Buffers = append(l.Buffers, bytesOf(randomFloats(128, 1)))
		}
		if err := r.Verify(p, l); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
}

// Each barrier of the good kernels is needed: without it the checks find a race.
func TestBarrierMutants(t *testing.T) {
	r := testRunner(t)
	text := readText(t, "good.metal")
	kernelOf := []string{"softmax2", "softmax2", "softmax2", "gemm_tiled", "gemm_tiled", "gemm_sg_f32", "gemm_sg_f32", "gemm_sg_f16", "gemm_sg_f16"}
	parts := strings.SplitAfter(text, "threadgroup_barrier(mem_flags::mem_threadgroup);")
	if len(parts) != len(kernelOf)+1 {
		t.Fatalf("%d barriers, want %d", len(parts)-1, len(kernelOf))
	}
	for i, kernel := range kernelOf {
		t.Run(kernel, func(t *testing.T) {
			mutant := strings.Join(parts[:i], "") + strings.TrimSuffix(parts[i], "threadgroup_barrier(mem_flags::mem_threadgroup);") + strings.Join(parts[i+1:], "")
			o, err := Compile(mutant, Checked, runtime.GOARCH)
			if err != nil {
				t.Fatal(err)
			}
			result, err := r.Run(o, goodLaunches()[kernel].launch)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(result.Findings, func(f Finding) bool { return f.Kind == "race" && f.Kernel == kernel && f.Line > 0 }) {
				t.Errorf("without barrier %d: %v", i+1, result.Findings)
			}
		})
	}
}
