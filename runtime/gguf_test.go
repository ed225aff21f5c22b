package runtime

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// The files are those of scripts/oracles/gguf_files.py, and so is what they hold.
func TestGGUF(t *testing.T) {
	var recorded struct {
		Files map[string]map[string]struct {
			Type   string
			Shape  []int
			Values []float64
		}
	}
	if err := json.Unmarshal(must(os.ReadFile("testdata/gguf/tensors.json"))(t), &recorded); err != nil {
		t.Fatal(err)
	}
	for file, tensors := range recorded.Files {
		w := must(OpenWeights(filepath.Join("testdata/gguf", file)))(t)
		defer w.Close()
		if len(w.Names()) != len(tensors) {
			t.Errorf("%s has %q", file, w.Names())
		}
		for name, want := range tensors {
			found := w.Tensor(name)
			if found == nil || !slices.Equal(found.Shape, want.Shape) {
				t.Errorf("%s: %s is %v, want %v", file, name, found, want.Shape)
				continue
			}
			a, err := found.Array()
			if want.Values == nil {
				wantError(t, err, fmt.Sprintf("%s: tensor %q: %s[2, 256] is quantised, in blocks of", file, name, want.Type))
				continue
			}
			if err != nil || a.owned {
				t.Errorf("%s: %s: %v", file, name, err)
				continue
			}
			if got := elements(t, a); !slices.Equal(got, want.Values) {
				t.Errorf("%s: %s is %v, want %v", file, name, got, want.Values)
			}
		}
	}
}

func elements(t *testing.T, a *Array) []float64 {
	switch a.dtype {
	case I8:
		return floats(must(Data[int8](a))(t))
	case I16:
		return floats(must(Data[int16](a))(t))
	case I32:
		return floats(must(Data[int32](a))(t))
	case I64:
		return floats(must(Data[int64](a))(t))
	case F64:
		return floats(must(Data[float64](a))(t))
	case F32:
		return floats(must(Data[float32](a))(t))
	}
	c := must(convert(a, F32))(t)
	defer c.Close()
	return floats(must(Data[float32](c))(t))
}

func floats[T int8 | int16 | int32 | int64 | float32 | float64](xs []T) []float64 {
	var fs []float64
	for _, x := range xs {
		fs = append(fs, float64(x))
	}
	return fs
}

// A ggufText builds a file by hand.
type ggufText []byte

func (g ggufText) u32(n uint32) ggufText { return binary.LittleEndian.AppendUint32(g, n) }
func (g ggufText) u64(n uint64) ggufText { return binary.LittleEndian.AppendUint64(g, n) }
func (g ggufText) str(s string) ggufText { return append(g.u64(uint64(len(s))), s...) }
func (g ggufText) raw(n int) ggufText    { return append(g, make([]byte, n)...) }
func (g ggufText) pad() ggufText         { return g.raw(-len(g) & 31) }

// tensor lists one with sizes from the innermost.
func (g ggufText) tensor(name string, kind uint32, offset uint64, sizes ...uint64) ggufText {
	g = g.str(name).u32(uint32(len(sizes)))
	for _, n := range sizes {
		g = g.u64(n)
	}
	return g.u32(kind).u64(offset)
}

func gguf(version uint32, tensors, metadata uint64) ggufText {
	return ggufText(ggufMagic).u32(version).u64(tensors).u64(metadata)
}

func TestGGUFByMagic(t *testing.T) {
	file := gguf(2, 1, 0).tensor("w", 0, 0, 2, 3).pad().raw(24)
	for _, name := range []string{"w.gguf", "w.GGUF", "w"} {
		w := must(OpenWeights(write(t, name, file)))(t)
		if got := fmt.Sprint(w.Names(), w.Tensor("w")); got != "[w] f32[3, 2]" {
			t.Errorf("%s has %s", name, got)
		}
		w.Close()
	}
}

func TestHostileGGUF(t *testing.T) {
	alignment := func(n uint32) ggufText { return gguf(3, 0, 1).str("general.alignment").u32(ggufUint32).u32(n) }
	deep := gguf(3, 0, 1).str("k").u32(ggufArray)
	for range 20 {
		deep = deep.u32(ggufArray).u64(1)
	}
	for _, c := range []struct {
		name string
		file ggufText
		text string
	}{
		{"other magic", ggufText("GGML").raw(20), "does not begin with GGUF"},
		{"short", ggufText("GGU"), "does not begin with GGUF"},
		{"no version", ggufText("GGUF"), "cut off: the version takes 4 bytes at byte 4, 0 are left"},
		{"version 1", gguf(1, 0, 0), "GGUF version 1; 2 and 3 are read"},
		{"version 4", gguf(4, 0, 0), "GGUF version 4; 2 and 3 are read"},
		{"big endian", gguf(3<<24, 0, 0), "big endian"},
		{"many metadata", gguf(3, 0, 1<<63), "the length of a key of the metadata takes 8 bytes"},
		{"many tensors", gguf(3, 1<<64-1, 0), "the length of the name of a tensor takes 8 bytes"},
		{"long key", gguf(3, 0, 1).u64(1 << 62), "a key of the metadata takes 4611686018427387904 bytes"},
		{"key twice", gguf(3, 0, 2).str("k").u32(0).raw(1).str("k").u32(0).raw(1), `the metadata have "k" twice`},
		{"unknown value", gguf(3, 0, 1).str("k").u32(13), `the metadata "k": there is no type 13`},
		{"no bool", gguf(3, 0, 1).str("k").u32(ggufBool).str("!!"), "is no bool"},
		{"array beyond the end", gguf(3, 0, 1).str("k").u32(ggufArray).u32(12).u64(1 << 61), "a value takes 18446744073709551615 bytes"},
		{"strings beyond the end", gguf(3, 0, 1).str("k").u32(ggufArray).u32(ggufString).u64(1 << 61), "the length of a string takes 8 bytes"},
		{"arrays in arrays", deep, "more than 16 deep"},
		{"alignment 0", alignment(0), "general.alignment is 0, which is no power of two"},
		{"alignment 48", alignment(48), "general.alignment is 48, which is no power of two"},
		{"alignment of a byte", gguf(3, 0, 1).str("general.alignment").u32(0).raw(1), "general.alignment is of type 0, want 4"},
		{"axes", gguf(3, 1, 0).tensor("w", 0, 0, 1, 1, 1, 1, 1), `tensor "w": 5 axes, the format allows 4`},
		{"size", gguf(3, 1, 0).tensor("w", 0, 0, 1<<63), `tensor "w": 9223372036854775808 is no size`},
		{"larger than memory", gguf(3, 1, 0).tensor("w", 0, 0, 1<<40, 1<<40), `larger than the address space`},
		{"beyond the end", gguf(3, 1, 0).tensor("w", 0, 0, 9).pad().raw(32), `f32[9] takes 36 bytes at byte 0, but the file has 32 bytes of data`},
		{"offset beyond the end", gguf(3, 1, 0).tensor("w", 0, 1<<63, 1).pad().raw(32), `takes 4 bytes at byte 9223372036854775808`},
		{"not aligned", gguf(3, 1, 0).tensor("w", 0, 4, 1).pad().raw(32), `begins at byte 4, which is no multiple of the alignment, 32`},
		{"overlap", gguf(3, 2, 0).tensor("v", 0, 0, 16).tensor("w", 0, 32, 1).pad().raw(64), `tensor "w": begins at byte 32, within another tensor, which ends at 64`},
		{"name twice", gguf(3, 2, 0).tensor("w", 0, 0, 1).tensor("w", 0, 32, 1).pad().raw(64), `tensor "w": is there twice`},
		{"half a block", gguf(3, 1, 0).tensor("w", 12, 0, 128, 2).pad().raw(144), `rows of 128 elements, but Q4_K has blocks of 256`},
		{"blocks beyond the end", gguf(3, 1, 0).tensor("w", 8, 0, 32, 2).pad().raw(64), `Q8_0[2, 32] takes 68 bytes`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := OpenWeights(write(t, "w.gguf", c.file))
			wantError(t, err, c.text)
		})
	}
}

// A type that is not known is no reason not to read the others, or those that are not used.
func TestUnknownTypeOfGGUF(t *testing.T) {
	w := must(OpenWeights(write(t, "w.gguf", gguf(3, 2, 0).tensor("v", 99, 0, 4).tensor("w", 0, 32, 1).pad().raw(36))))(t)
	defer w.Close()
	if _, err := w.Tensor("w").Array(); err != nil {
		t.Error(err)
	}
	_, err := w.Tensor("v").Array()
	wantError(t, err, `tensor "v": type 99[4] is not known`)
}

// What a file claims takes no memory.
func TestGGUFMemory(t *testing.T) {
	file := gguf(3, 1<<60, 1).str("k").u32(ggufArray).u32(ggufString).u64(4).str("a").str("b").str("c").str(strings.Repeat("d", 1<<20)).raw(24)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, err := parseGGUF(file); err == nil {
		t.Error("a file of 2^60 tensors is read")
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("reading took %d bytes", n)
	}
}

func FuzzGGUF(f *testing.F) {
	f.Add([]byte(gguf(3, 0, 0)))
	f.Add([]byte(gguf(2, 2, 1).str("k").u32(ggufArray).u32(ggufArray).u64(1).u32(ggufString).u64(1).str("s").tensor("v", 12, 0, 256).tensor("w", 0, 160, 2, 1).pad().raw(168)))
	f.Add([]byte(gguf(3, 1, 1).str("general.alignment").u32(ggufUint32).u32(8).tensor("w", 99, 8).pad().raw(16)))
	for _, name := range []string{"plain.gguf", "aligned.gguf", "quantised.gguf"} {
		f.Add(must(os.ReadFile(filepath.Join("testdata/gguf", name)))(f))
	}
	f.Fuzz(func(t *testing.T, file []byte) { checkWeights(t, "w.gguf", file) })
}
