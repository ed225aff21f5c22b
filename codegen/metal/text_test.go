package metal_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/codegen/metal"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

// Kernels that are written by hand compute what their references do, in three orders of
// threads and checked: one for each element, one with threadgroup memory, and one of two
// dimensions and two results whose last threadgroups have threads outside the grid.
func TestWrittenByHand(t *testing.T) {
	m := written(t)
	s := suite{module: m}
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 5} {
		s.programs = append(s.programs, handProgram(t, r, m, "ffn", ir.NewTensor(ir.F16, n, 512), ir.NewTensor(ir.F16, n, 512), ir.NewTensor(ir.F16, 512)))
		s.programs = append(s.programs, handProgram(t, r, m, "turns", ir.NewTensor(ir.F32, n, 19)))
	}
	s.run(t)
}

// handProgram: the text and the reference round to f16 at other places, f32 is exact here.
func handProgram(t *testing.T, r *rand.Rand, m *ir.Module, entry string, inputs ...*ir.Tensor) *program {
	t.Helper()
	for _, x := range inputs {
		for i := range x.Len() {
			x.F[i] = math.Round((r.Float64()*2-1)*256) / 256
		}
	}
	p := &program{entry: entry, inputs: inputs, terms: 1}
	var err error
	if p.want, err = m.Eval(m.Func(entry), nil, inputs); err != nil {
		t.Fatal(err)
	}
	p.allows = func(_ int, got, want float64) bool {
		bound := 0.0
		if entry == "ffn" { // of two values rounded to f16 the one is that of the other within a rounding, and so is its norm
			bound = 0x1p-9 * math.Abs(want)
		}
		return math.Abs(got-want) <= bound
	}
	return p
}

func written(t *testing.T) *ir.Module {
	t.Helper()
	text, err := os.ReadFile("testdata/text.mlxir")
	if err != nil {
		t.Fatal(err)
	}
	m, err := ir.Parse("text.mlxir", text)
	if err == nil {
		err = ir.Verify(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ir.Parse("again", []byte(ir.Print(m))); err != nil || ir.Print(again) != ir.Print(m) {
		t.Errorf("the text does not come back: %v\n%s", err, ir.Print(m))
	}
	return m
}

// What is found in the printed text is at its place in the source, dtypes notwithstanding.
func TestTextPos(t *testing.T) {
	m := written(t)
	if err := passes.Run(m, ir.Metal, nil); err != nil {
		t.Fatal(err)
	}
	if again, err := ir.Parse("again", []byte(ir.Print(m))); err != nil || ir.Print(again) != ir.Print(m) {
		t.Errorf("the planned module does not come back: %v", err)
	}
	for _, k := range m.Kernels {
		if k.Written == nil || k.Written.Source.Name != "swiglu" {
			continue
		}
		text, err := metal.Kernel(k, "k")
		if err != nil {
			t.Fatal(err)
		}
		for n, line := range strings.Split(text, "\n") {
			col := strings.Index(line, "float(up[i])")
			if col < 0 {
				continue
			}
			pos, in, ok := metal.TextPos(k, text, n+1, col+1)
			if got := fmt.Sprintf("%d:%d %d %v", pos.Line, pos.Col, in, ok); got != "10:39 4 true" {
				t.Errorf("found at %s", got)
			}
			return
		}
	}
	t.Error("no such kernel")
}
