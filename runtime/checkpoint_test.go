package runtime

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// safetensors is a file with that header, whose length it pads to a multiple of 8.
func safetensors(header string, data ...byte) []byte {
	header += strings.Repeat(" ", -len(header)&7)
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+string(data)...)
}

const twoTensors = `{"__metadata__":{"format":"pt"},` +
	`"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},` +
	`"a":{"dtype":"I16","shape":[1,3],"data_offsets":[8,14]}}`

var fourteen = []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 1, 0, 2, 0, 3, 0}

// npy is an array of bytes in that format, of any version.
func npy(version byte, header string, data ...byte) []byte {
	b := append([]byte(npyMagic), version, 0)
	if version == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
	}
	return append(b, header+string(data)...)
}

func npyHeaderText(descr, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", descr, shape)
}

type member struct {
	name   string
	method uint16
	data   []byte
}

func npz(t testing.TB, members ...member) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w := must(z.CreateHeader(&zip.FileHeader{Name: m.name, Method: m.method}))(t)
		must(w.Write(m.data))(t)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSafetensors(t *testing.T) {
	for _, name := range []string{"w.safetensors", "w.bin"} {
		w := must(OpenWeights(write(t, name, safetensors(twoTensors, fourteen...))))(t)
		if got := fmt.Sprint(w.Names(), w.Tensor("a"), w.Tensor("b"), w.Tensor("c") == nil); got != "[a b] i16[1, 3] f32[2] true" {
			t.Errorf("the file has %s", got)
		}
		a := must(w.Tensor("a").Array())(t)
		b := must(w.Tensor("b").Array())(t)
		if xs := must(Data[int16](a))(t); xs[0] != 1 || xs[2] != 3 || a.owned {
			t.Errorf("a is %v, owned %v", xs, a.owned)
		}
		if xs := must(Data[float32](b))(t); xs[0] != 1 || xs[1] != 2 {
			t.Errorf("b is %v", xs)
		}
		for range 2 {
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Data[int16](a); !errors.Is(err, ErrClosed) {
			t.Errorf("data of a closed checkpoint: %v", err)
		}
		if _, err := w.Tensor("a").Array(); !errors.Is(err, ErrClosed) {
			t.Errorf("array of a closed checkpoint: %v", err)
		}
	}
}

// A tensor whose bytes are not aligned to its elements is copied.
func TestMisaligned(t *testing.T) {
	header := `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}`
	w := must(OpenWeights(write(t, "w.safetensors", safetensors(header, 7, 0, 0, 0x80, 0x3f))))(t)
	defer w.Close()
	b := must(w.Tensor("b").Array())(t)
	if xs := must(Data[float32](b))(t); xs[0] != 1 || !b.owned {
		t.Errorf("b is %v, owned %v", xs, b.owned)
	}
}

func TestHostileSafetensors(t *testing.T) {
	tensor := func(dtype, shape, offsets string) string {
		return fmt.Sprintf(`{"w":{"dtype":"%s","shape":%s,"data_offsets":%s}}`, dtype, shape, offsets)
	}
	length := func(n uint64) []byte { return append(binary.LittleEndian.AppendUint64(nil, n), "{}"...) }
	for _, c := range []struct {
		name string
		file []byte
		text string
	}{
		{"empty", nil, "empty file"},
		{"short", []byte("1234567"), "shorter than 8 bytes"},
		{"header of gigabytes", length(3 << 30), "a header of 3221225472 bytes, the format allows 100000000"},
		{"header of 2^64-1 bytes", length(1<<64 - 1), "a header of 18446744073709551615 bytes"},
		{"header beyond the file", length(3), "a header of 3 bytes, 2 are left"},
		{"no header", length(0), "the header is not valid"},
		{"not JSON", safetensors(`hello`), "the header is not valid"},
		{"a list", safetensors(`[]`), "[ where { should be"},
		{"cut JSON", safetensors(`{"w":`), "unexpected EOF"},
		{"trailing comma", safetensors(`{"__metadata__":{},}`), "invalid"},
		{"text behind", safetensors(`{} {}`), "goes on after its end"},
		{"not UTF-8", safetensors("{\"\xff\":1}"), "not UTF-8"},
		{"tensor is a number", safetensors(`{"w":1}`), `tensor "w": 1 where { should be`},
		{"metadata is no object", safetensors(`{"__metadata__":1}`), "1 where { should be"},
		{"metadata holds a list", safetensors(`{"__metadata__":{"a":[]}}`), "[ where a string should be"},
		{"no offsets", safetensors(`{"w":{"dtype":"F32","shape":[]}}`), "needs dtype, shape and two data_offsets"},
		{"one offset", safetensors(tensor("F32", "[]", "[0]")), "needs dtype, shape and two"},
		{"three offsets", safetensors(tensor("F32", "[]", "[0,4,8]")), "more than 2 numbers"},
		{"null shape", safetensors(tensor("F32", "null", "[0,4]"), 0, 0, 0, 0), "where [ should be"},
		{"unknown field", safetensors(`{"w":{"x":1}}`), "unknown field"},
		{"dtype twice", safetensors(`{"w":{"dtype":"F32","dtype":"F64"}}`), `has "dtype" twice`},
		{"fields in capitals", safetensors(`{"w":{"DType":"F32"}}`), "unknown field"},
		{"name twice", safetensors(`{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`), `tensor "w": is there twice`},
		{"name twice, spelled differently", safetensors(`{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0077":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`), `tensor "w": is there twice`},
		{"negative offset", safetensors(tensor("F32", "[]", "[-4,0]")), `"-4" is no size`},
		{"offset of 2^64", safetensors(tensor("F32", "[]", "[0,18446744073709551616]")), "is no size"},
		{"offset is a fraction", safetensors(tensor("F32", "[]", "[0,4.0]"), 0, 0, 0, 0), "is no size"},
		{"negative size", safetensors(tensor("F32", "[-1]", "[0,4]")), "is no size"},
		{"backwards", safetensors(tensor("F32", "[]", "[4,0]"), 0, 0, 0, 0), "before it begins"},
		{"beyond the file", safetensors(tensor("F32", "[2]", "[0,8]"), 0, 0, 0, 0), "ends at byte 8, but the file has 4 bytes of data"},
		{"gap in front", safetensors(tensor("F32", "[]", "[4,8]"), make([]byte, 8)...), "begins at byte 4, but the tensor before it ends at 0"},
		{"bytes behind", safetensors(tensor("F32", "[]", "[0,4]"), make([]byte, 5)...), "1 bytes of data after the last tensor"},
		{"overlap", safetensors(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}`, make([]byte, 6)...), `tensor "b": begins at byte 2, within another tensor`},
		{"same bytes twice", safetensors(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, make([]byte, 4)...), "within another tensor"},
		{"shape against bytes", safetensors(tensor("F32", "[3]", "[0,4]"), 0, 0, 0, 0), "f32[3] takes 12 bytes, but has 4"},
		{"shape overflows", safetensors(tensor("F32", "[4611686018427387905]", "[0,4]"), 0, 0, 0, 0), "address space"},
		{"product overflows to the size", safetensors(tensor("F32", "[4294967296,4294967296,4]", "[0,0]")), "address space"},
		{"too many axes", safetensors(tensor("U8", "["+strings.Repeat("1,", MaxRank)+"1]", "[0,1]"), 0), "more than 16 numbers"},
		{"cut off", safetensors(twoTensors, fourteen[:10]...), "ends at byte 14, but the file has 10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, "w.safetensors", c.file)
			_, err := OpenWeights(path)
			wantError(t, err, c.text)
			var w *WeightError
			if !errors.As(err, &w) || !strings.HasPrefix(err.Error(), path+": ") {
				t.Errorf("%v does not name the file", err)
			}
		})
	}
}

// What no model uses may be of a dtype that we lack.
func TestUnknownDType(t *testing.T) {
	w := must(OpenWeights(write(t, "w.safetensors", safetensors(`{"w":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,3]}}`, 1, 2, 3))))(t)
	_, err := w.Tensor("w").Array()
	wantError(t, err, `tensor "w": dtype "F8_E4M3" is not supported`)
}

func TestBadBool(t *testing.T) {
	w := must(OpenWeights(write(t, "w.safetensors", safetensors(`{"w":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}}`, 1, 0, 2))))(t)
	_, err := w.Tensor("w").Array()
	wantError(t, err, "element 2 is the byte 2, which is no bool")
}

func TestNoFile(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.safetensors")
	_, err := OpenWeights(missing)
	if !errors.Is(err, fs.ErrNotExist) || err.Error() != missing+": no such file or directory" {
		t.Errorf("a missing file: %v", err)
	}
	_, err = OpenWeights(t.TempDir())
	wantError(t, err, "not a regular file")
	pipe := filepath.Join(t.TempDir(), "pipe.npz")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = OpenWeights(pipe)
	wantError(t, err, "not a regular file")
}

func TestNPZ(t *testing.T) {
	floats := npy(1, npyHeaderText("<f4", "(2,)"), 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40)
	file := npz(t,
		member{"deflated.npy", zip.Deflate, floats},
		member{"stored.npy", zip.Store, floats},
		member{"notes.txt", zip.Store, []byte("hello")},
		member{"names.npy", zip.Store, npy(1, npyHeaderText("<U5", "(1,)"), make([]byte, 20)...)},
	)
	for _, name := range []string{"w.npz", "w"} {
		w := must(OpenWeights(write(t, name, file)))(t)
		defer w.Close()
		if got := fmt.Sprint(w.Names()); got != "[deflated names stored]" {
			t.Errorf("the file has %s", got)
		}
		for _, n := range []string{"deflated", "stored"} {
			a := must(w.Tensor(n).Array())(t)
			if xs := must(Data[float32](a))(t); a.String() != "f32[2]" || xs[0] != 1 || xs[1] != 2 {
				t.Errorf("%s is %s, %v", n, a, xs)
			}
		}
		_, err := w.Tensor("names").Array()
		wantError(t, err, `dtype "<U5" is not supported`)
	}
}

func TestWriteNPZ(t *testing.T) {
	var b bytes.Buffer
	a, s := must(From([]int64{1, -2}))(t), must(From([]BFloat16{NewBFloat16(3)}, []int{}...))(t)
	if err := WriteNPZ(&b, []string{"a", "s"}, []*Array{a, s}); err != nil {
		t.Fatal(err)
	}
	w := must(OpenWeights(write(t, "x.npz", b.Bytes())))(t)
	defer w.Close()
	for name, want := range map[string]*Array{"a": a, "s": s} {
		got := must(w.Tensor(name).Array())(t)
		if got.String() != want.String() || !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("%s became %s", want, got)
		}
	}
}

// edit changes the central directory of a zip file: what readers believe.
func edit(file []byte, offset int, value ...byte) []byte {
	at := bytes.LastIndex(file, []byte("PK\x01\x02"))
	file = bytes.Clone(file)
	copy(file[at+offset:], value)
	return file
}

func TestHostileNPZ(t *testing.T) {
	zeros := npy(1, npyHeaderText("<f4", "(1000,)"), make([]byte, 4000)...)
	deflated := npz(t, member{"w.npy", zip.Deflate, zeros})
	stored := npz(t, member{"w.npy", zip.Store, zeros})
	two := npz(t, member{"a.npy", zip.Store, zeros}, member{"b.npy", zip.Store, zeros})
	for _, c := range []struct {
		name string
		file []byte
		text string
	}{
		{"empty", nil, "empty file"},
		{"no zip", []byte("hello, world"), "not an .npz file"},
		{"cut off", stored[:len(stored)-30], "not an .npz file, or cut off"},
		{"name twice", npz(t, member{"w.npy", zip.Store, zeros}, member{"w.npy", zip.Store, zeros}), `tensor "w": is there twice`},
		{"overlap", edit(two, 42, 0, 0, 0, 0), "overlaps"},
		{"beyond the file", edit(stored, 42, 0xff, 0xff, 0xff, 0x7f), "w"},
		{"longer than the file", edit(stored, 20, 0, 0, 0, 0x70), "of a file of"},
		{"claims more than deflate can", edit(deflated, 24, 0, 0, 0, 0x70), "cannot hold them"},
		{"stored with two sizes", edit(stored, 24, 1, 0, 0, 0), "cannot hold them"},
		{"longer than its shape", edit(deflated, 24, 0xff, 0x20), "f32[1000] takes 4000 bytes, but has"},
		{"not npy", npz(t, member{"w.npy", zip.Store, []byte("hello")}), `tensor "w": not an .npy file`},
		{"shape beyond the data", npz(t, member{"w.npy", zip.Deflate, npy(1, npyHeaderText("<f4", "(1000000000000,)"))}), "takes 4000000000000 bytes"},
		{"shape overflows", npz(t, member{"w.npy", zip.Store, npy(1, npyHeaderText("<f4", "(4294967296, 4294967296)"))}), "address space"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := OpenWeights(write(t, "w.npz", c.file))
			wantError(t, err, c.text)
		})
	}
	// These show only when the array is asked for.
	for _, c := range []struct {
		name string
		file []byte
		text string
	}{
		{"wrong checksum", edit(deflated, 16, 1, 2, 3, 4), "checksum"},
		{"shorter than it claims", deflatedShort(t), "cut off: f32[1000] takes 4000 bytes"},
		{"compression", edit(deflated, 10, 12), "compression method 12 is not supported"},
		{"Fortran order", npz(t, member{"w.npy", zip.Store, npy(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", 0, 0, 0, 0)}), "Fortran order"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := must(OpenWeights(write(t, "w.npz", c.file)))(t)
			defer w.Close()
			_, err := w.Tensor("w").Array()
			wantError(t, err, c.text)
		})
	}
}

// deflatedShort has 1000 bytes less than its header and its directory say.
func deflatedShort(t testing.TB) []byte {
	full := npy(1, npyHeaderText("<f4", "(1000,)"), make([]byte, 4000)...)
	file := npz(t, member{"w.npy", zip.Deflate, full[:len(full)-1000]})
	return edit(file, 24, binary.LittleEndian.AppendUint32(nil, uint32(len(full)))...)
}

// A small file that claims much costs little.
func TestHostileMemory(t *testing.T) {
	bomb := npz(t, member{"w.npy", zip.Deflate, npy(1, npyHeaderText("<f4", "(16777216,)"), make([]byte, 64<<20)...)})
	files := [][]byte{
		npz(t, member{"w.npy", zip.Deflate, npy(1, npyHeaderText("<f4", "(1000000000000,)"))}),
		npz(t, member{"w.npy", zip.Store, npy(2, npyHeaderText("<f4", strings.Repeat("1,", 30000)))}),
		bomb, // right, but not asked for
		safetensors(`{"w":{"dtype":"F32","shape":[` + strings.Repeat("1,", 1<<20) + `1],"data_offsets":[0,4]}}`),
	}
	for i, f := range files {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = parseWeights("w", &memory{bytes: f})
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > uint64(8*len(f)+1<<20) {
			t.Errorf("file %d of %d bytes: %d bytes were allocated", i, len(f), n)
		}
	}
}
