package runtime

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"
)

// maxSafetensorsHeader is the longest header that the format allows.
const maxSafetensorsHeader = 100_000_000

// parseSafetensors reads the format of https://github.com/huggingface/safetensors:
// the length of a header in 8 bytes, the header in JSON, then the bytes of all
// tensors without gap or overlap. meta is what the header says of the file as a whole.
func parseSafetensors(file []byte) (tensors []*Tensor, meta map[string][]byte, err error) {
	if len(file) < 8 {
		return nil, nil, errors.New("not a safetensors file: shorter than 8 bytes")
	}
	n, file := binary.LittleEndian.Uint64(file), file[8:]
	switch {
	case n > maxSafetensorsHeader:
		return nil, nil, fmt.Errorf("not a safetensors file: a header of %d bytes, the format allows %d", n, maxSafetensorsHeader)
	case n > uint64(len(file)):
		return nil, nil, fmt.Errorf("not a safetensors file, or cut off: a header of %d bytes, %d are left", n, len(file))
	}
	stored, meta, err := parseSafetensorsHeader(file[:n])
	if err != nil {
		return nil, nil, err
	}
	tensors, err = placeSafetensors(stored, file[n:])
	return tensors, meta, err
}

// A storedTensor is an entry of the header.
type storedTensor struct {
	name, dtype string
	shape       []int
	offsets     []uint64 // first byte, and the one after the last
}

// placeSafetensors checks that the tensors cover the data.
func placeSafetensors(stored []storedTensor, data []byte) ([]*Tensor, error) {
	slices.SortStableFunc(stored, func(a, b storedTensor) int { return slices.Compare(a.offsets, b.offsets) })
	var tensors []*Tensor
	end := uint64(0)
	for _, s := range stored {
		fail := func(format string, args ...any) ([]*Tensor, error) {
			return nil, &WeightError{Tensor: s.name, Err: fmt.Errorf(format, args...)}
		}
		from, to := s.offsets[0], s.offsets[1]
		switch {
		case from > to:
			return fail("ends at byte %d, before it begins at %d", to, from)
		case to > uint64(len(data)):
			return fail("ends at byte %d, but the file has %d bytes of data", to, len(data))
		case from < end:
			return fail("begins at byte %d, within another tensor, which ends at %d", from, end)
		case from > end:
			return fail("begins at byte %d, but the tensor before it ends at %d", from, end)
		}
		end = to
		t := &Tensor{Name: s.name, Shape: s.shape, data: data[from:to:to]}
		tensors = append(tensors, t)
		t.DType = findDType(func(d dtypeInfo) bool { return d.safetensors == s.dtype })
		if t.DType == 0 {
			t.stored = s.dtype
			t.problem = fmt.Errorf("dtype %s is not supported", quote(s.dtype))
			continue
		}
		size, err := byteSize(t.DType, t.Shape)
		if err != nil {
			return fail("%w", err)
		}
		if size != len(t.data) {
			return fail("%s takes %d bytes, but has %d", t, size, len(t.data))
		}
	}
	if end != uint64(len(data)) {
		return nil, fmt.Errorf("%d bytes of data after the last tensor", uint64(len(data))-end)
	}
	return tensors, nil
}

// parseSafetensorsHeader reads the header token by token: a JSON decoder would let
// the last of equal names win, and take memory for whatever a list holds.
func parseSafetensorsHeader(text []byte) (stored []storedTensor, meta map[string][]byte, err error) {
	if !utf8.Valid(text) {
		return nil, nil, errors.New("the header is not UTF-8")
	}
	p := headerParser{json.NewDecoder(bytes.NewReader(text))}
	p.UseNumber()
	meta = map[string][]byte{}
	err = p.object(func(name string) error {
		if name == "__metadata__" {
			return p.objectOrNull(func(key string) error { // MLX writes null
				text, err := p.string()
				meta[key] = []byte(text)
				return err
			})
		}
		s, err := p.tensor()
		if err != nil {
			return &WeightError{Tensor: name, Err: err}
		}
		s.name = name
		stored = append(stored, s)
		return nil
	})
	var tensor *WeightError
	if errors.As(err, &tensor) {
		return nil, nil, err
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the header is not valid: %w", err)
	}
	if _, err := p.Token(); err != io.EOF {
		return nil, nil, errors.New("the header goes on after its end")
	}
	return stored, meta, nil
}

// A headerParser reads JSON values of the kinds that a header has.
type headerParser struct{ *json.Decoder }

func (p headerParser) next() (json.Token, error) {
	t, err := p.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return t, err
}

// object reads an object; value reads the value of each key.
func (p headerParser) object(value func(key string) error) error {
	if err := p.delim('{'); err != nil {
		return err
	}
	return p.rest(value)
}

// objectOrNull is object, or null, which has no keys.
func (p headerParser) objectOrNull(value func(key string) error) error {
	switch t, err := p.next(); {
	case err != nil:
		return err
	case t == nil:
		return nil
	case t != json.Delim('{'):
		return fmt.Errorf("%v where { should be", t)
	}
	return p.rest(value)
}

// rest reads an object from behind its {.
func (p headerParser) rest(value func(key string) error) error {
	for p.More() {
		key, err := p.string()
		if err != nil {
			return err
		}
		if err := value(key); err != nil {
			return err
		}
	}
	return p.delim('}')
}

// numbers reads a list of at most so many numbers that are not negative.
func (p headerParser) numbers(most int) ([]uint64, error) {
	if err := p.delim('['); err != nil {
		return nil, err
	}
	list := []uint64{}
	for p.More() {
		t, err := p.next()
		if err != nil {
			return nil, err
		}
		text, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("%v where a number should be", t)
		}
		n, err := strconv.ParseUint(text.String(), 10, 63)
		if err != nil {
			return nil, fmt.Errorf("%s is no size", quote(text.String()))
		}
		if len(list) == most {
			return nil, fmt.Errorf("more than %d numbers in a list", most)
		}
		list = append(list, n)
	}
	return list, p.delim(']')
}

func (p headerParser) string() (string, error) {
	t, err := p.next()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("%v where a string should be", t)
	}
	return s, nil
}

func (p headerParser) delim(want json.Delim) error {
	t, err := p.next()
	if err != nil {
		return err
	}
	if t != want {
		return fmt.Errorf("%v where %v should be", t, want)
	}
	return nil
}

// tensor reads {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}.
func (p headerParser) tensor() (storedTensor, error) {
	var s storedTensor
	var shape []uint64
	seen := map[string]bool{}
	err := p.object(func(key string) (err error) {
		if seen[key] {
			return fmt.Errorf("has %s twice", quote(key))
		}
		seen[key] = true
		switch key {
		case "dtype":
			s.dtype, err = p.string()
		case "shape":
			shape, err = p.numbers(MaxRank)
		case "data_offsets":
			s.offsets, err = p.numbers(2)
		default:
			err = fmt.Errorf("has the unknown field %s", quote(key))
		}
		return err
	})
	if err == nil && (len(seen) != 3 || len(s.offsets) != 2) {
		err = errors.New("needs dtype, shape and two data_offsets")
	}
	for _, n := range shape {
		s.shape = append(s.shape, int(n))
	}
	return s, err
}
