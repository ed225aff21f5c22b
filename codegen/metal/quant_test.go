package metal_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
)

// halves are where the blocks of GGUF have an f16.
var halves = map[ir.DType][]int{ir.Q4_0: {0}, ir.Q8_0: {0}, ir.Q4_K: {0, 2}, ir.Q6_K: {208}}

// drawPlane is a plane of random bits, with scales of some thousandths.
func drawPlane(r *rand.Rand, p *ir.Param) *ir.Tensor {
	rows, _ := p.Type.Shape[0].Int()
	n, _ := p.Type.Shape[1].Int()
	x := ir.NewTensor(p.Type.DType, int(rows), int(n))
	ir.SampleNormal.Fill(r, x)
	x = x.Convert(ir.F32).Convert(p.Type.DType)
	for i := range x.F {
		x.F[i] = math.Round(x.F[i]*64) / 4096
	}
	for i := range x.I {
		x.I[i] = r.Int64N(1 << (8 * p.Type.DType.Size()))
	}
	for _, at := range halves[p.Of.Type.DType] {
		block := p.Of.Type.DType.Format().Planes[0].Units
		for i := at; i < len(x.I); i += block {
			x.I[i+1] = 0x18 // 2^-9, and less than twice that
		}
	}
	return x
}

// Products of one, few and many rows with matrices in every quantised format, their rows, and
// all elements, are those of the evaluator.
func TestQuantised(t *testing.T) {
	t.Parallel()
	for _, d := range ir.QuantisedDTypes() {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "m.mlx")
			text := strings.ReplaceAll(`
dim 1 <= T <= 64
param w: FORMAT[16, 512]
entry f(x: f32[T, 512], h: f16[T, 512], i: i32[3]) -> (y: f32[T, 16], z: f16[T, 16], rows: f32[3, 512], all: f32[16, 512]) {
  return x @ w.T, h @ w.T, take(w, i, axis=0), dequant(w)
}
`, "FORMAT", d.String())
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			m, err := mlxc.Load(path, mlxc.Source{})
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, uint64(d)))
			params := map[string]*ir.Tensor{}
			for _, p := range m.Params {
				params[p.Name] = drawPlane(r, p)
			}
			s := &suite{module: m}
			for _, n := range []int{1, 5, 33} {
				x := ir.NewTensor(ir.F32, n, 512)
				ir.SampleNormal.Fill(r, x)
				p := &program{entry: "f", params: params, inputs: []*ir.Tensor{x, x.Convert(ir.F16), {DType: ir.I32, Shape: []int{3}, I: []int64{15, 0, 7}}}}
				f, _, err := m.Serving("f", params, p.inputs)
				if err != nil {
					t.Fatal(err)
				}
				if p.want, err = m.Eval(f, params, p.inputs); err != nil {
					t.Fatal(err)
				}
				most := 0.0 // of a term of a product
				for _, w := range p.want[3].F {
					most = max(most, math.Abs(w))
				}
				p.allows = func(result int, got, want float64) bool {
					switch result {
					case 0: // 512 terms, of numbers below 5 by elements, each sum rounded
						return math.Abs(got-want) <= 512*5*most*512/(1<<24)
					case 1:
						return math.Abs(got-want) <= 512*5*most*512/(1<<24)+math.Abs(want)/(1<<11)
					}
					return got == want
				}
				s.programs = append(s.programs, p)
			}
			kernels, launches := s.run(t)
			t.Log(fmt.Sprint(kernels, " kernels, ", launches, " launches"))
		})
	}
}
