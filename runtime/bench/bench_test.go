package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/runtime/cpu"
)

// program is y = x*w, twice, of B numbers.
func program(kernel cpu.Kernel) *runtime.Program {
	b := runtime.Mono(1, 0)
	port := func(name string) []runtime.Port {
		return []runtime.Port{{Name: name, DType: runtime.F32, Shape: []runtime.Size{b}}}
	}
	step := func(in, out runtime.Ref) runtime.Step {
		return runtime.Step{Args: []runtime.Ref{in, runtime.Weight.At(0), out}, Grid: b, Grain: 8}
	}
	return &runtime.Program{
		Name: "twice", Version: runtime.Version1,
		Dims:    []runtime.Dim{{Name: "B", Min: 0, Max: 1 << 20}},
		Params:  []runtime.Param{{Name: "w", DType: runtime.F32, Shape: []int{4}}},
		Kernels: []cpu.Kernel{kernel},
		Entries: []runtime.Entry{{Name: "f", Inputs: port("x"), Outputs: port("y"), Variants: []runtime.Variant{{
			Blocks: []runtime.Block{{Bytes: runtime.Mono(4, 0)}},
			Plans:  []runtime.Plan{{Order: []int{0}, On: [][]int{nil}}},
			Steps:  []runtime.Step{step(runtime.Input.At(0), runtime.Arena.At(0)), step(runtime.Arena.At(0), runtime.Output.At(0))},
		}}}},
	}
}

func scale(c *cpu.Call, lo, hi int) {
	x, w, y := cpu.View[float32](c, 0), cpu.View[float32](c, 1), cpu.View[float32](c, 2)
	for i := lo; i < hi; i++ {
		y[i] = x[i] * w[i%4]
	}
}

// In each round there is a sample of everything for each number of threads.
func TestRounds(t *testing.T) {
	defer cpu.SetThreads(0)
	config, err := json.Marshal(Config{Entries: []string{"f"}, Dims: []int{100_000}, Threads: []int{1, 2}, Count: 2, Kernels: true, Machine: true, Paced: true})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Main(program(scale), string(config), strings.NewReader(strings.Repeat("\n", 4)), &out); err != nil {
		t.Fatal(err)
	}
	var got []string
	for d := json.NewDecoder(&out); ; {
		var s Sample
		if err := d.Decode(&s); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		got = append(got, s.What)
		if measured := s.What != Round; measured != (s.Seconds > 0) || measured != (s.Times > 0) {
			t.Errorf("%+v", s)
		}
		if machine := s.What == FMA || s.What == Read || s.What == Copy; machine != (s.Amount > 0) {
			t.Errorf("%+v", s)
		}
	}
	once := []string{FMA, Read, Copy, Entry, Launch, Launch, Round}
	if !slices.Equal(got, slices.Concat(once, once, once, once)) {
		t.Errorf("%v", got)
	}
	if err := Main(program(scale), string(config), strings.NewReader("\n"), io.Discard); !errors.Is(err, io.EOF) {
		t.Errorf("%v after the end of the requests", err)
	}
}

func TestErrors(t *testing.T) {
	defer cpu.SetThreads(0)
	for name, c := range map[string]Config{
		"twice has no entry g": {Entries: []string{"g"}, Dims: []int{1}, Threads: []int{1}, Count: 1},
		"B":                    {Entries: []string{"f"}, Dims: []int{1 << 21}, Threads: []int{1}, Count: 1},
		"nowhere.npz":          {Entries: []string{"f"}, Weights: "nowhere.npz", Dims: []int{1}, Threads: []int{1}, Count: 1},
	} {
		err := Run(t.Context(), program(scale), c, func() error { return nil }, func(Sample) error { return nil })
		if err == nil || !bytes.Contains([]byte(err.Error()), []byte(name)) {
			t.Errorf("%v, want one of %s", err, name)
		}
	}
	broken := func(*cpu.Call, int, int) { panic("no") }
	if err := Run(t.Context(), program(broken), Config{Entries: []string{"f"}, Dims: []int{1}, Threads: []int{1}, Count: 1}, func() error { return nil }, nil); err == nil {
		t.Error("a kernel that panics is no error")
	}
}

// The loops do what they say: all is copied and nothing else, at any address.
func TestLoops(t *testing.T) {
	if loops.fma(3) != 3*loops.fma(1) || loops.fma(0) != 0 {
		t.Errorf("%g and %g operations", loops.fma(3), loops.fma(1))
	}
	mem := make([]byte, 2200)
	from := make([]byte, 2200)
	for i := range from {
		from[i] = byte(i*7 + 1)
	}
	start := int(-uintptr(unsafe.Pointer(&mem[0])) & 63)
	for _, shift := range []int{0, 1, 32} {
		for _, n := range []int{0, 1, 255, 256, 257, 1024, 2000} {
			clear(mem)
			to := mem[start+shift : start+shift+n : start+shift+n]
			loops.copy(to, from[shift:shift+n])
			loops.read(to)
			if !bytes.Equal(to, from[shift:shift+n]) {
				t.Errorf("%d bytes at %d are not copied", n, shift)
			}
			if rest := append(bytes.Clone(mem[:start+shift]), mem[start+shift+n:]...); !bytes.Equal(rest, make([]byte, len(rest))) {
				t.Errorf("%d bytes at %d: more is written", n, shift)
			}
		}
	}
}

// Random numbers repeat, are spread over their range, and make a checkpoint that
// loads.
func TestRandom(t *testing.T) {
	for d := runtime.F64; d <= runtime.Bool; d++ {
		a, b := make([]byte, 256*d.Size()), make([]byte, 256*d.Size())
		random(d, a, 1, 7)
		random(d, b, 1, 7)
		if !bytes.Equal(a, b) {
			t.Errorf("%s: not the same again", d)
		}
		random(d, b, 1, 8)
		if bytes.Equal(a, b) {
			t.Errorf("%s: the same for another seed", d)
		}
		if d == runtime.Bool && (bytes.ContainsFunc(a, func(r rune) bool { return r > 1 }) || !bytes.Contains(a, []byte{1})) {
			t.Errorf("bools: %v", a)
		}
	}
	var x [1000]float32
	random(runtime.F32, unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4000), 3, 1)
	if low, high := slices.Min(x[:]), slices.Max(x[:]); low < -3 || low > -2.9 || high > 3 || high < 2.9 {
		t.Errorf("from %g to %g", low, high)
	}
	params := []runtime.Param{
		{Name: "a", DType: runtime.BF16, Shape: []int{3, 100}}, {Name: "b", DType: runtime.I32, Shape: []int{2}},
		{Name: "c", DType: runtime.F32}, {Name: "d", DType: runtime.F32, Shape: []int{9}, Init: []float64{2}},
	}
	p := program(scale)
	p.Params = params
	m, err := runtime.LoadBytes(p, "random.safetensors", randomWeights(params))
	if err != nil {
		t.Fatal(err)
	}
	if r := m.LoadReport(); r.Mapped+r.Copied != 2*300+4*2+4+4*9 {
		t.Errorf("%+v", r)
	}
	weights := randomWeights(params[:1])
	for i := len(weights) - 600; i < len(weights); i += 2 {
		if w := math.Float32frombits(uint32(weights[i+1])<<24 | uint32(weights[i])<<16); w < -0.1 || w > 0.1 || w == 0 {
			t.Fatalf("a weight is %g", w)
		}
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}
