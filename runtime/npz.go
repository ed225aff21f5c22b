package runtime

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxDeflate is the most bytes that one byte of deflate can stand for: 258 bytes
// take no less than two bits.
const maxDeflate = 1032

// parseNPZ reads NumPy's .npz format: a zip archive of .npy files. Others in the
// archive are ignored. What is stored is used where it lies; what is compressed is
// inflated when its array is asked for.
func parseNPZ(file []byte) ([]*Tensor, error) {
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, fmt.Errorf("not an .npz file, or cut off: %w", err)
	}
	if err := checkOverlap(z.File, len(file)); err != nil {
		return nil, err
	}
	var tensors []*Tensor
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			continue
		}
		t, err := parseNPZMember(file, f)
		if err != nil {
			return nil, &WeightError{Tensor: name, Err: err}
		}
		t.Name = name
		tensors = append(tensors, t)
	}
	return tensors, nil
}

// checkOverlap refuses members that share bytes, by which a small archive seems
// large, or that lie beyond the end.
func checkOverlap(files []*zip.File, size int) error {
	type span struct {
		name     string
		from, to uint64
	}
	var spans []span
	for _, f := range files {
		from, err := f.DataOffset()
		if err != nil {
			return &WeightError{Tensor: f.Name, Err: err}
		}
		s := span{f.Name, uint64(from), uint64(from) + f.CompressedSize64}
		if s.to > uint64(size) || s.to < s.from {
			return &WeightError{Tensor: f.Name, Err: fmt.Errorf("takes %d bytes at byte %d of a file of %d", f.CompressedSize64, from, size)}
		}
		spans = append(spans, s)
	}
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for i, s := range spans {
		if i > 0 && s.from < spans[i-1].to {
			return &WeightError{Tensor: s.name, Err: fmt.Errorf("overlaps %s", quote(spans[i-1].name))}
		}
	}
	return nil
}

func parseNPZMember(file []byte, f *zip.File) (*Tensor, error) {
	if f.Method != zip.Store && f.Method != zip.Deflate {
		return &Tensor{problem: fmt.Errorf("compression method %d is not supported", f.Method)}, nil
	}
	if f.UncompressedSize64/maxDeflate > f.CompressedSize64 || f.Method == zip.Store && f.UncompressedSize64 != f.CompressedSize64 {
		return nil, fmt.Errorf("claims %d bytes, but %d stored ones cannot hold them", f.UncompressedSize64, f.CompressedSize64)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h, err := readNPYHeader(r)
	if err != nil {
		return nil, err
	}
	t := &Tensor{DType: h.dtype, Shape: h.shape, problem: h.problem}
	if t.DType == 0 {
		return t, nil
	}
	size, err := byteSize(h.dtype, h.shape)
	if err != nil {
		return nil, err
	}
	if have := f.UncompressedSize64 - uint64(h.bytes); have != uint64(size) {
		return nil, fmt.Errorf("%s takes %d bytes, but has %d", t, size, have)
	}
	if f.Method == zip.Deflate {
		t.inflate = func() (*Array, error) { return inflateNPY(f) }
		return t, nil
	}
	from, err := f.DataOffset()
	if err != nil {
		return nil, err
	}
	end := from + int64(f.CompressedSize64)
	t.data = file[from+int64(h.bytes) : end : end]
	return t, nil
}

// inflateNPY reads a compressed member and checks its length and checksum.
func inflateNPY(f *zip.File) (*Array, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h, err := readNPYHeader(r)
	if err != nil {
		return nil, err
	}
	a, err := h.readArray(r)
	if err != nil {
		return nil, err
	}
	_, err = io.ReadFull(r, make([]byte, 1)) // the end, where the checksum is compared
	if err == io.EOF {
		return a, nil
	}
	a.Close()
	return nil, cmp.Or(err, errors.New("goes on after its end"))
}

// WriteNPZ writes arrays under names as an .npz file, not compressed, so that it
// can be mapped.
func WriteNPZ(w io.Writer, names []string, arrays []*Array) error {
	z := zip.NewWriter(w)
	for i, a := range arrays {
		f, err := z.CreateHeader(&zip.FileHeader{Name: names[i] + ".npy", Method: zip.Store})
		if err != nil {
			return err
		}
		if err := WriteNPY(f, a); err != nil {
			return err
		}
	}
	return z.Close()
}
