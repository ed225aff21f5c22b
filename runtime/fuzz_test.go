package runtime

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// checkWeights reads a checkpoint that may be anything: all that it accepts must
// hold together.
func checkWeights(t *testing.T, name string, file []byte) {
	w, err := parseWeights(name, &memory{bytes: file})
	if err != nil {
		if e, ok := err.(*WeightError); !ok || e.File != name || len(e.Error()) > 1000 {
			t.Errorf("got the error %T %v", err, err)
		}
		return
	}
	if names := w.Names(); !slices.IsSorted(names) || len(slices.Compact(names)) != len(w.tensors) {
		t.Errorf("names are not sorted or not unique: %q", names)
	}
	for _, tensor := range w.tensors {
		a, err := tensor.Array()
		if err != nil {
			continue
		}
		if a.dtype != tensor.DType || !slices.Equal(a.shape, tensor.Shape) || len(a.bytes) != count(a.shape)*a.dtype.Size() {
			t.Errorf("%s has %d bytes", a, len(a.bytes))
		}
		for _, b := range a.bytes { // they must all be there
			_ = b
		}
		a.Close()
	}
}

func FuzzSafetensors(f *testing.F) {
	f.Add(safetensors(twoTensors, fourteen...))
	f.Add(safetensors(`{}`))
	f.Add(safetensors(`{"w":{"dtype":"BOOL","shape":[2,0],"data_offsets":[0,0]}}`))
	f.Add(safetensors(`{"w":{"dtype":"F8_E5M2","shape":[],"data_offsets":[0,1]}}`, 1))
	f.Fuzz(func(t *testing.T, file []byte) { checkWeights(t, "w.safetensors", file) })
}

// What a packed file claims is compared with the program, whatever it is.
func FuzzPacked(f *testing.F) {
	p := testProgram()
	p.Key = "k"
	m := must(Load(p, ""))(f)
	path := filepath.Join(f.TempDir(), "p.safetensors")
	if err := errors.Join(m.Pack(context.Background(), path, nil), m.Close()); err != nil {
		f.Fatal(err)
	}
	f.Add(must(os.ReadFile(path))(f))
	f.Add(safetensors(`{"__metadata__":{"mlxc.pack":"k","mlxc.source":"../w"},"w":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := LoadBytes(p, "p.safetensors", file)
		if err != nil {
			return
		}
		if a := m.params[0]; a.dtype != F32 || len(a.bytes) != 4 {
			t.Errorf("w is %s of %d bytes", a, len(a.bytes))
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

func FuzzNPZ(f *testing.F) {
	zeros := npy(1, npyHeaderText("<f4", "(10,)"), make([]byte, 40)...)
	f.Add(npz(f))
	f.Add(npz(f, member{"w.npy", zip.Deflate, zeros}))
	f.Add(npz(f, member{"w.npy", zip.Store, zeros}, member{"b.npy", zip.Deflate, npy(2, npyHeaderText("|b1", "(1,)"), 1)}))
	f.Fuzz(func(t *testing.T, file []byte) { checkWeights(t, "w.npz", file) })
}

func FuzzNPY(f *testing.F) {
	f.Add(npy(1, npyHeaderText("<f4", "(1,)"), 0, 0, 0x80, 0x3f))
	f.Add(npy(3, npyHeaderText("|V2", "(2, 2)"), make([]byte, 8)...))
	f.Add(npy(2, `{"shape": (0, 7L), 'fortran_order': True, 'descr': '|b1'}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		a, err := ReadNPY(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		defer a.Close()
		var b bytes.Buffer
		if err := WriteNPY(&b, a); err != nil {
			t.Fatal(err)
		}
		c, err := ReadNPY(&b, int64(b.Len()))
		if err != nil || c.String() != a.String() || !bytes.Equal(c.bytes, a.bytes) {
			t.Errorf("%s was written and read as %v, %v", a, c, err)
			return
		}
		c.Close()
	})
}
