package main

import (
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/go-audio/audio"
	"github.com/go-audio/wav"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

func knownResult(e *ir.Func, name string) error {
	var names []string
	for _, r := range e.Results {
		if r.Name == name {
			return nil
		}
		names = append(names, r.Name)
	}
	return fmt.Errorf("entry %s has no result %q, it has %s", e.Name, name, strings.Join(names, ", "))
}

// writeResults writes the results that have a file, and prints the others.
func writeResults(w io.Writer, e *ir.Func, results []*runtime.Array, outs []pair) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, r := range e.Results {
		n := slices.IndexFunc(outs, func(p pair) bool { return p.name == r.Name })
		if n < 0 {
			printResult(t, r.Name, results[i])
			continue
		}
		if err := writeFile(outs[n].file, r.Name, results[i]); err != nil {
			return fmt.Errorf("%s: %w", outs[n].file, err)
		}
	}
	return t.Flush()
}

// maxShownRows and maxShown bound what is printed of a result.
const (
	maxShownRows = 20
	maxShown     = 16
)

// printResult prints an array by rows of its last axis. Of a row of floats it
// says which is the largest, since that is what classifiers are asked for.
func printResult(w io.Writer, name string, a *runtime.Array) {
	t := toTensor(a)
	width := 1
	if n := len(t.Shape); n > 0 {
		width = t.Shape[n-1]
	}
	rows := 0
	if width > 0 {
		rows = t.Len() / width
	}
	if len(t.Shape) == 1 && t.F == nil { // a label for each of a batch
		rows, width = 1, t.Len()
	}
	head := name + "\t" + a.String()
	if t.Len() == 0 {
		fmt.Fprintf(w, "%s\tempty\n", head)
	}
	for r := range min(rows, maxShownRows) {
		var row []string
		best := 0
		for i := range width {
			x := t.Number(r*width + i)
			if x > t.Number(r*width+best) {
				best = i
			}
			if i < maxShown {
				row = append(row, numberText(x, t.F != nil))
			}
		}
		text := strings.Join(row, " ")
		if width > maxShown {
			text += " …"
		}
		if t.F != nil && width > 1 {
			text += fmt.Sprintf("\tlargest %s at %d", numberText(t.Number(r*width+best), true), best)
		}
		fmt.Fprintf(w, "%s\t%s\n", head, text)
		head = "\t"
	}
	if rows > maxShownRows {
		fmt.Fprintf(w, "\t\tand %d more rows\n", rows-maxShownRows)
	}
}

func numberText(x float64, float bool) string {
	switch {
	case !float:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case x == 0 || math.Abs(x) >= 1e-4 && math.Abs(x) < 1e5:
		return strconv.FormatFloat(x, 'f', 4, 64)
	}
	return strconv.FormatFloat(x, 'e', 2, 64)
}

func writeFile(path, name string, a *runtime.Array) error {
	write, ok := writers[strings.ToLower(filepath.Ext(path))]
	if !ok {
		return fmt.Errorf("results are written as .npy, .npz, .png or .wav")
	}
	return replaceFile(path, 0o644, func(f *os.File) error { return write(f, name, a) })
}

// replaceFile writes a file beside its name and renames it, so that no half file is
// left behind.
func replaceFile(path string, mode os.FileMode, write func(f *os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".mlxc-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Chmod(mode); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

var writers = map[string]func(f *os.File, name string, a *runtime.Array) error{
	".npy": func(f *os.File, _ string, a *runtime.Array) error { return runtime.WriteNPY(f, a) },
	".npz": func(f *os.File, name string, a *runtime.Array) error {
		return runtime.WriteNPZ(f, []string{name}, []*runtime.Array{a})
	},
	".png": func(f *os.File, _ string, a *runtime.Array) error {
		img, err := picture(a)
		if err != nil {
			return err
		}
		return png.Encode(f, img)
	},
	".wav": writeSound,
}

// picture is an array [height, width] or [height, width, 1 or 3], with leading
// axes of size 1, of numbers from 0 to 255.
func picture(a *runtime.Array) (image.Image, error) {
	shape := a.Shape()
	for len(shape) > 3 && shape[0] == 1 || len(shape) == 3 && shape[0] == 1 && shape[2] != 1 && shape[2] != 3 {
		shape = shape[1:]
	}
	channels := 1
	if len(shape) == 3 {
		channels = shape[2]
	}
	if len(shape) < 2 || len(shape) > 3 || channels != 1 && channels != 3 {
		return nil, fmt.Errorf("%s is no picture", a)
	}
	t := toTensor(a)
	at := func(y, x, c int) uint8 {
		v := t.Number((y*shape[1]+x)*channels + c)
		return uint8(math.Round(math.Max(0, math.Min(255, v))))
	}
	grey := image.NewGray(image.Rect(0, 0, shape[1], shape[0]))
	rgb := image.NewNRGBA(grey.Rect)
	for y := range shape[0] {
		for x := range shape[1] {
			if channels == 1 {
				grey.Pix[grey.PixOffset(x, y)] = at(y, x, 0)
				continue
			}
			copy(rgb.Pix[rgb.PixOffset(x, y):], []uint8{at(y, x, 0), at(y, x, 1), at(y, x, 2), 255})
		}
	}
	if channels == 1 {
		return grey, nil
	}
	return rgb, nil
}

// soundRate is that of written sound, in samples a second.
const soundRate = 16000

// writeSound writes mono samples, -1 to 1, as 16-bit PCM.
func writeSound(f *os.File, _ string, a *runtime.Array) error {
	t := toTensor(a)
	if t.F == nil || len(t.Shape) == 0 || t.Shape[len(t.Shape)-1] != t.Len() {
		return fmt.Errorf("%s is no mono sound", a)
	}
	buf := &audio.IntBuffer{Format: &audio.Format{NumChannels: 1, SampleRate: soundRate}, SourceBitDepth: 16, Data: make([]int, t.Len())}
	for i, x := range t.F {
		buf.Data[i] = int(math.Round(32767 * math.Max(-1, math.Min(1, x))))
	}
	e := wav.NewEncoder(f, soundRate, 16, 1, 1)
	if err := e.Write(buf); err != nil {
		return err
	}
	return e.Close()
}
