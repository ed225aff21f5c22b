package runtime

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
)

const (
	ggufMagic   = "GGUF"
	ggufRank    = 4  // the most axes that the format allows
	ggufNesting = 16 // of arrays in arrays; the format sets no limit

	ggufAlignKey = "general.alignment"
	ggufAlign    = 32 // where the metadata do not have that key
)

// A ggufType is how a tensor is stored: blocks of so many elements, each in so many
// bytes. Where a block is one element, the type may be one of ours.
type ggufType struct {
	name         string
	block, bytes uint64
	dtype        DType
}

// ggufTypes are those of ggml, by their numbers.
var ggufTypes = map[uint32]ggufType{
	0:  {"F32", 1, 4, F32},
	1:  {"F16", 1, 2, F16},
	2:  {"Q4_0", 32, 18, 0},
	3:  {"Q4_1", 32, 20, 0},
	6:  {"Q5_0", 32, 22, 0},
	7:  {"Q5_1", 32, 24, 0},
	8:  {"Q8_0", 32, 34, 0},
	9:  {"Q8_1", 32, 36, 0},
	10: {"Q2_K", 256, 84, 0},
	11: {"Q3_K", 256, 110, 0},
	12: {"Q4_K", 256, 144, 0},
	13: {"Q5_K", 256, 176, 0},
	14: {"Q6_K", 256, 210, 0},
	15: {"Q8_K", 256, 292, 0},
	16: {"IQ2_XXS", 256, 66, 0},
	17: {"IQ2_XS", 256, 74, 0},
	18: {"IQ3_XXS", 256, 98, 0},
	19: {"IQ1_S", 256, 50, 0},
	20: {"IQ4_NL", 32, 18, 0},
	21: {"IQ3_S", 256, 110, 0},
	22: {"IQ2_S", 256, 82, 0},
	23: {"IQ4_XS", 256, 136, 0},
	24: {"I8", 1, 1, I8},
	25: {"I16", 1, 2, I16},
	26: {"I32", 1, 4, I32},
	27: {"I64", 1, 8, I64},
	28: {"F64", 1, 8, F64},
	29: {"IQ1_M", 256, 56, 0},
	30: {"BF16", 1, 2, BF16},
	34: {"TQ1_0", 256, 54, 0},
	35: {"TQ2_0", 256, 66, 0},
	39: {"MXFP4", 32, 17, 0},
	40: {"NVFP4", 64, 36, 0},
}

// The types of metadata. Those of a fixed size are in ggufSizes.
const (
	ggufUint32 = 4
	ggufBool   = 7
	ggufString = 8
	ggufArray  = 9
)

var ggufSizes = map[uint32]uint64{0: 1, 1: 1, 2: 2, 3: 2, ggufUint32: 4, 5: 4, 6: 4, ggufBool: 1, 10: 8, 11: 8, 12: 8}

// parseGGUF reads https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, version 2
// or 3, little endian: metadata, a list of tensors, and their data, each aligned. Of the
// metadata only the alignment is used; the rest is checked and kept as it is.
func parseGGUF(file []byte) (tensors []*Tensor, meta map[string][]byte, err error) {
	r := ggufReader{file: file}
	if magic, err := r.take(4, "the magic number"); err != nil || string(magic) != ggufMagic {
		return nil, nil, errors.New("not a GGUF file: it does not begin with GGUF")
	}
	version, err := r.uint32("the version")
	switch {
	case err != nil:
		return nil, nil, err
	case version > 0 && version&0xffff == 0:
		return nil, nil, errors.New("a big endian GGUF file; little endian ones are read")
	case version != 2 && version != 3:
		return nil, nil, fmt.Errorf("GGUF version %d; 2 and 3 are read", version)
	}
	count, err := r.uint64("the number of tensors")
	if err != nil {
		return nil, nil, err
	}
	meta, err = r.metadata()
	if err != nil {
		return nil, nil, err
	}
	alignment, err := ggufAlignmentOf(meta)
	if err != nil {
		return nil, nil, err
	}
	var stored []ggufTensor
	for range count { // of at least 24 bytes each
		s, err := r.tensor()
		if err != nil {
			return nil, nil, err
		}
		stored = append(stored, s)
	}
	start := r.at + int(-uint64(r.at)%uint64(alignment))
	tensors, err = placeGGUF(stored, file[min(start, len(file)):], uint64(alignment))
	return tensors, meta, err
}

// A ggufTensor is an entry of the list of tensors, and where its data begin.
type ggufTensor struct {
	*Tensor
	offset uint64
	kind   ggufType
}

// placeGGUF finds the data of the tensors, which do not overlap.
func placeGGUF(stored []ggufTensor, data []byte, alignment uint64) ([]*Tensor, error) {
	slices.SortStableFunc(stored, func(a, b ggufTensor) int { return cmp.Compare(a.offset, b.offset) })
	var tensors []*Tensor
	end := uint64(0)
	for _, s := range stored {
		fail := func(format string, args ...any) ([]*Tensor, error) {
			return nil, &WeightError{Tensor: s.Name, Err: fmt.Errorf(format, args...)}
		}
		tensors = append(tensors, s.Tensor)
		size, err := s.size()
		switch {
		case err != nil:
			return fail("%w", err)
		case s.offset%alignment != 0:
			return fail("begins at byte %d, which is no multiple of the alignment, %d", s.offset, alignment)
		case s.offset > uint64(len(data)) || size > uint64(len(data))-s.offset:
			return fail("%s takes %d bytes at byte %d, but the file has %d bytes of data", s, size, s.offset, len(data))
		case s.offset < end:
			return fail("begins at byte %d, within another tensor, which ends at %d", s.offset, end)
		}
		end = s.offset + size
		s.data = data[s.offset:end:end]
	}
	return tensors, nil
}

// size is the number of bytes of the data; 0 where the type is not known.
func (s ggufTensor) size() (uint64, error) {
	t := s.kind
	if t.block == 0 {
		return 0, nil
	}
	row := uint64(1)
	if n := len(s.Shape); n > 0 {
		row = uint64(s.Shape[n-1])
	}
	if row%t.block != 0 {
		return 0, fmt.Errorf("rows of %d elements, but %s has blocks of %d", row, t.name, t.block)
	}
	n, err := byteSize(I8, s.Shape)
	if err != nil {
		return 0, err
	}
	hi, size := bits.Mul64(uint64(n)/t.block, t.bytes)
	if hi != 0 || size > math.MaxInt {
		return 0, fmt.Errorf("%s: larger than the address space", s)
	}
	return size, nil
}

// A ggufReader reads the file from its beginning. What is read is named for messages.
type ggufReader struct {
	file []byte
	at   int
}

func (r *ggufReader) take(n uint64, what string) ([]byte, error) {
	if left := len(r.file) - r.at; n > uint64(left) {
		return nil, fmt.Errorf("not a GGUF file, or cut off: %s takes %d bytes at byte %d, %d are left", what, n, r.at, left)
	}
	b := r.file[r.at : r.at+int(n)]
	r.at += int(n)
	return b, nil
}

func (r *ggufReader) uint32(what string) (uint32, error) {
	b, err := r.take(4, what)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (r *ggufReader) uint64(what string) (uint64, error) {
	b, err := r.take(8, what)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

func (r *ggufReader) string(what string) ([]byte, error) {
	n, err := r.uint64("the length of " + what)
	if err != nil {
		return nil, err
	}
	return r.take(n, what)
}

// metadata reads pairs of keys and values; those stay as they are, with their types.
func (r *ggufReader) metadata() (map[string][]byte, error) {
	count, err := r.uint64("the number of metadata")
	if err != nil {
		return nil, err
	}
	meta := map[string][]byte{}
	for range count {
		text, err := r.string("a key of the metadata")
		if err != nil {
			return nil, err
		}
		key, from := string(text), r.at
		if meta[key] != nil {
			return nil, fmt.Errorf("the metadata have %s twice", quote(key))
		}
		kind, err := r.uint32("the type of " + quote(key))
		if err != nil {
			return nil, err
		}
		if err := r.values(kind, 1, ggufNesting); err != nil {
			return nil, fmt.Errorf("the metadata %s: %w", quote(key), err)
		}
		meta[key] = r.file[from:r.at:r.at]
	}
	return meta, nil
}

// ggufAlignmentOf is what each tensor's place is a multiple of.
func ggufAlignmentOf(meta map[string][]byte) (uint32, error) {
	value := meta[ggufAlignKey]
	if value == nil {
		return ggufAlign, nil
	}
	if kind := binary.LittleEndian.Uint32(value); kind != ggufUint32 {
		return 0, fmt.Errorf("%s is of type %d, want %d, a uint32", ggufAlignKey, kind, ggufUint32)
	}
	alignment := binary.LittleEndian.Uint32(value[4:])
	if bits.OnesCount32(alignment) != 1 {
		return 0, fmt.Errorf("%s is %d, which is no power of two", ggufAlignKey, alignment)
	}
	return alignment, nil
}

// values passes over n values of a type, with arrays in them nested so deep at most.
func (r *ggufReader) values(kind uint32, n uint64, nesting int) error {
	size, fixed := ggufSizes[kind]
	switch {
	case fixed:
		hi, all := bits.Mul64(n, size)
		if hi != 0 {
			all = math.MaxUint64
		}
		b, err := r.take(all, "a value")
		if err == nil && kind == ggufBool {
			err = (&Array{dtype: Bool, bytes: b}).checkBools()
		}
		return err
	case kind == ggufString:
		for range n {
			if _, err := r.string("a string"); err != nil {
				return err
			}
		}
		return nil
	case kind != ggufArray:
		return fmt.Errorf("there is no type %d", kind)
	case nesting == 0:
		return fmt.Errorf("arrays in arrays, more than %d deep", ggufNesting)
	}
	for range n {
		of, err := r.uint32("the type of an array")
		if err != nil {
			return err
		}
		length, err := r.uint64("the length of an array")
		if err != nil {
			return err
		}
		if err := r.values(of, length, nesting-1); err != nil {
			return err
		}
	}
	return nil
}

// tensor reads a name, sizes from the innermost, a type and an offset.
func (r *ggufReader) tensor() (ggufTensor, error) {
	name, err := r.string("the name of a tensor")
	if err != nil {
		return ggufTensor{}, err
	}
	s := ggufTensor{Tensor: &Tensor{Name: string(name)}}
	if err := r.describe(&s); err != nil {
		return s, &WeightError{Tensor: s.Name, Err: err}
	}
	return s, nil
}

func (r *ggufReader) describe(s *ggufTensor) error {
	rank, err := r.uint32("the number of axes")
	if err != nil {
		return err
	}
	if rank > ggufRank {
		return fmt.Errorf("%d axes, the format allows %d", rank, ggufRank)
	}
	s.Shape = make([]int, rank)
	for i := range s.Shape {
		n, err := r.uint64("a size")
		if err != nil {
			return err
		}
		if n > math.MaxInt {
			return fmt.Errorf("%d is no size", n)
		}
		s.Shape[len(s.Shape)-1-i] = int(n)
	}
	kind, err := r.uint32("the type")
	if err != nil {
		return err
	}
	if s.offset, err = r.uint64("the offset"); err != nil {
		return err
	}
	s.kind = ggufTypes[kind]
	s.DType = s.kind.dtype
	switch {
	case s.kind.block == 0:
		s.stored = fmt.Sprint("type ", kind)
		s.problem = fmt.Errorf("%s is not known", s)
	case s.DType == 0:
		s.stored = s.kind.name
		what := "which is not supported"
		if format := strings.ToLower(s.kind.name); slices.Contains(blockFormats, format) {
			what = "as a param of " + format
		}
		s.problem = fmt.Errorf("%s is quantised, in blocks of %d elements, %s", s, s.kind.block, what)
	}
	return nil
}
