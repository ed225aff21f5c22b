// Ddpm draws a sheet of 16 handwritten digits that nobody has written, by a denoising
// diffusion model that was compiled into this program:
// go run ./examples/ddpm --weights PATH OUT.png.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/schollz/progressbar/v3"
)

//go:generate go run ../../cmd/mlxc compile ../../testdata/models/ddpm.mlx -o ddpm --package ddpm

func main() {
	weights := flag.String("weights", "", "ddpm_mnist.safetensors, the published `file` ddpm_mnist.pth in that format")
	steps := flag.Int("steps", 50, "`steps` from noise to a picture, a divisor of 1000")
	seed := flag.Uint64("seed", 0, "`number` that decides the noise; 0: another one each time")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "ddpm --weights FILE [flags] OUT.png\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *weights, *steps, cmp.Or(*seed, rand.Uint64()), flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "ddpm:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, weights string, steps int, seed uint64, args []string) error {
	switch {
	case weights == "":
		return errors.New("--weights is missing: ddpm_mnist.safetensors, the published ddpm_mnist.pth in that format")
	case len(args) != 1:
		return errors.New("the picture's file is missing: ddpm --weights FILE OUT.png")
	case steps < 1 || times%steps != 0:
		return fmt.Errorf("--steps is %d, and no divisor of %d", steps, times)
	}
	p, err := newPainter(weights)
	if err != nil {
		return err
	}
	defer p.close()
	bar := progressbar.Default(int64(steps), "drawing")
	pictures, err := p.draw(ctx, noise(seed), steps, func() { bar.Add(1) })
	if err != nil {
		bar.Exit()
		return err
	}
	return writePicture(args[0], pictures)
}

// noise is that of a sheet, of variance 1.
func noise(seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	z := make([]float32, sheet)
	for i := range z {
		z[i] = float32(r.NormFloat64())
	}
	return z
}

// writePicture writes the sheet under another name, which it loses when it is complete.
func writePicture(path string, pictures []float32) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".ddpm-*")
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = errors.Join(png.Encode(f, picture(pictures)), f.Chmod(0o644), f.Close())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}
