package runtime

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
)

// The .npy format of NumPy, versions 1 to 3 (numpy.lib.format), of numbers that
// are little endian, in row-major order.

const npyMagic = "\x93NUMPY"

// maxNPYHeader is far more than NumPy writes for any array without fields.
const maxNPYHeader = 1 << 16

// An npyHeader is what stands before the elements.
type npyHeader struct {
	dtype   DType
	shape   []int
	bytes   int   // of the header itself
	problem error // why the array cannot be used, though the header is well formed
}

// ReadNPY reads an array in NumPy's .npy format and stops behind its last byte.
// limit is the most bytes that r can hold: an array that claims more is an error
// before memory is taken for it.
func ReadNPY(r io.Reader, limit int64) (*Array, error) {
	h, err := readNPYHeader(r)
	if err != nil {
		return nil, err
	}
	if h.problem != nil {
		return nil, h.problem
	}
	if n, err := byteSize(h.dtype, h.shape); err == nil && int64(n) > limit {
		return nil, fmt.Errorf("%s takes %d bytes, but at most %d can follow", typeString(h.dtype, h.shape), n, limit)
	}
	return h.readArray(r)
}

// readArray reads the elements. Memory is touched only as far as they come.
func (h *npyHeader) readArray(r io.Reader) (*Array, error) {
	a, err := NewArray(h.dtype, h.shape...)
	if err != nil {
		return nil, err
	}
	_, err = io.ReadFull(r, a.bytes)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = fmt.Errorf("cut off: %s takes %d bytes", a, len(a.bytes))
	}
	if err == nil {
		err = a.checkBools()
	}
	if err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func readNPYHeader(r io.Reader) (*npyHeader, error) {
	head := make([]byte, 12)
	if _, err := io.ReadFull(r, head[:10]); err != nil || string(head[:6]) != npyMagic {
		return nil, errors.New("not an .npy file")
	}
	n, start := int(binary.LittleEndian.Uint16(head[8:])), 10
	switch version := head[6]; version {
	case 1:
	case 2, 3: // four bytes of length; and text in UTF-8, which makes no difference here
		if _, err := io.ReadFull(r, head[10:]); err != nil {
			return nil, errors.New("cut off in the .npy header")
		}
		n, start = int(binary.LittleEndian.Uint32(head[8:])), 12
	default:
		return nil, fmt.Errorf(".npy version %d is not supported", version)
	}
	if n > maxNPYHeader {
		return nil, fmt.Errorf("an .npy header of %d bytes, at most %d are read", n, maxNPYHeader)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, errors.New("cut off in the .npy header")
	}
	h, err := parseNPYHeader(string(text))
	if err != nil {
		return nil, fmt.Errorf("the .npy header is not valid: %w", err)
	}
	h.bytes = start + n
	return h, nil
}

// parseNPYHeader reads the header, a dictionary in Python's notation:
//
//	{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
//
// descr of arrays with fields is a list, and not read any further.
func parseNPYHeader(text string) (*npyHeader, error) {
	p := pyParser{text}
	h := &npyHeader{}
	var descr string
	var fortran bool
	seen := map[string]bool{}
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	for !p.accept("}") {
		key, err := p.string()
		if err != nil {
			return nil, err
		}
		if seen[key] {
			return nil, fmt.Errorf("%s is there twice", quote(key))
		}
		seen[key] = true
		if err := p.expect(":"); err != nil {
			return nil, err
		}
		switch key {
		case "descr":
			if p.accept("[") {
				h.problem = errors.New("an array with fields is not supported")
				return h, nil
			}
			descr, err = p.string()
		case "fortran_order":
			fortran = p.accept("True")
			if !fortran {
				err = p.expect("False")
			}
		case "shape":
			h.shape, err = p.tuple()
		default:
			err = fmt.Errorf("unknown key %s", quote(key))
		}
		if err != nil {
			return nil, err
		}
		if !p.accept(",") {
			if err := p.expect("}"); err != nil {
				return nil, err
			}
			break
		}
	}
	if len(seen) != 3 {
		return nil, errors.New("descr, fortran_order or shape is missing")
	}
	if p.rest = strings.TrimSpace(p.rest); p.rest != "" {
		return nil, fmt.Errorf("%s after the end", quote(p.rest))
	}
	descr = strings.Replace(descr, "|V2", "<V2", 1)
	h.dtype = findDType(func(d dtypeInfo) bool { return d.npy == descr })
	switch {
	case h.dtype == 0:
		h.problem = fmt.Errorf("dtype %s is not supported", quote(descr))
	case fortran && len(h.shape) > 1:
		h.problem = errors.New("the array is in Fortran order: save numpy.ascontiguousarray(x) instead")
	}
	return h, nil
}

// A pyParser reads the few Python literals that a header has.
type pyParser struct{ rest string }

func (p *pyParser) accept(token string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(p.rest, " \t\n"), token)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *pyParser) expect(token string) error {
	if !p.accept(token) {
		return fmt.Errorf("%s where %s should be", quote(p.rest), token)
	}
	return nil
}

func (p *pyParser) string() (string, error) {
	mark := "'"
	if !p.accept(mark) {
		mark = `"`
		if err := p.expect(mark); err != nil {
			return "", err
		}
	}
	s, rest, ok := strings.Cut(p.rest, mark)
	if !ok || strings.Contains(s, `\`) {
		return "", fmt.Errorf("%s is no plain string", quote(p.rest))
	}
	p.rest = rest
	return s, nil
}

// tuple reads sizes: (), (3,) or (2, 3). Python 2 wrote 3L.
func (p *pyParser) tuple() ([]int, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	shape := []int{}
	for !p.accept(")") {
		p.rest = strings.TrimLeft(p.rest, " \t\n")
		digits := len(p.rest) - len(strings.TrimLeft(p.rest, "0123456789"))
		n, err := strconv.Atoi(p.rest[:digits])
		if err != nil {
			return nil, fmt.Errorf("%s where a size should be", quote(p.rest))
		}
		if len(shape) == MaxRank {
			return nil, fmt.Errorf("more than %d axes", MaxRank)
		}
		shape = append(shape, n)
		p.rest = strings.TrimPrefix(p.rest[digits:], "L")
		if !p.accept(",") {
			return shape, p.expect(")")
		}
	}
	return shape, nil
}

// WriteNPY writes an array in NumPy's .npy format, version 1, with the elements at
// a multiple of 64 bytes. bf16, which NumPy lacks, is written as the package
// ml_dtypes does: two bytes of no meaning (V2).
func WriteNPY(w io.Writer, a *Array) error {
	if a.closed() {
		return fmt.Errorf("array %s: %w", a, ErrClosed)
	}
	if _, err := w.Write(appendNPYHeader(nil, a)); err != nil {
		return err
	}
	_, err := w.Write(a.bytes)
	runtime.KeepAlive(a)
	return err
}

func appendNPYHeader(b []byte, a *Array) []byte {
	var sizes strings.Builder
	for _, n := range a.shape {
		fmt.Fprintf(&sizes, "%d, ", n)
	}
	shape := strings.TrimSuffix(sizes.String(), " ")
	if len(a.shape) > 1 {
		shape = strings.TrimSuffix(shape, ",")
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", dtypes[a.dtype].npy, shape)
	start := len(npyMagic) + 4
	text += strings.Repeat(" ", 63-(start+len(text))%64) + "\n"
	b = append(b, npyMagic+"\x01\x00"...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}
