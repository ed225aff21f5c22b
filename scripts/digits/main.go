// Command digits renders the pictures that the digits model is trained on: the
// ten digits of the Go fonts, distorted until they look written.
//
// It writes train-images.npy, train-labels.npy, held-images.npy and
// held-labels.npy into a folder: pictures u8[N, 28, 28], white on black, and
// labels u8[N]. The held-out pictures are of styles, faces or pens, that no
// training picture has. With -samples it writes the sample pictures zero.png to
// nine.png, of held-out styles, instead.
//
// The same seed gives the same bytes on one architecture; processors that fuse
// multiplication and addition may round a pixel otherwise.
package main

import (
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/mlxc/mlxc/runtime"
	"github.com/schollz/progressbar/v3"
)

var names = [10]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

func main() {
	dir := flag.String("o", ".", "folder to write to")
	train := flag.Int("train", 200000, "training pictures")
	held := flag.Int("held", 10000, "pictures of held-out styles")
	seed := flag.Uint64("seed", 1, "seed of everything random")
	samples := flag.Bool("samples", false, "write the sample pictures")
	flag.Parse()
	if err := run(*dir, *train, *held, *seed, *samples); err != nil {
		fmt.Fprintln(os.Stderr, "digits:", err)
		os.Exit(1)
	}
}

func run(dir string, train, held int, seed uint64, samples bool) error {
	glyphs, err := loadGlyphs()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if samples {
		return writeSamples(dir, glyphs, seed)
	}
	if err := writeSet(filepath.Join(dir, "train"), glyphs, trainStyles(), train, seed); err != nil {
		return err
	}
	return writeSet(filepath.Join(dir, "held"), glyphs, heldStyles(), held, seed+1)
}

// writeSet draws n pictures, the digits in turn, each in a random style.
func writeSet(path string, glyphs glyphs, styles []style, n int, seed uint64) error {
	bar := progressbar.Default(int64(n), filepath.Base(path))
	images := make([]byte, 0, n*side*side)
	labels := make([]byte, 0, n)
	for i := range n {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		digit := i % 10
		images = append(images, draw(glyphs, digit, styles[rng.IntN(len(styles))], rng)...)
		labels = append(labels, byte(digit))
		if i%1000 == 999 {
			bar.Add(1000)
		}
	}
	bar.Finish()
	return errors.Join(
		writeNPY(path+"-images.npy", images, n, side, side),
		writeNPY(path+"-labels.npy", labels, n),
	)
}

func writeNPY(path string, data []byte, shape ...int) error {
	a, err := runtime.NewArray(runtime.U8, shape...)
	if err != nil {
		return err
	}
	b, err := runtime.Data[uint8](a)
	if err != nil {
		return err
	}
	copy(b, data)
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(runtime.WriteNPY(f, a), f.Close())
}

// writeSamples draws one picture of each digit.
func writeSamples(dir string, glyphs glyphs, seed uint64) error {
	styles := heldStyles()
	for digit, name := range names {
		rng := rand.New(rand.NewPCG(seed+2, uint64(digit)))
		img := image.NewGray(image.Rect(0, 0, side, side))
		copy(img.Pix, draw(glyphs, digit, styles[rng.IntN(len(styles))], rng))
		f, err := os.Create(filepath.Join(dir, name+".png"))
		if err != nil {
			return err
		}
		if err := errors.Join(png.Encode(f, img), f.Close()); err != nil {
			return err
		}
	}
	return nil
}
