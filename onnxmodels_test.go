package mlxc_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// onnxModel imports a published model and builds it for the CPU. bounds are those of its
// dynamic axes, by name.
func onnxModel(t *testing.T, path string, o onnx.Options) published {
	t.Helper()
	if testing.Short() {
		t.Skip("building published models takes minutes")
	}
	return importedModel(t, shared(t, path), o)
}

func importedModel(t *testing.T, path string, o onnx.Options) published {
	t.Helper()
	m, err := onnx.Import(path, o)
	if err != nil {
		t.Fatal(err)
	}
	weights := filepath.Join(t.TempDir(), "model.safetensors")
	if err := mlxc.WriteWeights(weights, m.Weights, nil); err != nil {
		t.Fatal(err)
	}
	return published{buildCalls(t, filepath.Base(path), m.Program.Module()), weights}
}

// exactly are dims with one size each.
func exactly(sizes map[string]int64) onnx.Options {
	o := onnx.Options{Dims: map[string]onnx.Bounds{}}
	for name, n := range sizes {
		o.Dims[name] = onnx.Bounds{Min: n, Max: n}
	}
	return o
}

// one is the result of a model with one input and one output for a recorded array.
func (p published) one(t *testing.T, input string) []float32 {
	t.Helper()
	return data[float32](t, p.calls(t, readNPY(t, shared(t, "models/"+input)))[0])
}

// nearly checks numbers as the references propose: within 1e-3 of each and 1e-4.
func nearly(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	worst := 0.0
	for i := range want {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		worst = max(worst, d)
		if !(d <= 1e-4+1e-3*math.Abs(float64(want[i]))) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
	t.Logf("%s: %d numbers within %.2g", what, len(want), worst)
}

func largest(x []float32) int { return slices.Index(x, slices.Max(x)) }

// The first thousand digits of MNIST's test set: logits as recorded, 980 right.
func TestONNXMNIST(t *testing.T) {
	p := onnxModel(t, "models/mnist-cntk/mnist.onnx", onnx.Options{})
	images := readGzip(t, shared(t, "mnist/images-idx3-ubyte.gz"), 16)
	labels := readGzip(t, shared(t, "mnist/labels-idx1-ubyte.gz"), 8)
	_, want := recordedArray(t, "mnist-cntk/ref/logits_first1000.npy")
	var inputs []*runtime.Array
	for i := range 1000 {
		x := make([]float32, 28*28)
		for k := range x {
			x[k] = float32(images[i*len(x)+k]) / 255
		}
		inputs = append(inputs, arrayOf(t, runtime.F32, x, 1, 1, 28, 28))
	}
	var got []float32
	right := 0
	for i, a := range p.calls(t, inputs...) {
		logits := data[float32](t, a)
		got = append(got, logits...)
		if largest(logits) == int(labels[i]) {
			right++
		}
	}
	nearly(t, "logits", got, want)
	if right != 980 {
		t.Errorf("%d digits are right, want 980", right)
	}
}

// Photos have the classes that are recorded. The model computes in f16.
func TestONNXSqueezeNet(t *testing.T) {
	p := onnxModel(t, "models/squeezenet-fp16/SqueezeNet_fp16.onnx", onnx.Options{})
	for name, class := range map[string]int{"kitten_224": 281, "wolves": 270, "chelsea": 285, "coral_grace_hopper": 457, "fish": 389} {
		got := p.calls(t, readNPY(t, shared(t, "models/squeezenet-fp16/ref/"+name+"_input.npy")))[0]
		_, want := recordedArray(t, "squeezenet-fp16/ref/"+name+"_probs.npy")
		probs := make([]float32, got.Len())
		for i, h := range data[runtime.Float16](t, got) {
			probs[i] = h.Float32()
		}
		within(t, name, probs, want, 1e-2)
		if largest(probs) != class {
			t.Errorf("%s is of class %d, want %d", name, largest(probs), class)
		}
	}
}

// A box is x0, y0, x1, y1 with its score.
type box struct{ x0, y0, x1, y1, score float32 }

func (b box) area() float32 { return max(0, b.x1-b.x0) * max(0, b.y1-b.y0) }

// distinct keeps the best of boxes that overlap by more than a share of their union.
func distinct(boxes []box, share float32) (kept []box) {
	slices.SortStableFunc(boxes, func(a, b box) int { return -int(math.Copysign(1, float64(a.score-b.score))) })
	for _, b := range boxes {
		if !slices.ContainsFunc(kept, func(k box) bool {
			common := box{max(b.x0, k.x0), max(b.y0, k.y0), min(b.x1, k.x1), min(b.y1, k.y1), 0}.area()
			return common > share*(b.area()+k.area()-common)
		}) {
			kept = append(kept, b)
		}
	}
	return kept
}

// Each of two photos has one face, in its place.
func TestONNXUltraFace(t *testing.T) {
	p := onnxModel(t, "models/ultraface-rfb320/version-RFB-320.onnx", onnx.Options{})
	for name, photo := range map[string]struct {
		width, height float32
		face          box
	}{
		"astronaut":          {512, 512, box{179.6, 61.5, 267.9, 173.8, 1}},
		"coral_grace_hopper": {512, 600, box{173.5, 121.4, 358.2, 333.0, 1}},
	} {
		results := p.calls(t, readNPY(t, shared(t, "models/ultraface-rfb320/ref/"+name+"_input.npy")))
		scores, boxes := data[float32](t, results[0]), data[float32](t, results[1])
		_, s := recordedArray(t, "ultraface-rfb320/ref/"+name+"_scores.npy")
		_, b := recordedArray(t, "ultraface-rfb320/ref/"+name+"_boxes.npy")
		nearly(t, name+" scores", scores, s)
		nearly(t, name+" boxes", boxes, b)
		want := photo.face
		var faces []box
		for i := range len(scores) / 2 {
			if f := boxes[4*i:]; scores[2*i+1] > 0.7 {
				faces = append(faces, box{f[0] * photo.width, f[1] * photo.height, f[2] * photo.width, f[3] * photo.height, scores[2*i+1]})
			}
		}
		faces = distinct(faces, 0.3)
		if len(faces) != 1 {
			t.Fatalf("%s: %d faces, want 1: %v", name, len(faces), faces)
		}
		f := faces[0]
		for i, d := range []float32{f.x0 - want.x0, f.y0 - want.y0, f.x1 - want.x1, f.y1 - want.y1} {
			if math.Abs(float64(d)) > 0.1 {
				t.Errorf("%s: the face is at %v, want %v (side %d)", name, f, want, i)
			}
		}
	}
}

// The best box of each photo is of the class that is recorded.
func TestONNXFastestDet(t *testing.T) {
	p := onnxModel(t, "models/fastestdet/FastestDet.onnx", onnx.Options{})
	for name, want := range map[string]struct {
		class int
		score float64
	}{"astronaut": {0, 0.70}, "coral_grace_hopper": {0, 0.81}, "wolves": {18, 0.89}} {
		got := p.one(t, "fastestdet/ref/"+name+"_input.npy")
		_, ref := recordedArray(t, "fastestdet/ref/"+name+"_output.npy")
		nearly(t, name, got, ref)
		best, class := float32(0), 0
		for i := 0; i < len(got); i += 85 {
			if k := largest(got[i+5 : i+85]); got[i+4]*got[i+5+k] > best {
				best, class = got[i+4]*got[i+5+k], k
			}
		}
		t.Logf("%s: class %d, %.2f", name, class, best)
		if class != want.class || math.Abs(float64(best)-want.score) > 0.005 {
			t.Errorf("%s: class %d with %.3f, want %d with %.2f", name, class, best, want.class, want.score)
		}
	}
}

func TestONNXPrisma(t *testing.T) {
	p := onnxModel(t, "models/prisma-segmentation/prisma_nchw.onnx", exactly(map[string]int64{"None": 1}))
	for _, name := range []string{"astronaut", "coral_grace_hopper"} {
		_, want := recordedArray(t, "prisma-segmentation/ref/"+name+"_alpha.npy")
		nearly(t, name, p.one(t, "prisma-segmentation/ref/"+name+"_input.npy"), want)
	}
}

// A woodcut of a cat differs from the recorded one by less than half a grey level.
func TestONNXStyle(t *testing.T) {
	p := onnxModel(t, "models/style-mathura/mathura_256.onnx", onnx.Options{})
	picture := data[uint8](t, readNPY(t, shared(t, "models/style-mathura/ref/input_u8.npy")))
	planes := make([]float32, len(picture))
	for i, v := range picture {
		planes[i%3*256*256+i/3] = float32(v)
	}
	got := data[float32](t, p.calls(t, arrayOf(t, runtime.F32, planes, 1, 3, 256, 256))[0])
	_, want := recordedArray(t, "style-mathura/ref/output.npy")
	sum := 0.0
	for i := range want {
		sum += math.Abs(float64(got[i]) - float64(want[i]))
	}
	mean := sum / float64(len(want))
	t.Logf("%.2g grey levels apart on average", mean)
	if mean >= 0.5 {
		t.Errorf("the pictures are %.2g grey levels apart on average, want less than 0.5", mean)
	}
}

func TestONNXSuperResolution(t *testing.T) {
	p := onnxModel(t, "models/super-resolution/pytorch_super_resolution.onnx", exactly(map[string]int64{"batch_size": 1}))
	_, want := recordedArray(t, "super-resolution/ref/output_y.npy")
	nearly(t, "brightness", p.one(t, "super-resolution/ref/input_y.npy"), want)
}

// A file from before opsets is refused.
func TestONNXWithoutOpset(t *testing.T) {
	path := shared(t, "models/super-resolution/super_resolution_ir1.onnx")
	const want = ": the file names no opset, so that its operators have no meaning; it is of IR version 1, from before opsets"
	if _, err := onnx.Import(path, onnx.Options{}); err == nil || err.Error() != path+want {
		t.Errorf("got %v, want %s", err, path+want)
	}
}

// One step of the diffusion of digits at four times.
func TestONNXDDPM(t *testing.T) {
	p := onnxModel(t, "models/ddpm-mnist/ddpm_mnist_eps.onnx", onnx.Options{Dims: map[string]onnx.Bounds{"N": {Min: 1, Max: 8}}})
	_, in := recordedArray(t, "ddpm-mnist/ref/eps_in.npy")
	_, want := recordedArray(t, "ddpm-mnist/ref/eps_out.npy")
	const group = 4 * 28 * 28
	for i, at := range []float32{50, 300, 700, 1000} {
		x := arrayOf(t, runtime.F32, in[i*group:(i+1)*group], 4, 1, 28, 28)
		got := data[float32](t, p.calls(t, x, arrayOf(t, runtime.F32, slices.Repeat([]float32{at / 1000}, 4), 4))[0])
		within(t, fmt.Sprintf("t = %v", at), got, want[i*group:(i+1)*group], 1e-4)
	}
}

func TestONNXStories(t *testing.T) {
	p := onnxModel(t, "models/stories260K/stories260K_T32.onnx", onnx.Options{})
	_, want := recordedArray(t, "stories260K/ref/onnx_logits.npy")
	nearly(t, "logits", p.one(t, "stories260K/ref/onnx_ids.npy"), want)
}

// Speech is found in the same frames of a minute, the state being fed back.
func TestONNXSilero(t *testing.T) {
	samples := readSound(t, shared(t, "audio/silero_test.wav"))
	for name, sizes := range map[string]map[string]int64{
		"silero_vad":          {"input_0": 1, "input_1": 576, "state_1": 1},
		"silero_vad_16k_op15": {"batch": 1, "sequence": 576},
	} {
		t.Run(name, func(t *testing.T) {
			o := exactly(sizes)
			rate := ir.NewTensor(ir.I64)
			rate.I[0] = 16000
			o.Bind = map[string]*ir.Tensor{"sr": rate}
			p := onnxModel(t, "models/silero-vad/"+name+".onnx", o)
			_, want := recordedArray(t, "silero-vad/ref/"+name+"_probs.npy")
			calls := make([]call, len(want))
			for i := range calls {
				x := make([]float32, 576)
				for k := range x {
					if at := 512*i - 64 + k; at >= 0 && at < len(samples) {
						x[k] = samples[at]
					}
				}
				calls[i] = call{entry: onnx.Forward, inputs: []*runtime.Array{arrayOf(t, runtime.F32, x, 1, 576)}}
			}
			calls[0].inputs = append(calls[0].inputs, arrayOf(t, runtime.F32, make([]float32, 256), 2, 1, 128))
			var got []float32
			results := p.run(t, p.weights, nil, calls, [2]int{1, 1})
			speech := 0
			for _, r := range results {
				got = append(got, data[float32](t, r[0])...)
				if got[len(got)-1] > 0.5 {
					speech++
				}
			}
			nearly(t, "probabilities", got, want)
			_, state := recordedArray(t, "silero-vad/ref/"+name+"_final_state.npy")
			nearly(t, "final state", data[float32](t, results[len(results)-1][1]), state)
			if share := 100 * float64(speech) / float64(len(got)); math.Abs(share-77.4) > 0.05 {
				t.Errorf("%.1f %% of the frames are speech, want 77.4", share)
			}
		})
	}
}

// Speech with noise becomes clearer, by two models in turn whose states are fed back.
func TestONNXDTLN(t *testing.T) {
	const block, hop = 512, 128
	state := [2]int{1, 1}
	samples := readSound(t, shared(t, "audio/noisy_jfk_5dB.wav"))
	first := onnxModel(t, "models/dtln/model_1.onnx", onnx.Options{})
	second := onnxModel(t, "models/dtln/model_2.onnx", onnx.Options{})
	shape, wantMask := recordedArray(t, "dtln/ref/mask.npy")
	frames := shape[0]

	spectra := make([][]complex128, frames)
	calls := make([]call, frames)
	window := make([]float64, block)
	for i := range calls {
		copy(window, window[hop:])
		for k := range hop {
			window[block-hop+k] = 0
			if at := i*hop + k; at < len(samples) {
				window[block-hop+k] = float64(samples[at])
			}
		}
		spectra[i] = rfft(window)
		x := make([]float32, len(spectra[i]))
		for k, c := range spectra[i] {
			x[k] = float32(cmplx.Abs(c))
		}
		calls[i] = call{entry: onnx.Forward, inputs: []*runtime.Array{arrayOf(t, runtime.F32, x, 1, 1, len(x))}}
	}
	begin := func(calls []call) {
		calls[0].inputs = append(calls[0].inputs, arrayOf(t, runtime.F32, make([]float32, 512), 1, 2, 128, 2))
	}
	begin(calls)
	masks := first.run(t, first.weights, nil, calls, state)
	var gotMask []float32
	for i, r := range masks {
		mask := data[float32](t, r[0])
		gotMask = append(gotMask, mask...)
		for k := range spectra[i] {
			spectra[i][k] *= complex(float64(mask[k]), 0)
		}
		x := irfft(spectra[i], block)
		calls[i] = call{entry: onnx.Forward, inputs: []*runtime.Array{arrayOf(t, runtime.F32, x, 1, 1, block)}}
	}
	nearly(t, "mask", gotMask, wantMask)
	begin(calls)
	blocks := second.run(t, second.weights, nil, calls, state)
	_, want := recordedArray(t, "dtln/ref/output.npy")
	sum := make([]float32, block)
	var got []float32
	for _, r := range blocks {
		copy(sum, sum[hop:])
		clear(sum[block-hop:])
		for k, v := range data[float32](t, r[0]) {
			sum[k] += v
		}
		got = append(got, sum[:hop]...)
	}
	n := min(len(got), len(want))
	nearly(t, "sound", got[:n], want[:n])
	for i, results := range [][][]*runtime.Array{masks, blocks} {
		_, state := recordedArray(t, fmt.Sprintf("dtln/ref/final_state_%d.npy", i+1))
		nearly(t, fmt.Sprintf("state of model %d", i+1), data[float32](t, results[frames-1][1]), state)
	}
	clean := readSound(t, shared(t, "audio/jfk.wav"))
	const late = 384
	before, after := distortion(samples, clean, 0), distortion(got, clean, late)
	t.Logf("signal to distortion from %.2f to %.2f dB", before, after)
	if math.Abs(after-14.51) > 0.02 {
		t.Errorf("the ratio of signal to distortion is %.2f dB, want 14.51", after)
	}
}

// turns are the n-th roots of unity.
func turns(n int) []complex128 {
	w := make([]complex128, n)
	for i := range w {
		s, c := math.Sincos(-2 * math.Pi * float64(i) / float64(n))
		w[i] = complex(c, s)
	}
	return w
}

// rfft is the Fourier transform of real numbers, by its definition.
func rfft(x []float64) []complex128 {
	n := len(x)
	w, out := turns(n), make([]complex128, n/2+1)
	for k := range out {
		for i, v := range x {
			out[k] += complex(v, 0) * w[i*k%n]
		}
	}
	return out
}

// irfft is its inverse, of an even number of elements.
func irfft(x []complex128, n int) []float32 {
	w, out := turns(n), make([]float32, n)
	for i := range out {
		sum := real(x[0]) + real(x[n/2]*w[i*(n/2)%n])
		for k := 1; k < n/2; k++ {
			sum += 2 * real(x[k]*cmplx.Conj(w[i*k%n]))
		}
		out[i] = float32(sum / float64(n))
	}
	return out
}

// distortion is the scale-invariant ratio of a signal, which is late by some samples, to what
// differs from a reference, in dB.
func distortion(x, reference []float32, late int) float64 {
	n := min(len(x)-late, len(reference))
	dot, power := 0.0, 0.0
	for i := range n {
		dot += float64(x[i+late]) * float64(reference[i])
		power += float64(reference[i]) * float64(reference[i])
	}
	scale := dot / power
	signal, rest := 0.0, 0.0
	for i := range n {
		s := scale * float64(reference[i])
		signal += s * s
		rest += (float64(x[i+late]) - s) * (float64(x[i+late]) - s)
	}
	return 10 * math.Log10(signal/rest)
}

// The networks of the suite have the outputs that are recorded for inputs 0, 1/n, 2/n ...
func TestONNXLight(t *testing.T) {
	for _, name := range []string{"light_bvlc_alexnet", "light_resnet50", "light_shufflenet", "light_squeezenet"} {
		t.Run(name, func(t *testing.T) {
			p := onnxModel(t, "onnx-conformance/light/"+name+".onnx", onnx.Options{})
			b, err := os.ReadFile(shared(t, "onnx-conformance/light/"+name+"_output_0.pb"))
			if err != nil {
				t.Fatal(err)
			}
			_, want, err := onnx.DecodeTensor(b)
			if err != nil {
				t.Fatal(err)
			}
			const n = 3 * 224 * 224
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(i) / n
			}
			ref := make([]float32, want.Len())
			for i := range ref {
				ref[i] = float32(want.Number(i))
			}
			nearly(t, name, data[float32](t, p.calls(t, arrayOf(t, runtime.F32, x, 1, 3, 224, 224))[0]), ref)
		})
	}
}

// Models that scripts/oracles/export_onnx.py has exported from PyTorch, of random weights, give
// what PyTorch gives, within 1e-4 of the largest.
func TestONNXExports(t *testing.T) {
	dir := os.Getenv("MLXC_ONNX_EXPORTS")
	if dir == "" {
		t.Skip("MLXC_ONNX_EXPORTS names no folder that scripts/oracles/export_onnx.py has written")
	}
	folders, err := filepath.Glob(filepath.Join(dir, "*", "model.onnx"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("%s has no models: %v", dir, err)
	}
	for _, path := range folders {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			read := func(name string) *ir.Tensor {
				b, err := os.ReadFile(filepath.Join(filepath.Dir(path), "test_data_set_0", name))
				if err != nil {
					t.Fatal(err)
				}
				_, x, err := onnx.DecodeTensor(b)
				if err != nil {
					t.Fatal(err)
				}
				return x
			}
			x, want := read("input_0.pb"), read("output_0.pb")
			d := map[ir.DType]runtime.DType{ir.F32: runtime.F32, ir.I64: runtime.I64}[x.DType]
			input, err := runtime.NewArray(d, x.Shape...)
			if err != nil {
				t.Fatal(err)
			}
			copy(input.Bytes(), x.Bytes())
			p := importedModel(t, path, onnx.Options{})
			got := data[float32](t, p.calls(t, input)[0])
			ref, most := make([]float32, want.Len()), 0.0
			for i := range ref {
				ref[i] = float32(want.Number(i))
				most = max(most, math.Abs(want.Number(i)))
			}
			t.Logf("the largest output is %.3g", most)
			within(t, "outputs", got, ref, 1e-4*most)
		})
	}
}
