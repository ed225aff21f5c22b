package onnx

import (
	"slices"

	"github.com/mlxc/mlxc/frontend/onnx/pb"
)

// dense is a sparse tensor with its zeros. Its places are flat indices, [N], or one for
// each axis, [N, rank].
func (im *importer) dense(t *pb.SparseTensor) *Constant {
	if t.Values == nil || t.Indices == nil {
		fail("a sparse tensor has no values or no indices")
	}
	values, places := im.constant(t.Values), im.constant(t.Indices)
	what := "sparse tensor " + t.Values.GetName()
	total := int64(1)
	out := &Constant{DType: values.DType}
	for _, d := range t.Dims {
		if d < 0 || d > 0 && total > maxDense/d {
			fail("%s: shape %v is not possible, or too large", what, t.Dims)
		}
		total *= d
		out.Shape = append(out.Shape, int(d))
	}
	count := values.Len()
	flat := slices.Equal(places.Shape, []int{count})
	if places.DType.String() != "i64" || !flat && !slices.Equal(places.Shape, []int{count, len(t.Dims)}) {
		fail("%s: the indices are %s%v for %d values", what, places.DType, places.Shape, count)
	}
	size := values.DType.Size()
	out.Bytes = make([]byte, total*int64(size))
	at := places.Tensor().I
	for i := range count {
		n := at[min(i, len(at)-1)]
		if !flat {
			n = 0
			for a, d := range t.Dims {
				k := at[i*len(t.Dims)+a]
				if k < 0 || k >= d {
					n = -1
					break
				}
				n = n*d + k
			}
		}
		if n < 0 || n >= total {
			fail("%s: an index is outside of %v", what, t.Dims)
		}
		copy(out.Bytes[n*int64(size):], values.Bytes[i*size:(i+1)*size])
	}
	return out
}

// maxDense is how many elements a sparse tensor may have when it is unfolded.
const maxDense = 1 << 28
