package runtime

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxRatio is the most that deflate can make of one byte, a little rounded up.
const maxRatio = 1032

// parseNPZ reads a zip archive of .npy files. Stored members are used in place;
// compressed ones are inflated, to no more than their .npy header asks for.
func parseNPZ(data []byte) ([]*Tensor, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("not an .npz file, or cut off: %w", err)
	}
	var tensors []*Tensor
	var spans [][2]int64
	budget := int64(len(data)) * maxRatio
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			continue
		}
		t, err := npzMember(data, f, &spans, &budget)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		t.Name = name
		tensors = append(tensors, t)
	}
	return tensors, nil
}

func npzMember(data []byte, f *zip.File, spans *[][2]int64, budget *int64) (*Tensor, error) {
	from, err := f.DataOffset()
	if err != nil {
		return nil, err
	}
	to := from + int64(f.CompressedSize64)
	if to < from || to > int64(len(data)) {
		return nil, fmt.Errorf("bytes %d to %d of %d", from, to, len(data))
	}
	for _, s := range *spans {
		if from < s[1] && s[0] < to {
			return nil, errors.New("overlaps another")
		}
	}
	*spans = append(*spans, [2]int64{from, to})
	if f.Method == zip.Store {
		if f.CompressedSize64 != f.UncompressedSize64 {
			return nil, fmt.Errorf("stored with sizes %d and %d", f.CompressedSize64, f.UncompressedSize64)
		}
		t, shape, body, err := parseNPY(data[from:to:to])
		return &Tensor{DType: t, Shape: shape, data: body}, err
	}
	limit := min(*budget, int64(f.CompressedSize64)*maxRatio)
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	a, err := ReadNPY(r, limit)
	if err != nil {
		return nil, err
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != nil && err != io.EOF {
		return nil, fmt.Errorf("more data than %s, or a wrong checksum", a)
	}
	*budget -= int64(len(a.data))
	return &Tensor{DType: a.dtype, Shape: a.shape, data: a.data, owner: a}, nil
}
