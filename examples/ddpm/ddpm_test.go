package main

import (
	"context"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/runtime"
)

// data is a file of the published model, which lies beside the checkout where tests run.
func data(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "data", "models", "ddpm-mnist", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not here", path)
	}
	return path
}

func array(t *testing.T, name string) []float32 {
	t.Helper()
	f, err := os.Open(data(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := runtime.ReadNPY(f, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	x, err := runtime.Data[float32](a)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(x)
}

// After 50 steps from the same noise the digits are PyTorch's, to the 1e-2 that the data's
// manifest allows.
func TestDigits(t *testing.T) {
	p, err := newPainter(data(t, "ddpm_mnist.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	done := 0
	got, err := p.draw(context.Background(), array(t, "ref/z_T.npy"), 50, func() { done++ })
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i, w := range array(t, "ref/ddim50.npy") {
		worst = max(worst, math.Abs(float64(got[i])-float64(w)))
	}
	t.Logf("%d numbers within %.2g", len(got), worst)
	if !(worst <= 1e-2) || done != 50 {
		t.Errorf("numbers differ by %v after %d steps", worst, done)
	}
}

// The same seed draws the same sheet, another one another; nothing else is left behind.
func TestSheet(t *testing.T) {
	weights, dir := data(t, "ddpm_mnist.safetensors"), t.TempDir()
	var files []string
	for i, seed := range []uint64{1, 1, 2} {
		path := filepath.Join(dir, string(rune('a'+i))+".png")
		if err := run(context.Background(), weights, 4, seed, []string{path}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, string(text))
	}
	if files[0] != files[1] || files[0] == files[2] {
		t.Error("a seed does not decide the sheet")
	}
	img, err := png.Decode(strings.NewReader(files[0]))
	if err != nil || img.Bounds().Dx() != edge || img.Bounds().Dy() != edge {
		t.Errorf("%v, %v", err, img.Bounds())
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 3 {
		t.Errorf("%d files, %v", len(left), err)
	}
}

// What is wrong is said in one message, and nothing is written.
func TestMessages(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.png")
	for _, c := range []struct {
		weights string
		steps   int
		args    []string
		want    string
	}{
		{"", 50, []string{out}, "--weights is missing: ddpm_mnist.safetensors"},
		{"none.safetensors", 50, nil, "the picture's file is missing"},
		{"none.safetensors", 7, []string{out}, "--steps is 7, and no divisor of 1000"},
		{"none.safetensors", 50, []string{out}, "none.safetensors: no such file"},
	} {
		err := run(context.Background(), c.weights, c.steps, 1, c.args)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a picture was written")
	}
}
