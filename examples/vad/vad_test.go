package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/runtime"
)

// data is a file of published data, which lie beside the checkout where tests run.
func data(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not here", path)
	}
	return path
}

const weights = "models/silero-vad/silero_vad_16k.safetensors"

// The probabilities of a file are PyTorch's.
func TestListen(t *testing.T) {
	samples, err := readSound(data(t, "audio/silero_test.wav"))
	if err != nil {
		t.Fatal(err)
	}
	speech, err := listen(context.Background(), data(t, weights), samples)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(data(t, "models/silero-vad/ref/silero_vad_16k_safetensors_probs.npy"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := runtime.ReadNPY(f, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	want, err := runtime.Data[float32](a)
	if err != nil {
		t.Fatal(err)
	}
	if len(speech) < len(want) {
		t.Fatalf("%d pieces, want %d", len(speech), len(want))
	}
	for i := range a.Len() {
		if d := math.Abs(float64(speech[i] - want[i])); !(d <= 1e-4) {
			t.Fatalf("piece %d: %v, want %v", i, speech[i], want[i])
		}
	}
}

// The whole program finds Kennedy's sentence, with its pauses.
func TestSentence(t *testing.T) {
	var out bytes.Buffer
	if err := run(context.Background(), &out, data(t, weights), 0.5, []string{data(t, "audio/jfk.wav")}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n < 3 || n > 6 {
		t.Errorf("%d segments:\n%s", n, out.String())
	}
	t.Logf("\n%s", out.String())
}

// Short pauses and short noises are no boundaries, and a falling voice is heard longer.
func TestSegments(t *testing.T) {
	var speech []float32
	add := func(p float32, n int) {
		for range n {
			speech = append(speech, p)
		}
	}
	add(0, 5)
	add(0.9, 10) // speech
	add(0.4, 2)  // fades
	add(0, 3)    // a short pause
	add(0.9, 10)
	add(0, 10)
	add(0.9, 7) // a noise
	add(0, 10)
	add(0.9, 8)
	const s = 512.0 / 16000
	want := []segment{{4 * s, 31 * s}, {56 * s, 65 * s}}
	if got := segments(speech, 0.5); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// What is wrong is said in one message.
func TestMessages(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.wav")
	if err := os.WriteFile(text, []byte("no sound at all"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		weights   string
		threshold float64
		args      []string
		want      string
	}{
		{"", 0.5, []string{text}, "--weights is missing: silero_vad_16k.safetensors"},
		{"w", 0.5, nil, "the sound's file is missing"},
		{"w", 1, []string{text}, "--threshold is 1; it is between 0 and 1"},
		{"w", 0.5, []string{text}, text + ": this is no WAV file"},
		{"w", 0.5, []string{filepath.Join(dir, "none.wav")}, "open " + filepath.Join(dir, "none.wav")},
	} {
		err := run(context.Background(), &bytes.Buffer{}, c.weights, c.threshold, c.args)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
