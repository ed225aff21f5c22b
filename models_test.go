package mlxc_test

import (
	"compress/gzip"
	"context"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/runtime/cpu"
	"github.com/mlxc/mlxc/testdata/gen/digits"
	"github.com/mlxc/mlxc/testdata/gen/mnist"
)

// shared is data of others, which lies beside the checkout where tests run and is
// never part of it.
func shared(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not here", path)
	}
	return path
}

var names = [10]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

func newDigits(t testing.TB) *digits.Session {
	t.Helper()
	m, err := digits.LoadCPU("testdata/digits/digits.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func data[T any](t testing.TB, a *runtime.Array) []T {
	t.Helper()
	d, err := runtime.Data[T](a)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// drawSamples fills x with the samples, one of each digit.
func drawSamples(t *testing.T, x *runtime.Array) {
	t.Helper()
	pixels := data[[28][28][1]float32](t, x)
	for i, name := range names {
		f, err := os.Open("testdata/digits/" + name + ".png")
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		for p, v := range img.(*image.Gray).Pix {
			pixels[i][p/28][p%28][0] = float32(v)
		}
	}
}

// referenceProbs is what PyTorch gave for the samples.
func referenceProbs(t *testing.T) [][10]float32 {
	t.Helper()
	w, err := runtime.OpenWeights("testdata/digits/reference.npz")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	probs, err := w.Tensor("probs").Array()
	if err != nil {
		t.Fatal(err)
	}
	return append([][10]float32(nil), data[[10]float32](t, probs)...)
}

// The probabilities of the samples are those that PyTorch gave when the model was
// trained (testdata/digits/README.md). The sums have at most 577 terms of f32, so
// that logits of the size of 10 are right to some 1e-5.
func TestDigitsSamples(t *testing.T) {
	s := newDigits(t)
	x, err := s.ReadInput(10)
	if err != nil {
		t.Fatal(err)
	}
	drawSamples(t, x)
	out, err := s.Read(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	want := referenceProbs(t)
	labels, got := data[int32](t, out.Label), data[[10]float32](t, out.Probs)
	right := 0
	for i := range names {
		if int(labels[i]) == i {
			right++
		}
		for c := range 10 {
			if d := math.Abs(float64(got[i][c] - want[i][c])); d > 2e-5 {
				t.Errorf("%s: probability of %d is %v, PyTorch gives %v", names[i], c, got[i][c], want[i][c])
			}
		}
	}
	if right < 8 {
		t.Errorf("%d of 10 samples are read right", right)
	}
}

// readGzip reads an IDX file without its header.
func readGzip(t *testing.T, path string, header int) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b[header:]
}

// The digits model never saw MNIST, neither in training nor when it was chosen.
func TestDigitsReadsHandwriting(t *testing.T) {
	if testing.Short() {
		t.Skip("5,666 pictures take long")
	}
	images := readGzip(t, shared(t, "mnist/images-idx3-ubyte.gz"), 16)
	labels := readGzip(t, shared(t, "mnist/labels-idx1-ubyte.gz"), 8)
	s := newDigits(t)
	right, total := 0, 0
	for from := 1000; from < 6666; from += 256 {
		n := min(256, 6666-from)
		x, err := s.ReadInput(n)
		if err != nil {
			t.Fatal(err)
		}
		pixels := data[float32](t, x)
		for i := range pixels {
			pixels[i] = float32(images[from*784+i])
		}
		out, err := s.Read(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range data[int32](t, out.Label) {
			total++
			if byte(l) == labels[from+i] {
				right++
			}
		}
	}
	t.Logf("%d of %d right: %.2f %%", right, total, 100*float64(right)/float64(total))
	if right*100 < total*80 {
		t.Errorf("%d of %d right, want 80 %%", right, total)
	}
}

// The reference logits are PyTorch's, f32, for the weights that burn published.
func TestMNIST(t *testing.T) {
	images := readGzip(t, shared(t, "mnist/images-idx3-ubyte.gz"), 16)
	labels := readGzip(t, shared(t, "mnist/labels-idx1-ubyte.gz"), 8)
	m, err := mnist.LoadCPU(shared(t, "models/mnist-safetensors/mnist.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := m.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f, err := os.Open(shared(t, "models/mnist-safetensors/ref/logits_first1000.npy"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ref, err := runtime.ReadNPY(f, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer ref.Close() // and until then the slice is its memory
	want := data[[10]float32](t, ref)
	n := 1000
	if testing.Short() {
		n = 32
	}
	x, err := s.PredictInput(n)
	if err != nil {
		t.Fatal(err)
	}
	pixels := data[float32](t, x)
	for i := range pixels {
		pixels[i] = float32(images[i])
	}
	out, err := s.Predict(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	right, worst := 0, 0.0
	for i, got := range data[[10]float32](t, out.Logits) {
		for c := range got {
			worst = max(worst, math.Abs(float64(got[c]-want[i][c])))
		}
	}
	for i, l := range data[int32](t, out.Label) {
		if byte(l) == labels[i] {
			right++
		}
	}
	t.Logf("%d of %d right, logits within %.2g of the reference", right, n, worst)
	if worst > 1e-4 {
		t.Errorf("logits differ from the reference by %v", worst)
	}
	if n == 1000 && right != 988 {
		t.Errorf("%d of 1000 right, the reference has 988", right)
	}
}

func TestThreadsGiveTheSameBits(t *testing.T) {
	defer cpu.SetThreads(0)
	s := newDigits(t)
	x, err := s.ReadInput(7)
	if err != nil {
		t.Fatal(err)
	}
	pixels := data[float32](t, x)
	for i := range pixels {
		pixels[i] = float32(i * 37 % 256)
	}
	var first []float32
	for _, threads := range []int{1, 2, 3} {
		cpu.SetThreads(threads)
		out, err := s.Read(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		probs := data[float32](t, out.Probs)
		if first == nil {
			first = append(first, probs...)
		}
		for i := range probs {
			if math.Float32bits(probs[i]) != math.Float32bits(first[i]) {
				t.Fatalf("%d threads: element %d is %v, with one thread %v", threads, i, probs[i], first[i])
			}
		}
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	s := newDigits(t)
	x, err := s.ReadInput(2)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if n := testing.AllocsPerRun(10, func() {
		if _, err := s.Read(ctx, x); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}
