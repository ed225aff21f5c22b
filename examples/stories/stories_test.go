package main

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/examples/stories/stories"
	"github.com/mlxc/mlxc/runtime"
)

// data is a file of the published model, which lies beside the checkout where tests run.
func data(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "data", "models", "stories260K", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not here", path)
	}
	return path
}

func greedy(logits []float32) int { return sample(logits, 0, 1, nil) }

func newTeller(t *testing.T) *storyteller {
	t.Helper()
	tokens, err := openTokenizer(data(t, "tok512.bin"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := stories.LoadCPU(data(t, "stories260K.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession(stories.Dims{B: 1, S: room})
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
	return &storyteller{s, tokens, greedy}
}

// story is what the teller makes of a beginning.
func story(t *testing.T, teller *storyteller, beginning string, steps int) string {
	t.Helper()
	var text strings.Builder
	err := teller.tell(context.Background(), beginning, steps, func(s string) error {
		text.WriteString(s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// The likeliest stories are, letter by letter, those that the tests of llama2.c expect and
// PyTorch computes, whether a beginning is read at once or token by token.
func TestGreedyStories(t *testing.T) {
	text, err := os.ReadFile(data(t, "ref_greedy.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Expected string `json:"expected_stdout"`
		Greedy   []struct {
			Prompt   string
			Prompted []int `json:"prompt_tokens"`
			Tokens   []int
			Text     string
		}
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	teller := newTeller(t)
	if got := story(t, teller, "", 200); got != strings.TrimRight(want.Expected, "\n") {
		t.Errorf("got %q\nwant %q", got, want.Expected)
	}
	for _, w := range want.Greedy {
		if got := teller.tokens.encode(w.Prompt); !slices.Equal(got, w.Prompted) {
			t.Errorf("%q is %v, want %v", w.Prompt, got, w.Prompted)
		}
		if got := story(t, teller, w.Prompt, len(w.Tokens)-1); got != w.Text {
			t.Errorf("%q: got %q\nwant %q", w.Prompt, got, w.Text)
		}
		for pos, token := range w.Tokens[:len(w.Tokens)-1] {
			logits, err := teller.step(context.Background(), []int{token}, pos)
			if err != nil {
				t.Fatal(err)
			}
			if next := greedy(logits); pos+1 >= len(w.Prompted) && next != w.Tokens[pos+1] {
				t.Errorf("%q, token by token: %d at %d, want %d", w.Prompt, next, pos+1, w.Tokens[pos+1])
				break
			}
		}
	}
}

// The logits of each of 64 positions are PyTorch's. Each is a sum of 64 products of numbers
// that five layers of sums of at most 172 terms have made, in f32.
func TestLogits(t *testing.T) {
	teller := newTeller(t)
	tokens, want := array[int32](t, data(t, "ref/tokens64.npy")), array[float32](t, data(t, "ref/logits64.npy"))
	width := len(want) / len(tokens)
	worst := 0.0
	for pos, token := range tokens {
		logits, err := teller.step(context.Background(), []int{int(token)}, pos)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range logits {
			w := float64(want[pos*width+i])
			worst = max(worst, math.Abs(float64(v)-w))
			if math.Abs(float64(v)-w) > 1e-4+1e-3*math.Abs(w) {
				t.Fatalf("position %d, token %d: %v, want %v", pos, i, v, w)
			}
		}
	}
	t.Logf("logits within %.2g of PyTorch's", worst)
}

func array[T any](t *testing.T, path string) []T {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := runtime.ReadNPY(f, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	x, err := runtime.Data[T](a)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// At a temperature tokens come as often as their probabilities say, of those that are kept.
func TestSample(t *testing.T) {
	logits := []float32{float32(math.Log(1)), float32(math.Log(4)), float32(math.Log(3)), float32(math.Log(2))}
	for _, c := range []struct {
		temperature, topP float64
		want              []float64
	}{
		{0, 1, []float64{0, 1, 0, 0}},
		{1, 1, []float64{0.1, 0.4, 0.3, 0.2}},
		{1, 0.69, []float64{0, 4.0 / 7, 3.0 / 7, 0}},
		{0.5, 1, []float64{1.0 / 30, 16.0 / 30, 9.0 / 30, 4.0 / 30}},
		{1, 0, []float64{0, 1, 0, 0}},
	} {
		const n = 20000
		count, r := make([]float64, len(logits)), rand.New(rand.NewPCG(1, 2))
		for range n {
			count[sample(logits, c.temperature, c.topP, r)]++
		}
		for i, w := range c.want { // 5 standard deviations
			if got := count[i] / n; math.Abs(got-w) > 5*math.Sqrt(w*(1-w)/n) {
				t.Errorf("temperature %v, top-p %v: token %d %v of the time, want %v", c.temperature, c.topP, i, got, w)
			}
		}
	}
}

// What is no table of tokens is refused with its name.
func TestBadTokenizer(t *testing.T) {
	for _, text := range []string{"", "ab", "\x05\x00\x00\x00", "\x05\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\x7fabc", "\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xffabc"} {
		path := filepath.Join(t.TempDir(), "tok.bin")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := openTokenizer(path); err == nil || !strings.HasPrefix(err.Error(), path+": this is no table of tokens: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// What is wrong is said in one message, before anything is read.
func TestMessages(t *testing.T) {
	for _, c := range []struct {
		weights string
		steps   int
		want    string
	}{
		{"", 10, "--weights is missing: stories260K.safetensors, and tok512.bin"},
		{"none.safetensors", 0, "--steps is 0; 1 to 512 tokens are possible"},
		{"none.safetensors", 10, "open tok512.bin"},
	} {
		err := run(context.Background(), c.weights, "", greedy, "", c.steps)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
