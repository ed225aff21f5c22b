package main

// Runs each entry of the program step by step, with each buffer of its own between pages
// that cannot be touched: once at the end of its memory, once at the start, by portable
// Go and by what took its place at the start of the program, the grid divided at random.
// All start from the same numbers, and give the same but for rounding: numbers and sums
// are few, so that f16 and bf16 round alike. Entries whose names begin with "point" sum
// nothing: they take every kind of number, and differ by a few units in the last place.

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/runtime/cpu"
)

// portable is the kernels before init puts others in their place.
var portable = slices.Clone(program.Kernels)

func main() {
	debug.SetPanicOnFault(true)
	for i := range program.Entries {
		e := &program.Entries[i]
		want := run(e, portable, true, 0)
		for _, atEnd := range []bool{true, false} {
			first := run(e, program.Kernels, atEnd, 1)
			if strings.HasPrefix(e.Name, "point") {
				compareUnits(e.Name, want, first, 4)
			} else {
				compare(e.Name, want, first, unit[e.Outputs[0].DType])
			}
			if again := run(e, program.Kernels, atEnd, 2); !slices.EqualFunc(first, again, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
				fmt.Printf("%s: another division of the grid gives other bits\n", e.Name)
			}
		}
	}
}

// run computes an entry's first output. seed 0 computes each grid at once.
func run(e *runtime.Entry, kernels []cpu.Kernel, atEnd bool, seed uint64) []float32 {
	v := &e.Variants[0]
	memory := map[runtime.Ref][]byte{}
	var regions [][]byte
	buffer := func(r runtime.Ref, t runtime.DType, bytes int) {
		if memory[r] != nil {
			return
		}
		page := os.Getpagesize()
		pages := (bytes + page - 1) / page * page
		b, err := syscall.Mmap(-1, 0, pages+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		check(err)
		check(syscall.Mprotect(b[:page], syscall.PROT_NONE))
		check(syscall.Mprotect(b[page+pages:], syscall.PROT_NONE))
		regions = append(regions, b)
		at := page
		if atEnd {
			at += pages - bytes
		}
		memory[r] = b[at : at+bytes : at+bytes]
		rng := rand.New(rand.NewPCG(uint64(r.Where), uint64(r.Index)))
		size := t.Size()
		for i := 0; i < bytes; i += size {
			x := float32(rng.IntN(256)-128) / 128
			if strings.HasPrefix(e.Name, "point") {
				x *= float32(math.Exp2(float64(rng.IntN(16) - 8)))
				if rng.IntN(8) == 0 {
					x = unusual[rng.IntN(len(unusual))]
				}
			}
			if r.Where != runtime.Input {
				x = float32(math.NaN()) // to be written before it is read
			}
			switch at := memory[r][i:]; t {
			case runtime.F16:
				binary.LittleEndian.PutUint16(at, cpu.F32ToF16(x))
			case runtime.BF16:
				binary.LittleEndian.PutUint16(at, cpu.F32ToBF16(x))
			case runtime.Bool:
				at[0] = byte(rng.IntN(2))
			default:
				binary.LittleEndian.PutUint32(at, math.Float32bits(x))
			}
		}
	}
	for i, p := range e.Inputs {
		buffer(runtime.Input.At(i), p.DType, p.DType.Size()*elements(p))
	}
	for i, p := range e.Outputs {
		buffer(runtime.Output.At(i), p.DType, p.DType.Size()*elements(p))
	}
	for i, b := range v.Blocks {
		buffer(runtime.Arena.At(i), runtime.BF16, number(b.Bytes)) // NaN of twice the size too
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, s := range v.Steps {
		call := &cpu.Call{}
		for _, r := range s.Args {
			call.Args = append(call.Args, memory[r])
		}
		grid := number(s.Grid)
		for lo := 0; lo < grid; {
			hi := grid
			if seed > 0 {
				hi = lo + 1 + rng.IntN(grid-lo)
			}
			kernels[s.Kernel](call, lo, hi)
			lo = hi
		}
	}
	out := floats(e.Outputs[0].DType, memory[runtime.Output.At(0)])
	for _, b := range regions {
		check(syscall.Munmap(b))
	}
	return out
}

// unit is what one in the last place of narrow floats is of a number at most.
var unit = map[runtime.DType]float64{runtime.F16: 1 / 1024., runtime.BF16: 1 / 128.}

// compare allows for sums in another order, and for the rounding of what comes of them.
func compare(name string, want, got []float32, unit float64) {
	for i := range want {
		if !(math.Abs(float64(want[i]-got[i])) <= 1e-3+unit*math.Abs(float64(want[i]))) {
			fmt.Printf("%s: element %d is %v and %v\n", name, i, want[i], got[i])
			return
		}
	}
}

// unusual numbers.
var unusual = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0, float32(math.Copysign(0, -1)), math.MaxFloat32, math.SmallestNonzeroFloat32, 1e-38, -1e30, 0.5, 2.5}

// compareUnits allows for units in the last place, or of the smallest normal number, and
// zeros of another sign.
func compareUnits(name string, want, got []float32, units int64) {
	for i := range want {
		w, g := want[i], got[i]
		place := func(x float32) int64 {
			n := int64(math.Float32bits(x) &^ (1 << 31))
			if math.Signbit(float64(x)) {
				return -n
			}
			return n
		}
		d := place(w) - place(g)
		if w != w && g != g || max(d, -d) <= units && w == w && g == g {
			continue
		}
		fmt.Printf("%s: element %d is %v and %v\n", name, i, w, g)
		return
	}
}

func elements(p runtime.Port) int {
	n := 1
	for _, s := range p.Shape {
		n *= number(s)
	}
	return n
}

// number is a size without dims.
func number(s runtime.Size) int {
	n := 0
	for _, t := range s {
		n += int(t.Coef)
	}
	return n
}

func floats(t runtime.DType, b []byte) []float32 {
	var out []float32
	for ; len(b) > 0; b = b[t.Size():] {
		switch t {
		case runtime.F16:
			out = append(out, cpu.F16ToF32(binary.LittleEndian.Uint16(b)))
		case runtime.BF16:
			out = append(out, cpu.BF16ToF32(binary.LittleEndian.Uint16(b)))
		default:
			out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(b)))
		}
	}
	return out
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
