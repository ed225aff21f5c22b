package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg"
	_ "image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/go-audio/wav"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// A pair is NAME=FILE of a flag.
type pair struct{ name, file string }

func parsePairs(flag string, texts []string) ([]pair, error) {
	var out []pair
	for _, t := range texts {
		name, file, ok := strings.Cut(t, "=")
		if !ok || name == "" || file == "" {
			return nil, usageError{fmt.Errorf("%s wants NAME=VALUE, got %q", flag, t)}
		}
		if slices.ContainsFunc(out, func(p pair) bool { return p.name == name }) {
			return nil, usageError{fmt.Errorf("%s %s is given twice", flag, name)}
		}
		out = append(out, pair{name, file})
	}
	return out, nil
}

// readInputs reads the inputs of an entry, in its order.
func readInputs(e *ir.Func, flags []string) ([]*runtime.Array, error) {
	pairs, err := parsePairs("--in", flags)
	if err != nil {
		return nil, err
	}
	var known []string
	for _, v := range e.Inputs {
		known = append(known, v.Name)
	}
	for _, p := range pairs {
		if !slices.Contains(known, p.name) {
			return nil, fmt.Errorf("entry %s has no input %q, it has %s", e.Name, p.name, strings.Join(known, ", "))
		}
	}
	var inputs []*runtime.Array
	for _, v := range e.Inputs {
		i := slices.IndexFunc(pairs, func(p pair) bool { return p.name == v.Name })
		if i < 0 {
			return nil, usageError{fmt.Errorf("entry %s needs --in %s=FILE, %s", e.Name, v.Name, v.Type)}
		}
		a, err := readInput(pairs[i], v.Type)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, a)
	}
	return inputs, nil
}

// readDims reads the sizes that an entry is given, in its order, and then those of the
// session.
func readDims(m *ir.Module, e *ir.Func, flags []string) ([]int64, error) {
	pairs, err := parsePairs("--dim", flags)
	if err != nil {
		return nil, err
	}
	dims := slices.Concat(e.Dims, m.SessionDims())
	for _, p := range pairs {
		if !slices.ContainsFunc(dims, func(d *ir.Dim) bool { return d.Name == p.name }) {
			return nil, usageError{fmt.Errorf("entry %s is not given a size %q", e.Name, p.name)}
		}
	}
	var given []int64
	for _, d := range dims {
		i := slices.IndexFunc(pairs, func(p pair) bool { return p.name == d.Name })
		if i < 0 {
			return nil, usageError{fmt.Errorf("entry %s needs --dim %s=N, %d to %d", e.Name, d.Name, d.Min, d.Max)}
		}
		n, err := strconv.ParseInt(pairs[i].file, 10, 64)
		if err != nil {
			return nil, usageError{fmt.Errorf("--dim %s is %q, not an integer", d.Name, pairs[i].file)}
		}
		given = append(given, n)
	}
	return given, nil
}

// readInput reads one input by the kind of its file.
func readInput(p pair, want ir.Type) (*runtime.Array, error) {
	var a *runtime.Array
	var err error
	switch strings.ToLower(filepath.Ext(p.file)) {
	case ".npy", ".npz":
		a, err = readArray(p)
	case ".png", ".jpg", ".jpeg":
		a, err = readPicture(p.file, want)
	case ".wav":
		a, err = readSound(p.file, want)
	default:
		a, err = readJSON(p, want)
	}
	if err != nil {
		return nil, err
	}
	if a.DType().String() != want.DType.String() {
		return nil, fmt.Errorf("%s: %s is %s, want %s; nothing is converted silently", p.file, p.name, a, want)
	}
	if len(a.Shape()) == want.Rank()-1 {
		a, err = a.Reshape(append([]int{1}, a.Shape()...)...)
	}
	return a, err
}

func readArray(p pair) (*runtime.Array, error) {
	if strings.EqualFold(filepath.Ext(p.file), ".npz") {
		w, err := runtime.OpenWeights(p.file)
		if err != nil {
			return nil, err
		}
		defer w.Close()
		t := w.Tensor(p.name)
		if names := w.Names(); t == nil && len(names) == 1 {
			t = w.Tensor(names[0])
		} else if t == nil {
			return nil, fmt.Errorf("%s: there is no array %q among %s", p.file, p.name, strings.Join(names, ", "))
		}
		a, err := t.Array()
		if err != nil {
			return nil, err
		}
		return a.Clone()
	}
	f, err := os.Open(p.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	a, err := runtime.ReadNPY(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.file, err)
	}
	return a, nil
}

// fromNumbers makes an array of the wanted dtype from numbers.
func fromNumbers(want ir.DType, xs []float64, shape ...int) (*runtime.Array, error) {
	t := ir.NewTensor(want, shape...)
	for i, x := range xs {
		if t.F != nil {
			t.F[i] = x
			continue
		}
		if x != math.Trunc(x) {
			return nil, fmt.Errorf("%v is no %s", x, want)
		}
		t.I[i] = int64(x)
	}
	return toArray(t)
}

// maxPixels bounds the memory of a picture whose size the entry leaves open.
const maxPixels = 1 << 27

// readPicture decodes a picture to [height, width, channels], 0 to 255.
func readPicture(file string, want ir.Type) (*runtime.Array, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	fail := func(format string, args ...any) (*runtime.Array, error) {
		return nil, fmt.Errorf("%s: %s", file, fmt.Sprintf(format, args...))
	}
	if want.Rank() < 3 {
		return fail("a picture does not fit %s", want)
	}
	sizes := want.Shape[want.Rank()-3:]
	channels, ok := sizes[2].Int()
	if !ok || channels != 1 && channels != 3 {
		return fail("a picture is grey or RGB, %s has %s channels", want, sizes[2])
	}
	info, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return fail("cannot read the picture: %v", err)
	}
	if h, ok := sizes[0].Int(); ok && int(h) != info.Height {
		return fail("the picture is %dx%d, want %s; nothing is resized", info.Width, info.Height, want)
	}
	if w, ok := sizes[1].Int(); ok && int(w) != info.Width {
		return fail("the picture is %dx%d, want %s; nothing is resized", info.Width, info.Height, want)
	}
	if info.Width*info.Height > maxPixels {
		return fail("the picture is %dx%d, more than %d pixels", info.Width, info.Height, maxPixels)
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return fail("cannot read the picture: %v", err)
	}
	var xs []float64
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			if channels == 1 {
				xs = append(xs, float64(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y))
				continue
			}
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			xs = append(xs, float64(c.R), float64(c.G), float64(c.B))
		}
	}
	return fromNumbers(want.DType, xs, info.Height, info.Width, int(channels))
}

// readSound decodes a .wav to mono samples, -1 to 1.
func readSound(file string, want ir.Type) (*runtime.Array, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := wav.NewDecoder(f)
	buf, err := d.FullPCMBuffer()
	if err != nil || buf == nil || buf.Format == nil || buf.Format.NumChannels < 1 || d.BitDepth < 8 || d.BitDepth > 32 {
		return nil, fmt.Errorf("%s: cannot read the sound as PCM .wav", file)
	}
	n := buf.Format.NumChannels
	xs := make([]float64, len(buf.Data)/n)
	scale := math.Ldexp(1, int(d.BitDepth)-1) * float64(n)
	for i := range xs {
		for c := range n {
			xs[i] += float64(buf.Data[i*n+c]) / scale
		}
	}
	return fromNumbers(want.DType, xs, len(xs))
}

// readJSON reads nested lists of numbers from a .json file, or from the text of
// the flag itself.
func readJSON(p pair, want ir.Type) (*runtime.Array, error) {
	text := []byte(p.file)
	if strings.EqualFold(filepath.Ext(p.file), ".json") {
		var err error
		if text, err = os.ReadFile(p.file); err != nil {
			return nil, err
		}
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, fmt.Errorf("%s: neither a file of a known kind (.npy, .npz, .png, .jpg, .wav, .json) nor numbers as JSON", p.file)
	}
	var xs []float64
	var shape []int
	if err := flatten(v, 0, &shape, &xs); err != nil {
		return nil, fmt.Errorf("%s: %w", p.file, err)
	}
	a, err := fromNumbers(want.DType, xs, shape...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.file, err)
	}
	return a, nil
}

func flatten(v any, depth int, shape *[]int, xs *[]float64) error {
	switch v := v.(type) {
	case float64:
		if depth != len(*shape) {
			return fmt.Errorf("a number where others have lists")
		}
		*xs = append(*xs, v)
	case bool:
		x := 0.0
		if v {
			x = 1
		}
		return flatten(x, depth, shape, xs)
	case []any:
		if depth == len(*shape) {
			if len(*xs) > 0 {
				return fmt.Errorf("a list where others have numbers")
			}
			*shape = append(*shape, len(v))
		}
		if depth >= runtime.MaxRank || (*shape)[depth] != len(v) {
			return fmt.Errorf("lists of different lengths at depth %d", depth)
		}
		for _, x := range v {
			if err := flatten(x, depth+1, shape, xs); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("%v is no number", v)
	}
	return nil
}
