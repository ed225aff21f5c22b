package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func params(ps ...Param) *Program { return &Program{Name: "net", Params: ps} }

func TestLoad(t *testing.T) {
	p := params(
		Param{Name: "b", DType: F32, Shape: []int{2}},
		Param{Name: "b", DType: F16, Shape: []int{2}}, // the same tensor, converted
		Param{Name: "a", DType: I16, Shape: []int{1, 3}},
		Param{Name: "new", DType: F32, Shape: []int{5}, Init: []float64{0.5}},
	)
	file := safetensors(twoTensors, fourteen...)
	fromFile := must(Load(p, write(t, "w.safetensors", file)))(t)
	fromBytes := must(LoadBytes(p, "w.safetensors", append(make([]byte, 0, 1<<10), file...)))(t)
	for _, m := range []*Model{fromFile, fromBytes} {
		if b := must(Data[float32](m.params[0]))(t); b[0] != 1 || b[1] != 2 {
			t.Errorf("b is %v", b)
		}
		if b := must(Data[Float16](m.params[1]))(t); b[0].Float32() != 1 || b[1].Float32() != 2 {
			t.Errorf("b as f16 is %v", b)
		}
		if a := must(Data[int16](m.params[2]))(t); a[2] != 3 {
			t.Errorf("a is %v", a)
		}
		if n := must(Data[float32](m.params[3]))(t); n[0] != 0.5 || n[4] != 0.5 {
			t.Errorf("new is %v", n)
		}
		if got := m.LoadReport(); got != (LoadReport{Mapped: 8 + 6, Copied: 4 + 20}) {
			t.Errorf("the report is %+v", got)
		}
		for range 2 {
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
		}
		for i, a := range m.params {
			if !a.closed() {
				t.Errorf("param %d of a closed model is open", i)
			}
		}
	}
}

func TestLoadErrors(t *testing.T) {
	path := write(t, "w.safetensors", safetensors(twoTensors, fourteen...))
	good := Param{Name: "b", DType: F32, Shape: []int{2}}
	for _, c := range []struct {
		name   string
		params []Param
		want   []string // the lines, without the file
	}{
		{"missing", []Param{good, {Name: "c", DType: F32, Shape: []int{3}, Pos: "net.mlx:4:5"}}, []string{`tensor "c": missing, want f32[3] (net.mlx:4:5)`}},
		{"wrong shape", []Param{{Name: "b", DType: F32, Shape: []int{2, 1}, Pos: "net.mlx:4:5"}}, []string{`tensor "b": f32[2], want f32[2, 1] (net.mlx:4:5)`}},
		{"wrong dtype", []Param{{Name: "a", DType: F32, Shape: []int{1, 3}}}, []string{`tensor "a": i16[1, 3], want f32[1, 3]`}},
		{"init does not excuse a wrong shape", []Param{{Name: "b", DType: F32, Shape: []int{4}, Init: []float64{0}}}, []string{`tensor "b": f32[2], want f32[4]`}},
		{"sorted", []Param{{Name: "z", DType: F32}, good, {Name: "c", DType: F32}}, []string{`tensor "c": missing, want f32`, `tensor "z": missing, want f32`}},
		{"none", []Param{{Name: "x", DType: F32, Init: []float64{0}}, {Name: "y", DType: F32}}, []string{`has none of the 2 tensors of net, such as "x", but 2 others, such as "a"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(params(c.params...), path)
			var w *WeightError
			if !errors.As(err, &w) || w.File != path {
				t.Fatalf("got %v", err)
			}
			if want := path + ": " + strings.Join(c.want, "\n"+path+": "); err.Error() != want {
				t.Errorf("got\n%v\nwant\n%s", err, want)
			}
		})
	}
	many := []Param{good}
	for i := range 12 {
		many = append(many, Param{Name: fmt.Sprintf("m%02d", i), DType: F32})
	}
	_, err := Load(params(many...), path)
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 11 || !strings.Contains(lines[9], "m09") || !strings.HasSuffix(lines[10], "and 2 more") {
		t.Errorf("got\n%v", err)
	}
	_, err = Load(params(good), "")
	wantError(t, err, `no checkpoint: tensor "b": missing, want f32[2]`)
	_, err = Load(params(good), "nowhere.npz")
	wantError(t, err, "nowhere.npz: no such file or directory")
	_, err = LoadBytes(params(good), "embedded", []byte("hello"))
	wantError(t, err, "embedded: not a safetensors file")
}

func TestLongNames(t *testing.T) {
	name := strings.Repeat("x", 1000) + "\n"
	e := &WeightError{File: "f", Tensor: name, Err: errors.New("missing")}
	if text := e.Error(); len(text) > 200 || strings.Contains(text, "\n") {
		t.Errorf("a name of 1000 characters gives a message of %d", len(text))
	}
}

// Checkpoints and arrays that others wrote.
func TestSharedData(t *testing.T) {
	dir := filepath.Join("..", "..", "shared", "data")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("../shared/data is not here")
	}
	read := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch filepath.Ext(path) {
		case ".safetensors", ".npz":
			w, err := OpenWeights(path)
			if err != nil {
				return err
			}
			defer w.Close()
			for _, name := range w.Names() {
				if _, err := w.Tensor(name).Array(); err != nil {
					return err
				}
				read++
			}
		case ".npy":
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			if _, err := ReadNPY(f, 1<<40); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			read++
		}
		return nil
	})
	if err != nil || read == 0 {
		t.Errorf("read %d arrays: %v", read, err)
	}
}
