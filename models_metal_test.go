//go:build darwin || (linux && mlxc_metal)

package mlxc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mlxc/mlxc/examples/stories/stories"
	"github.com/mlxc/mlxc/internal/required"
	"github.com/mlxc/mlxc/internal/softmetal"
	"github.com/mlxc/mlxc/runtime/metal"
	"github.com/mlxc/mlxc/testdata/gen/decoder"
	"github.com/mlxc/mlxc/testdata/gen/digits"
	"github.com/mlxc/mlxc/testdata/gen/mnist"
)

// needMetal skips where there is no Metal, unless there must be one: on Linux it is
// the software Metal, for which every misuse, race and hazard is the end of the
// test.
func needMetal(t testing.TB) {
	t.Helper()
	var err error
	if goruntime.GOOS == "linux" {
		err = softmetal.Setup()
	}
	if err == nil {
		err = metal.Available()
	}
	if err != nil {
		required.Skip(t, err)
	}
}

func metalDigits(t testing.TB) *digits.Model {
	t.Helper()
	m, err := digits.LoadMetal("testdata/digits/digits.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, m) })
	return m
}

func newSession(t testing.TB, m *digits.Model) *digits.Session {
	t.Helper()
	s, err := m.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, s) })
	return s
}

// The labels are those of the CPU, and the probabilities those of PyTorch, within
// the bound that TestDigitsSamples derives.
func TestMetalDigits(t *testing.T) {
	needMetal(t)
	s := newSession(t, metalDigits(t))
	x, err := s.ReadInput(10)
	if err != nil {
		t.Fatal(err)
	}
	drawSamples(t, x)
	out, err := s.Read(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	onCPU, err := newDigits(t).Read(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	labels, want := data[int32](t, out.Label), data[int32](t, onCPU.Label)
	for i := range want {
		if labels[i] != want[i] {
			t.Errorf("%s: label %d, the CPU has %d", names[i], labels[i], want[i])
		}
	}
	worst := 0.0
	probs := data[[10]float32](t, out.Probs)
	for i, want := range referenceProbs(t) {
		worst = max(worst, apart(probs[i][:], want[:]))
	}
	t.Logf("probabilities within %.2g of PyTorch's; the GPU was at work for %v", worst, s.DeviceTime())
	if worst > 2e-5 {
		t.Errorf("probabilities differ from PyTorch's by %v", worst)
	}
	if s.DeviceTime() <= 0 {
		t.Error("no time of the GPU")
	}
}

// On handwriting that it was not trained on, the model is less sure, and the GPU reads
// what the CPU reads.
func TestMetalDigitsHandwriting(t *testing.T) {
	needMetal(t)
	const n = 16
	images := readGzip(t, shared(t, "mnist/images-idx3-ubyte.gz"), 16)
	onGPU, onCPU := newSession(t, metalDigits(t)), newDigits(t)
	x, err := onGPU.ReadInput(n)
	if err != nil {
		t.Fatal(err)
	}
	pixels := data[float32](t, x)
	for p := range pixels {
		pixels[p] = float32(images[p])
	}
	got, err := onGPU.Read(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	want, err := onCPU.Read(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	if labels, cpu := data[int32](t, got.Label), data[int32](t, want.Label); !slices.Equal(labels, cpu) {
		t.Errorf("labels %v, the CPU has %v", labels, cpu)
	}
	worst := apart(data[float32](t, got.Probs), data[float32](t, want.Probs))
	t.Logf("probabilities within %.2g of the CPU's", worst)
	if worst > 2e-5 {
		t.Errorf("probabilities differ from the CPU's by %v", worst)
	}
}

func TestMetalMNIST(t *testing.T) {
	needMetal(t)
	const n = 16
	weights := shared(t, "models/mnist-safetensors/mnist.safetensors")
	images := readGzip(t, shared(t, "mnist/images-idx3-ubyte.gz"), 16)
	var labels [2][]int32
	var logits [2][]float32
	for i, load := range []func(string) (*mnist.Model, error){mnist.LoadMetal, mnist.LoadCPU} {
		m, err := load(weights)
		if err != nil {
			t.Fatal(err)
		}
		defer closed(t, m)
		s, err := m.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		defer closed(t, s)
		x, err := s.PredictInput(n)
		if err != nil {
			t.Fatal(err)
		}
		pixels := data[float32](t, x)
		for p := range pixels {
			pixels[p] = float32(images[p])
		}
		out, err := s.Predict(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		labels[i], logits[i] = data[int32](t, out.Label), data[float32](t, out.Logits)
	}
	if !slices.Equal(labels[0], labels[1]) {
		t.Errorf("labels %v, the CPU has %v", labels[0], labels[1])
	}
	worst := apart(logits[0], logits[1])
	t.Logf("logits within %.2g of the CPU's", worst)
	if worst > 1e-4 {
		t.Errorf("logits differ from the CPU's by %v", worst)
	}
}

func closed(t testing.TB, c interface{ Close() error }) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// apart is the largest difference.
func apart(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	worst := 0.0
	for i := range a {
		if d := math.Abs(float64(a[i] - b[i])); !(d <= worst) {
			worst = d
		}
	}
	return worst
}

// Sessions share the weights and the kernels, and run at the same time: each gets
// what it gets alone, bit for bit, at every size.
func TestMetalSessions(t *testing.T) {
	needMetal(t)
	m := metalDigits(t)
	read := func(s *digits.Session, n int) []float32 {
		x, err := s.ReadInput(n)
		if err != nil {
			t.Error(err)
			return nil
		}
		pixels := data[float32](t, x)
		for i := range pixels {
			pixels[i] = float32((i*37 + n) % 256)
		}
		out, err := s.Read(context.Background(), x)
		if err != nil {
			t.Error(err)
			return nil
		}
		return append([]float32(nil), data[float32](t, out.Probs)...)
	}
	alone := newSession(t, m)
	const most = 3
	want := make([][]float32, most+1)
	for n := range want {
		want[n] = read(alone, n)
	}
	var wg sync.WaitGroup
	for range 3 {
		s := newSession(t, m)
		wg.Go(func() {
			for n := most; n >= 0; n-- {
				for i, v := range read(s, n) {
					if math.Float32bits(v) != math.Float32bits(want[n][i]) {
						t.Errorf("%d images: element %d is %v, alone it was %v", n, i, v, want[n][i])
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestMetalCallAllocatesNothing(t *testing.T) {
	needMetal(t)
	s := newSession(t, metalDigits(t))
	x, err := s.ReadInput(1)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if n := testing.AllocsPerRun(3, func() {
		if _, err := s.Read(ctx, x); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

// The command runs a model, and its tests, on Metal too. It is built with the tag, as here.
func TestMetalRunCommand(t *testing.T) {
	needMetal(t)
	if testing.Short() {
		t.Skip("builds three programs")
	}
	emptyCache(t)
	command := filepath.Join(t.TempDir(), "mlxc")
	if out, err := exec.Command("go", "build", "-tags", "mlxc_metal", "-o", command, "./cmd/mlxc").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := func(env ...string) (string, string, int) {
		var stdout, stderr bytes.Buffer
		cmd := exec.Command(command, "run", "testdata/digits/digits.mlx", "--device", "metal", "--in", "image=testdata/digits/seven.png")
		cmd.Stdout, cmd.Stderr, cmd.Env = &stdout, &stderr, append(os.Environ(), env...)
		if err := cmd.Run(); cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
	}
	stdout, stderr, code := run()
	if code != 0 || !regexp.MustCompile(`(?m)^label +i32\[1\] +7$`).MatchString(stdout) {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	if out, err := exec.Command(command, "test", "testdata/digits/digits.mlx", "--device", "metal").CombinedOutput(); err != nil || !strings.HasSuffix(string(out), "1 passed, 0 failed, 0 skipped\n") {
		t.Errorf("mlxc test: %v\n%s", err, out)
	}
	if goruntime.GOOS != "linux" {
		return
	}
	for _, c := range []struct{ env, want string }{
		{"SWMETAL_FAIL=status:1", "metal: "},
		{"SWMETAL_FAIL=compile:1", "metal: "},
		{"SWMETAL_MAXTHREADS=64", "metal: kernel read_"},
	} {
		if stdout, stderr, code := run(c.env); code != 4 || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", c.env, code, stdout, stderr)
		}
	}
}

// The host layer and the models on arm64, whose calls pass sizes in another way, under
// an emulator.
func TestMetalOnARM64(t *testing.T) {
	needMetal(t)
	if testing.Short() || goruntime.GOARCH == "arm64" {
		t.Skip("the emulator is slow, and on arm64 all tests are of arm64")
	}
	softmetal.EmulateARM64(t, ".", "-test.run=TestMetal(Digits|MNIST|Sessions|Places)")
	softmetal.EmulateARM64(t, "runtime/metal")
	softmetal.EmulateARM64(t, "runtime/metal/mtl")
}

// A model that keeps keys and values begins the story on Metal that it begins on the CPU:
// 16 tokens, each the likeliest behind those before it.
func TestMetalStories(t *testing.T) {
	needMetal(t)
	weights := shared(t, "models/stories260K/stories260K.safetensors")
	text, err := os.ReadFile(shared(t, "models/stories260K/ref_greedy.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct{ Greedy []struct{ Tokens []int32 } }
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	m, err := stories.LoadMetal(weights)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, m) })
	s, err := m.NewSession(stories.Dims{B: 1, S: 32})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, s) })
	told := want.Greedy[0].Tokens[:17]
	first := 5 // read at once
	for pos := 0; pos < 16; {
		n := 1
		if pos == 0 {
			n = first
		}
		x, err := s.StepInput(n)
		if err != nil {
			t.Fatal(err)
		}
		copy(data[int32](t, x), told[pos:pos+n])
		out, err := s.Step(context.Background(), x, pos)
		if err != nil {
			t.Fatal(err)
		}
		if pos += n; data[int32](t, out.Next)[0] != told[pos] {
			t.Fatalf("token %d is %d, want %d", pos, data[int32](t, out.Next)[0], told[pos])
		}
	}
}

// States on Metal are what they are on the CPU, and sessions keep them apart.
func TestMetalStates(t *testing.T) {
	needMetal(t)
	m := decoderModel(t, decoder.LoadMetal)
	checkStates(t, m)
	checkSessions(t, m)
}
