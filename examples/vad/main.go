// Vad says where in a sound there is speech, by Silero's detector, which was compiled into
// this program: go run ./examples/vad --weights PATH FILE.wav.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/go-audio/wav"

	"github.com/mlxc/mlxc/examples/vad/vad"
	"github.com/mlxc/mlxc/runtime"
)

//go:generate go run ../../cmd/mlxc compile ../../testdata/models/vad.mlx -o vad --package vad

func main() {
	weights := flag.String("weights", "", "silero_vad_16k.safetensors, the published `file` of silero-vad")
	threshold := flag.Float64("threshold", 0.5, "`probability` from which on there is speech")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "vad --weights FILE [flags] FILE.wav\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *weights, *threshold, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "vad:", err)
		os.Exit(1)
	}
}

// run prints the segments of speech in a file, in seconds from its beginning.
func run(ctx context.Context, w io.Writer, weights string, threshold float64, args []string) error {
	switch {
	case weights == "":
		return errors.New("--weights is missing: silero_vad_16k.safetensors, which silero-vad publishes")
	case len(args) != 1:
		return errors.New("the sound's file is missing: vad --weights FILE FILE.wav")
	case !(threshold > 0 && threshold < 1):
		return fmt.Errorf("--threshold is %v; it is between 0 and 1", threshold)
	}
	samples, err := readSound(args[0])
	if err != nil {
		return err
	}
	speech, err := listen(ctx, weights, samples)
	if err != nil {
		return err
	}
	for _, s := range segments(speech, threshold) {
		fmt.Fprintf(w, "%8.2f s to %8.2f s\n", s.from, s.to)
	}
	return nil
}

// The model listens to pieces of 512 samples, 16000 of which are a second.
const (
	piece = 512
	rate  = 16000
)

// readSound is a sound of one channel as numbers in [-1, 1).
func readSound(path string) ([]float32, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := wav.NewDecoder(f)
	if !d.IsValidFile() {
		return nil, fmt.Errorf("%s: this is no WAV file", path)
	}
	if d.SampleRate != rate || d.NumChans != 1 {
		return nil, fmt.Errorf("%s: %d channels of %d samples a second; the model knows 1 of %d", path, d.NumChans, d.SampleRate, rate)
	}
	sound, err := d.FullPCMBuffer()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if sound.SourceBitDepth < 1 || sound.SourceBitDepth > 32 {
		return nil, fmt.Errorf("%s: samples of %d bits", path, sound.SourceBitDepth)
	}
	samples := make([]float32, len(sound.Data))
	for i, v := range sound.Data {
		samples[i] = float32(v) / float32(int(1)<<(sound.SourceBitDepth-1))
	}
	return samples, nil
}

// listen is how likely there is speech in each piece; behind the end is silence.
func listen(ctx context.Context, weights string, samples []float32) ([]float32, error) {
	m, err := vad.Load(weights)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	s, err := m.NewSession(vad.Dims{B: 1})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	x, err := s.ListenInput()
	if err != nil {
		return nil, err
	}
	in, err := runtime.Data[float32](x)
	if err != nil {
		return nil, err
	}
	var speech []float32
	for first := 0; first < len(samples); first += piece {
		clear(in[copy(in, samples[first:]):])
		out, err := s.Listen(ctx, x)
		if err != nil {
			return nil, err
		}
		p, err := runtime.Data[float32](out)
		if err != nil {
			return nil, err
		}
		speech = append(speech, p[0])
	}
	return speech, nil
}
