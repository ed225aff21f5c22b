package main

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"testing"

	"github.com/mlxc/mlxc/runtime"
)

func fonts(t *testing.T) glyphs {
	t.Helper()
	g, err := loadGlyphs()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func read(t *testing.T, path string, shape ...int) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := runtime.ReadNPY(f, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.Shape(), shape) {
		t.Errorf("%s has shape %v, want %v", filepath.Base(path), a.Shape(), shape)
	}
	defer goruntime.KeepAlive(a)
	b, err := runtime.Data[uint8](a)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(b)
}

func TestSetsAreBalancedAndRepeat(t *testing.T) {
	var first []byte
	for range 2 {
		dir := t.TempDir()
		if err := run(dir, 40, 20, 1, false); err != nil {
			t.Fatal(err)
		}
		var count [10]int
		for _, l := range read(t, filepath.Join(dir, "train-labels.npy"), 40) {
			count[l]++
		}
		if count != [10]int{4, 4, 4, 4, 4, 4, 4, 4, 4, 4} {
			t.Errorf("digits occur %v times, want 4 each", count)
		}
		read(t, filepath.Join(dir, "held-labels.npy"), 20)
		held := read(t, filepath.Join(dir, "held-images.npy"), 20, side, side)
		train := read(t, filepath.Join(dir, "train-images.npy"), 40, side, side)
		if bytes.Contains(train, held[:side*side]) {
			t.Error("the sets share a picture")
		}
		if first == nil {
			first = train
		} else if !bytes.Equal(first, train) {
			t.Error("two runs differ")
		}
	}
}

func TestHeldOutStylesAreNotTrainedOn(t *testing.T) {
	train := trainStyles()
	for _, s := range heldStyles() {
		if slices.Contains(train, s) {
			t.Errorf("%v is in both", s)
		}
	}
	for f := range faces {
		trained := slices.ContainsFunc(train, func(s style) bool { return s.face == f })
		if held := f >= len(faces)-heldFaces; trained == held {
			t.Errorf("face %d: trained on %v, held out %v", f, trained, held)
		}
	}
}

// Digits that a pen writes without lifting are one stroke, whatever the face.
func TestStrokes(t *testing.T) {
	for f, digits := range fonts(t) {
		for _, d := range []int{2, 5, 6, 7, 9} {
			if n := len(digits[d].strokes); n != 1 {
				t.Errorf("face %d: %d has %d strokes, want 1", f, d, n)
			}
		}
		for _, d := range []int{0, 8} {
			if !slices.ContainsFunc(digits[d].strokes, stroke.closed) {
				t.Errorf("face %d: %d has no closed stroke", f, d)
			}
		}
		for d, g := range digits {
			var all []point
			for _, s := range g.strokes {
				all = append(all, s...)
			}
			lo, hi := bounds(all)
			if lo.y < 0 || lo.y > 0.2 || hi.y < 0.8 || hi.y > 1 {
				t.Errorf("face %d: the strokes of %d are from %.2f to %.2f high, want about 0 to 1", f, d, lo.y, hi.y)
			}
		}
	}
}

// The ink is framed as MNIST frames it, and the border stays empty but for noise.
func TestFrame(t *testing.T) {
	g := fonts(t)
	for i := range 600 {
		rng := rand.New(rand.NewPCG(3, uint64(i)))
		styles := append(trainStyles(), heldStyles()...)
		digit, s := i%10, styles[rng.IntN(len(styles))]
		var mass, mx, my, border float64
		for p, v := range draw(g, digit, s, rng) {
			if v < 64 { // noise
				continue
			}
			x, y := p%side, p/side
			mass, mx, my = mass+float64(v), mx+float64(v)*float64(x), my+float64(v)*float64(y)
			if x == 0 || y == 0 || x == side-1 || y == side-1 {
				border += float64(v)
			}
		}
		if mass < 5*255 {
			t.Errorf("picture %d, a %d in style %v: ink of %.0f pixels", i, digit, s, mass/255)
			continue
		}
		const middle = (side - 1) / 2.0
		if d := math.Hypot(mx/mass-middle, my/mass-middle); d > 1.5 {
			t.Errorf("picture %d, a %d in style %v: centre of mass %.1f pixels from the middle", i, digit, s, d)
		}
		if border > mass/50 {
			t.Errorf("picture %d, a %d in style %v: %.0f of %.0f at the border", i, digit, s, border, mass)
		}
	}
}

// A ball pen of radius r draws a line 2r wide.
func TestPenWidth(t *testing.T) {
	const radius, from, to = 4.0, 30, 80
	var ps []point
	for x := from; x <= to; x++ {
		ps = append(ps, point{float64(x), field / 2})
	}
	paper := ink(ps, ball, radius, rand.New(rand.NewPCG(1, 1)))
	got := 0.0
	for y := range field {
		got += paper[y*field+(from+to)/2]
	}
	if math.Abs(got-2*radius) > 0.5 {
		t.Errorf("the line is %.2f wide, want %.2f", got, 2*radius)
	}
}

// The committed samples are those that the program draws. Processors that fuse
// multiplication and addition may round a pixel otherwise.
func TestSamplesAreCurrent(t *testing.T) {
	dir := t.TempDir()
	if err := run(dir, 0, 0, 21, true); err != nil {
		t.Fatal(err)
	}
	pixels := func(path string) []byte {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		img, err := png.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		return img.(*image.Gray).Pix
	}
	for _, name := range names {
		got := pixels(filepath.Join(dir, name+".png"))
		want := pixels(filepath.Join("..", "..", "testdata", "digits", name+".png"))
		diff := 0.0
		for i := range want {
			diff += math.Abs(float64(got[i])-float64(want[i])) / float64(len(want))
		}
		if diff > 1 {
			t.Errorf("%s.png differs by %.1f of 255 on average; run: go run ./scripts/digits -samples -seed 21 -o testdata/digits", name, diff)
		}
	}
}
