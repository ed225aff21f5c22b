package runtime

import (
	"bytes"
	"io"
	"math"
	"strings"
	"testing"
)

func TestNPYRoundTrip(t *testing.T) {
	for d := F64; d.valid(); d++ {
		for _, shape := range [][]int{{}, {3}, {0}, {2, 3}, {1, 2, 3, 4, 5}} {
			a := must(NewArray(d, shape...))(t)
			for i := range a.Bytes() {
				a.Bytes()[i] = byte(i)
				if d == Bool {
					a.Bytes()[i] %= 2
				}
			}
			var b bytes.Buffer
			if err := WriteNPY(&b, a); err != nil {
				t.Fatal(err)
			}
			if (b.Len()-len(a.Bytes()))%64 != 0 {
				t.Errorf("the header of %s has %d bytes", a, b.Len()-len(a.Bytes()))
			}
			b.WriteString("next")
			c := must(ReadNPY(&b, int64(b.Len())))(t)
			if a.String() != c.String() || !bytes.Equal(a.Bytes(), c.Bytes()) || b.String() != "next" {
				t.Errorf("%s became %s, %q is left", a, c, b.String())
			}
		}
	}
}

// The bytes that NumPy 2.1 writes for np.save(f, np.array([[1, 2]], np.int16)).
func TestWriteNPYLikeNumPy(t *testing.T) {
	want := "\x93NUMPY\x01\x00v\x00{'descr': '<i2', 'fortran_order': False, 'shape': (1, 2), }" + strings.Repeat(" ", 58) + "\n\x01\x00\x02\x00"
	var b bytes.Buffer
	if err := WriteNPY(&b, must(From([]int16{1, 2}, 1, 2))(t)); err != nil {
		t.Fatal(err)
	}
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
}

func TestReadNPY(t *testing.T) {
	one := []byte{0, 0, 0x80, 0x3f}
	for _, c := range []struct {
		name string
		file []byte
		want string // the type, or part of the error
	}{
		{"version 1", npy(1, npyHeaderText("<f4", "(1,)"), one...), "f32[1]"},
		{"version 2", npy(2, npyHeaderText("<f4", "(1,)"), one...), "f32[1]"},
		{"version 3", npy(3, npyHeaderText("<f4", "(1,)"), one...), "f32[1]"},
		{"other order and spacing", npy(1, "{ \"shape\":( 1L , 1 ),'descr':'<f4',\n'fortran_order' : False}", one...), "f32[1, 1]"},
		{"scalar", npy(1, npyHeaderText("<f4", "()"), one...), "f32"},
		{"Fortran order of a vector", npy(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", one...), "f32[1]"},
		{"bf16", npy(1, npyHeaderText("|V2", "(2,)"), one...), "bf16[2]"},

		{"empty", nil, "not an .npy file"},
		{"no magic", []byte("hello, world"), "not an .npy file"},
		{"version 4", npy(4, ""), "version 4 is not supported"},
		{"cut in the length", npy(2, "")[:10], "cut off in the .npy header"},
		{"cut in the header", npy(1, npyHeaderText("<f4", "(1,)"))[:20], "cut off in the .npy header"},
		{"header of gigabytes", append([]byte(npyMagic), 2, 0, 0, 0, 0, 0xf0), "an .npy header of 4026531840 bytes"},
		{"cut in the data", npy(1, npyHeaderText("<f4", "(1,)"), one[:3]...), "cut off: f32[1] takes 4 bytes"},
		{"more than the file holds", npy(1, npyHeaderText("<f4", "(1000,)"), one...), "f32[1000] takes 4000 bytes, but at most"},
		{"shape overflows", npy(1, npyHeaderText("<f4", "(4294967296, 4294967296)")), "address space"},
		{"size overflows", npy(1, npyHeaderText("<f4", "(99999999999999999999,)")), "where a size should be"},
		{"negative size", npy(1, npyHeaderText("<f4", "(-1,)")), "where a size should be"},
		{"too many axes", npy(1, npyHeaderText("<f4", "("+strings.Repeat("1, ", 17)+")")), "more than 16 axes"},
		{"big endian", npy(1, npyHeaderText(">f4", "(1,)"), one...), `dtype ">f4" is not supported`},
		{"objects", npy(1, npyHeaderText("|O", "(1,)"), one...), `dtype "|O" is not supported`},
		{"fields", npy(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", one...), "fields"},
		{"Fortran order", npy(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", one...), "Fortran order"},
		{"no bool", npy(1, npyHeaderText("|b1", "(4,)"), one...), "no bool"},
		{"key twice", npy(1, "{'descr': '<f4', 'descr': '<f4', 'shape': (1,), }"), `"descr" is there twice`},
		{"key missing", npy(1, "{'descr': '<f4', 'shape': (1,), }"), "is missing"},
		{"unknown key", npy(1, "{'x': '<f4'}"), "unknown key"},
		{"no dictionary", npy(1, "[]"), "where { should be"},
		{"no shape", npy(1, npyHeaderText("<f4", "1")), "where ( should be"},
		{"open tuple", npy(1, npyHeaderText("<f4", "(1, 2")), "where a size should be"},
		{"open string", npy(1, "{'descr"), "no plain string"},
		{"text behind", npy(1, npyHeaderText("<f4", "(1,)")+"x", one...), "after the end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := ReadNPY(bytes.NewReader(c.file), int64(len(c.file)))
			if err != nil {
				wantError(t, err, c.want)
			} else if a.String() != c.want {
				t.Errorf("got %s, want %s", a, c.want)
			}
		})
	}
}

// Without a limit the memory is that of what comes.
func TestReadNPYFromEndlessClaim(t *testing.T) {
	_, err := ReadNPY(io.MultiReader(bytes.NewReader(npy(1, npyHeaderText("<f4", "(1000000000,)"))), strings.NewReader("abcd")), math.MaxInt64)
	if err == nil {
		t.Error("an array of 4 GB from 4 bytes")
	}
}
