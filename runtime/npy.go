package runtime

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The .npy format of NumPy, versions 1 to 3, little-endian and row-major. It is
// read here, and not by a library, because shapes must be checked against the
// true size of the data before memory is taken, and stored data used in place.

const npyMagic = "\x93NUMPY"

// maxNPYHeader is far beyond any header that NumPy writes.
const maxNPYHeader = 1 << 16

var npyTypes = map[string]DType{
	"<f8": F64, "<f4": F32, "<f2": F16, "<i8": I64, "<i4": I32, "<i2": I16, "|i1": I8,
	"<u8": U64, "<u4": U32, "<u2": U16, "|u1": U8, "|b1": Bool,
}

// parseNPY reads an array whose data lies in b, right to its end.
func parseNPY(b []byte) (t DType, shape []int, data []byte, err error) {
	r := bytes.NewReader(b)
	t, shape, err = npyHeader(r)
	if err != nil {
		return 0, nil, nil, err
	}
	data = b[len(b)-r.Len():]
	size, err := byteSize(t, shape)
	if err == nil && size != len(data) {
		err = fmt.Errorf("%s has %d bytes, the file %d", typeText(t, shape), size, len(data))
	}
	return t, shape, data, err
}

// ReadNPY reads one array from a stream. limit is the most bytes that the stream
// can hold; a shape that claims more is an error before memory is taken.
func ReadNPY(r io.Reader, limit int64) (*Array, error) {
	t, shape, err := npyHeader(r)
	if err != nil {
		return nil, err
	}
	size, err := byteSize(t, shape)
	if err != nil {
		return nil, err
	}
	if int64(size) > limit {
		return nil, fmt.Errorf("%s has %d bytes, the file at most %d", typeText(t, shape), size, limit)
	}
	a, err := NewArray(t, shape...)
	if err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(r, a.data); err != nil {
		a.Close()
		return nil, fmt.Errorf("%s is cut off: %w", typeText(t, shape), err)
	}
	return a, nil
}

func npyHeader(r io.Reader) (DType, []int, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:6]) != npyMagic {
		return 0, nil, errors.New("not a .npy file")
	}
	var n uint32
	switch head[6] {
	case 1:
		var short uint16
		if err := binary.Read(r, binary.LittleEndian, &short); err != nil {
			return 0, nil, errors.New("the .npy header is cut off")
		}
		n = uint32(short)
	case 2, 3:
		if err := binary.Read(r, binary.LittleEndian, &n); err != nil {
			return 0, nil, errors.New("the .npy header is cut off")
		}
	default:
		return 0, nil, fmt.Errorf(".npy version %d is not known", head[6])
	}
	if n > maxNPYHeader {
		return 0, nil, fmt.Errorf("a .npy header of %d bytes", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return 0, nil, errors.New("the .npy header is cut off")
	}
	return npyDict(string(text))
}

// npyDict reads {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }.
func npyDict(s string) (t DType, shape []int, err error) {
	bad := fmt.Errorf("the .npy header %.80q is not valid", s)
	s, ok := strings.CutPrefix(strings.TrimSpace(s), "{")
	if !ok || !strings.HasSuffix(s, "}") {
		return 0, nil, bad
	}
	s = strings.TrimSuffix(s, "}")
	seen := map[string]bool{}
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		key, rest, ok := strings.Cut(s, ":")
		key = strings.Trim(strings.TrimSpace(key), `'"`)
		rest = strings.TrimSpace(rest)
		if !ok || seen[key] || rest == "" {
			return 0, nil, bad
		}
		seen[key] = true
		end := strings.IndexByte(rest, ',')
		if rest[0] == '(' {
			end = strings.IndexByte(rest, ')') + 1
		}
		if end <= 0 {
			end = len(rest)
		}
		value := rest[:end]
		s = strings.TrimPrefix(strings.TrimSpace(rest[end:]), ",")
		switch key {
		case "descr":
			name := strings.Trim(value, `'"`)
			if t, ok = npyTypes[name]; !ok {
				return 0, nil, fmt.Errorf("dtype %.20q of the .npy file is not supported", name)
			}
		case "fortran_order":
			if value == "True" {
				return 0, nil, errors.New("the array is in Fortran order: save numpy.ascontiguousarray(x)")
			}
			if value != "False" {
				return 0, nil, bad
			}
		case "shape":
			if shape, err = npyShape(value); err != nil {
				return 0, nil, bad
			}
		default:
			return 0, nil, bad
		}
	}
	if len(seen) != 3 {
		return 0, nil, bad
	}
	return t, shape, nil
}

func npyShape(s string) ([]int, error) {
	shape := []int{}
	s = strings.TrimSuffix(strings.TrimPrefix(s, "("), ")")
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSuffix(part, "L"))
		if err != nil || n < 0 {
			return nil, fmt.Errorf("size %q", part)
		}
		shape = append(shape, n)
	}
	return shape, nil
}

// WriteNPY writes an array in version 1 of the format. NumPy has no bf16: such
// arrays are an error.
func WriteNPY(w io.Writer, a *Array) error {
	descr := ""
	for name, t := range npyTypes {
		if t == a.dtype {
			descr = name
		}
	}
	if descr == "" {
		return fmt.Errorf("%s has no dtype in .npy files", a)
	}
	shape := make([]string, len(a.shape))
	for i, n := range a.shape {
		shape[i] = strconv.Itoa(n)
	}
	sizes := strings.Join(shape, ", ")
	if len(shape) == 1 {
		sizes += ","
	}
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, sizes)
	const before = len(npyMagic) + 4
	head += strings.Repeat(" ", 63-(before+len(head))%64) + "\n" // the data starts at a multiple of 64
	buf := append([]byte(npyMagic+"\x01\x00"), byte(len(head)), byte(len(head)>>8))
	if _, err := w.Write(append(buf, head...)); err != nil {
		return err
	}
	_, err := w.Write(a.data)
	return err
}
