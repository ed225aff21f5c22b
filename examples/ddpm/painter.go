package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"

	"github.com/mlxc/mlxc/examples/ddpm/ddpm"
	"github.com/mlxc/mlxc/runtime"
)

const (
	times = 1000         // from a picture to noise
	count = 16           // pictures of a sheet
	side  = 28           // pixels of each
	each  = side * side  // pixels of a picture
	sheet = count * each // pixels of all
	rows  = 4            // of pictures on a sheet
	scale = 4            // pixels on the sheet for one
	edge  = rows * side * scale
)

// A painter is a session of the model, and how much of a picture is left at each time:
// alpha[t] of its variance, between noise and it.
type painter struct {
	model   *ddpm.Model
	session *ddpm.Session
	alpha   []float32
}

func newPainter(weights string) (*painter, error) {
	w, err := runtime.OpenWeights(weights)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	t := w.Tensor("alpha_t")
	if t == nil || t.DType != runtime.F32 || !slices.Equal(t.Shape, []int{times + 1}) {
		return nil, fmt.Errorf("%s: there is no tensor alpha_t, f32[%d]", weights, times+1)
	}
	a, err := t.Array()
	if err != nil {
		return nil, err
	}
	alpha, err := runtime.Data[float32](a)
	if err != nil {
		return nil, err
	}
	p := &painter{alpha: slices.Clone(alpha)}
	if p.model, err = ddpm.Load(weights); err != nil {
		return nil, err
	}
	if p.session, err = p.model.NewSession(); err != nil {
		return nil, errors.Join(err, p.model.Close())
	}
	return p, nil
}

func (p *painter) close() error { return errors.Join(p.session.Close(), p.model.Close()) }

// draw makes pictures of noise by the deterministic sampler DDIM (Song et al. 2020,
// arXiv:2010.02502, equation 12 with sigma = 0): each step goes from a time to an earlier
// one with the noise that the model finds, and the last is what it takes for the picture.
func (p *painter) draw(ctx context.Context, noise []float32, steps int, step func()) ([]float32, error) {
	x, err := p.session.NoiseX(count)
	if err != nil {
		return nil, err
	}
	t, err := p.session.NoiseT(count)
	if err != nil {
		return nil, err
	}
	pictures, err := runtime.Data[float32](x)
	if err != nil {
		return nil, err
	}
	at, err := runtime.Data[float32](t)
	if err != nil {
		return nil, err
	}
	copy(pictures, noise)
	for now := times; now > 0; now -= times / steps {
		for i := range at {
			at[i] = float32(now)
		}
		out, err := p.session.Noise(ctx, x, t)
		if err != nil {
			return nil, err
		}
		found, err := runtime.Data[float32](out)
		if err != nil {
			return nil, err
		}
		left, then := float64(p.alpha[now]), float64(p.alpha[now-times/steps])
		if now == times/steps {
			then = 1
		}
		for i, v := range pictures {
			clean := (float64(v) - math.Sqrt(1-left)*float64(found[i])) / math.Sqrt(left)
			pictures[i] = float32(math.Sqrt(then)*clean + math.Sqrt(1-then)*float64(found[i]))
		}
		step()
	}
	return slices.Clone(pictures), nil
}

// picture lays pictures out as a sheet. Their numbers are from -0.5, black, to 0.5.
func picture(pictures []float32) image.Image {
	img := image.NewGray(image.Rect(0, 0, edge, edge))
	for y := range edge {
		for x := range edge {
			row, column := y/scale, x/scale
			n := row/side*rows + column/side
			v := pictures[n*each+row%side*side+column%side]
			img.SetGray(x, y, color.Gray{uint8(min(max(math.Round(float64(v+0.5)*255), 0), 255))})
		}
	}
	return img
}
