// Command ulps tries the functions of f32 of the CPU, as kernels compute them, on all
// 2^32 arguments, and prints the largest error of each in units in the last place:
//
//	go run ./scripts/ulps [FUNCTION…]
//
// Package math in float64 says what is right. A function takes minutes.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"math"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/internal/ulp"
	"github.com/mlxc/mlxc/ir"
	array "github.com/mlxc/mlxc/runtime"
)

// functions have a limit of |x| up to which their error is measured; 0: none.
var functions = []struct {
	op   string
	want func(float64) float64
	upTo float64
}{
	{"exp", math.Exp, 0}, {"exp2", math.Exp2, 0}, {"expm1", math.Expm1, 0},
	{"log", math.Log, 0}, {"log2", math.Log2, 0}, {"log1p", math.Log1p, 0},
	{"sin", math.Sin, 0x1p17}, {"cos", math.Cos, 0x1p17}, {"tan", math.Tan, 0x1p15},
	{"asin", math.Asin, 0}, {"acos", math.Acos, 0}, {"atan", math.Atan, 0},
	{"sinh", math.Sinh, 0}, {"cosh", math.Cosh, 0}, {"tanh", math.Tanh, 0},
	{"asinh", math.Asinh, 0}, {"acosh", math.Acosh, 0}, {"atanh", math.Atanh, 0},
	{"erf", math.Erf, 0}, {"erfinv", math.Erfinv, 0},
	{"gelu", func(x float64) float64 { return max(x, -64) * math.Erfc(-x/math.Sqrt2) / 2 }, 0},
}

const chunk = 1 << 24

func main() {
	log.SetFlags(0)
	log.SetPrefix("ulps: ")
	text := "mlxir 1\nmodule \"functions\" {\n"
	for _, f := range functions {
		text += fmt.Sprintf("func @%s(%%x: f32[%d]) -> (y: f32[%d]) {\n%%0 = %s(%%x) : f32[%d]\nret(%%0)\n}\n", f.op, chunk, chunk, f.op, chunk)
	}
	m, err := mlxc.ParseIR("functions", []byte(text+"}\n"))
	if err != nil {
		log.Fatal(err)
	}
	runner, err := mlxc.BuildRunner(context.Background(), m, "functions.mlxir", ir.CPU, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range functions {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], f.op) {
			continue
		}
		worst, at := 0.0, float32(0)
		for first := uint64(0); first < 1<<32 && worst == worst; first += chunk {
			x, y, err := call(runner, f.op, uint32(first))
			if err != nil {
				log.Fatal(err)
			}
			if w, a := largest(x, y, f.want, f.upTo); w > worst || w != w {
				worst, at = w, a
			}
		}
		fmt.Printf("%-8s %.3f ulp at %g\n", f.op, worst, at)
	}
}

// call computes a chunk of results, of the floats whose bits follow first.
func call(r *mlxc.Runner, entry string, first uint32) (x, y []byte, err error) {
	a, err := array.NewArray(array.F32, chunk)
	if err != nil {
		return nil, nil, err
	}
	for i := range uint32(chunk) {
		binary.LittleEndian.PutUint32(a.Bytes()[4*i:], first+i)
	}
	var in, out bytes.Buffer
	if err := array.WriteNPY(&in, a); err != nil {
		return nil, nil, err
	}
	x = slices.Clone(in.Bytes()[in.Len()-4*chunk:])
	if err := r.Run(context.Background(), entry, "", 0, &in, &out); err != nil {
		return nil, nil, err
	}
	return x, out.Bytes()[out.Len()-4*chunk:], nil
}

// largest is the largest error, or NaN where one is of another kind.
func largest(x, y []byte, want func(float64) float64, upTo float64) (worst float64, at float32) {
	var mu sync.Mutex
	var wait sync.WaitGroup
	parts := runtime.GOMAXPROCS(0)
	for p := range parts {
		wait.Go(func() {
			var w float64
			var a float32
			for i := chunk / parts * p * 4; i < chunk/parts*(p+1)*4 && w == w; i += 4 {
				v := math.Float32frombits(binary.LittleEndian.Uint32(x[i:]))
				if upTo > 0 && !(math.Abs(float64(v)) <= upTo) {
					continue
				}
				if e := ulp.Apart(math.Float32frombits(binary.LittleEndian.Uint32(y[i:])), want(float64(v))); e > w || e != e {
					w, a = e, v
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if w > worst || w != w {
				worst, at = w, a
			}
		})
	}
	wait.Wait()
	return worst, at
}
