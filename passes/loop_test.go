package passes

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/mlxc/mlxc/internal/random"
	"github.com/mlxc/mlxc/ir"
)

// What a loop computes is the same after each pass, for any number of rounds: the kernels
// with the plan that the arena has, against the reference on the program as written.
func TestLoops(t *testing.T) {
	files, err := filepath.Glob("../testdata/loops/*.mlxir")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range []ir.Target{ir.CPU, ir.Metal} {
			for rounds := range 4 {
				t.Run(filepath.Base(file)+" "+string(target), func(t *testing.T) { checkLoop(t, file, text, target, rounds) })
			}
		}
	}
}

func checkLoop(t *testing.T, file string, text []byte, target ir.Target, rounds int) {
	m := parsed(t, file, text)
	f := m.Funcs[0]
	rng := rand.New(rand.NewPCG(1, 1))
	draw := func(ty ir.Type) *ir.Tensor {
		var shape []int
		for _, s := range ty.Shape {
			n, _ := s.Eval(func(name string) (int64, bool) { return map[string]int64{"B": 3, "T": int64(rounds)}[name], true })
			shape = append(shape, int(n))
		}
		x := ir.NewTensor(ty.DType, shape...)
		ir.SampleNormal.Fill(rng, x)
		for i := range x.F { // as stored
			x.F[i] = float64(float32(x.F[i]))
		}
		return x
	}
	params := map[string]*ir.Tensor{}
	for _, p := range m.Params {
		params[p.Name] = draw(p.Type)
	}
	var inputs []*ir.Tensor
	for _, v := range f.Inputs {
		inputs = append(inputs, draw(v.Type))
	}
	sameAfterPasses(t, m, target, params, inputs, near)
}

// sameAfterPasses compares what the first entry of a module gives, with its states, after
// each pass.
func sameAfterPasses(t *testing.T, m *ir.Module, target ir.Target, params map[string]*ir.Tensor, inputs []*ir.Tensor, same func(x, y float64) bool) {
	t.Helper()
	if got := ir.Print(parsed(t, "m", []byte(ir.Print(m)))); got != ir.Print(m) {
		t.Fatalf("%s is read as\n%s", ir.Print(m), got)
	}
	after := maps.Clone(params)
	want, err := m.Eval(m.Funcs[0], after, inputs)
	if err != nil {
		t.Skip(err) // the largest of nothing
	}
	want = append(want, statesOf(m, after)...)
	err = Run(m, target, func(pass string, m *ir.Module) {
		after := maps.Clone(params)
		f, v, err := m.Serving(m.Funcs[0].Name, params, inputs)
		if err != nil {
			t.Fatalf("after %s: %v", pass, err)
		}
		var got []*ir.Tensor
		if v != nil {
			got, err = m.EvalVariant(f, v, after, inputs)
		} else {
			got, err = m.Eval(f, after, inputs)
		}
		if err != nil {
			t.Fatalf("after %s: %v\n%s", pass, err, ir.Print(m))
		}
		got = append(got, statesOf(m, after)...)
		for i := range want {
			if d := difference(got[i], want[i], same); d != "" {
				t.Fatalf("after %s: result %d: %s\n%s", pass, i, d, ir.Print(m))
			}
		}
		if again := ir.Print(parsed(t, pass, []byte(ir.Print(m)))); again != ir.Print(m) {
			t.Fatalf("after %s: the text is read as\n%s", pass, again)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// near is what results of some ten operations in f32 on numbers of about 1 may differ by.
func near(x, y float64) bool { return math.Abs(x-y) <= 32*0x1p-24*(1+math.Abs(y)) || x == y }

func parsed(t *testing.T, file string, text []byte) *ir.Module {
	t.Helper()
	m, err := ir.Parse(file, text)
	if err == nil {
		err = ir.Verify(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Loops that are drawn compute the same after each pass, on two devices too: they are of
// integers, bit by bit.
func TestRandomLoops(t *testing.T) {
	inLoops, ending, deep := 0, 0, 0
	for seed := range uint64(80) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { checkRandomLoops(t, seed) })
		for _, f := range random.Looped(seed).Bodies() {
			for _, in := range f.Body {
				if in.Body == nil {
					continue
				}
				inLoops++
				if in.Attrs.(ir.LoopAttrs).Ends {
					ending++
				}
				if len(f.Dims) > 0 {
					deep++
				}
			}
		}
	}
	if inLoops < 80 || ending < 20 || deep < 20 {
		t.Errorf("%d loops, %d of which end early and %d are in others", inLoops, ending, deep)
	}
}

func FuzzLoops(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(checkRandomLoops)
}

func checkRandomLoops(t *testing.T, seed uint64) {
	for i, target := range []ir.Target{ir.CPU, ir.Metal, ir.Metal} {
		m := random.Looped(seed)
		if i == 2 {
			random.Place(m, seed)
		}
		if err := ir.Verify(m); err != nil {
			t.Fatalf("%v\n%s", err, ir.Print(m))
		}
		if params, inputs, ok := random.Inputs(m, seed, false); ok {
			sameAfterPasses(t, m, target, params, inputs, equal)
		}
	}
}
