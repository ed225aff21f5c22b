package metal_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/mlxc/mlxc"
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
		s.programs = append(s.programs, handProgram(t, r, m, "ffn", roundsF16, ir.NewTensor(ir.F16, n, 512), ir.NewTensor(ir.F16, n, 512), ir.NewTensor(ir.F16, 512)))
		s.programs = append(s.programs, handProgram(t, r, m, "turns", 0, ir.NewTensor(ir.F32, n, 19)))
	}
	s.run(t)
}

// The kernels of a model in the language compute what their references do.
func TestKernelsOfTheLanguage(t *testing.T) {
	m, err := mlxc.Load("../../testdata/models/kernels.mlx", mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	s := suite{module: m}
	r := rand.New(rand.NewPCG(5, 6))
	// A sum of 100 squares is within 99 roundings in any order, the root of it within half
	// of that, and what follows within few.
	const sum = 0x1p-17
	for _, n := range []int{1, 5} {
		s.programs = append(s.programs, handProgram(t, r, m, "ffn", roundsF16, ir.NewTensor(ir.F16, n, 512), ir.NewTensor(ir.F16, n, 512), ir.NewTensor(ir.F16, 512)))
		s.programs = append(s.programs, handProgram(t, r, m, "turns", 0, ir.NewTensor(ir.F32, n, 19))) // of bf16 too
		s.programs = append(s.programs, handProgram(t, r, m, "ffn32", sum, ir.NewTensor(ir.F32, n, 100), ir.NewTensor(ir.F32, n, 100), ir.NewTensor(ir.F32, 100)))
	}
	s.run(t)
}

// roundsF16 is how far the results of ffn are apart: of two values rounded to f16 at other
// places the one is that of the other within a rounding, and so is its norm.
const roundsF16 = 0x1p-9

// handProgram is an entry with its reference, which the text may miss by so much of a value.
func handProgram(t *testing.T, r *rand.Rand, m *ir.Module, entry string, within float64, inputs ...*ir.Tensor) *program {
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
		return math.Abs(got-want) <= within*math.Abs(want)
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
