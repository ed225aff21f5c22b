package repack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/mlxc/mlxc/internal/quant"
	"github.com/mlxc/mlxc/runtime"
)

// chunk is the elements, or the bytes that are copied, that are in memory at a time for each
// thread. It is a multiple of every group.
const chunk = 1 << 18

// A Report says what was written.
type Report struct {
	Files   []string `json:"files"`
	Tensors []Row    `json:"tensors"`
	From    int64    `json:"from_bytes"` // of all tensors
	To      int64    `json:"to_bytes"`
}

// A Row says what became of a tensor.
type Row struct {
	Name      string `json:"name"`
	From      string `json:"from"` // dtypes
	To        string `json:"to"`
	Shape     []int  `json:"shape"`
	FromBytes int64  `json:"from_bytes"` // 0: it was made
	ToBytes   int64  `json:"to_bytes"`
	Error     *Error `json:"error,omitempty"` // nil: it was copied, or made as it is
	Kept      string `json:"kept,omitempty"`  // why it was not quantised, where others are
}

// Run writes the output. Its files are complete or not there: they have other names until all
// are written. Between pieces of tensors ctx is looked at. progress, if not nil, is called with
// the bytes of tensors that are written, and with all.
func (j *Job) Run(ctx context.Context, progress func(done, all int64)) (r *Report, err error) {
	files, parts, err := j.layout()
	if err != nil {
		return nil, err
	}
	r = &Report{Tensors: []Row{}}
	for _, f := range files {
		if j.weights != nil && j.weights.Has(f.name) {
			return nil, fmt.Errorf("%s is the checkpoint that is read", f.name)
		}
		r.Files = append(r.Files, f.name)
	}
	for _, s := range j.steps {
		row := Row{Name: s.Name, From: s.DTypeName(), To: s.to(), Shape: append([]int{}, s.Shape...), FromBytes: int64(s.Size()), ToBytes: s.bytes(), Kept: s.kept}
		r.Tensors = append(r.Tensors, row)
		r.From += row.FromBytes
		r.To += row.ToBytes
	}
	out, err := create(files)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.discard()) }()
	done := int64(0)
	for i, s := range j.steps {
		sum, err := j.write(ctx, s, func(plane, at int, b []byte) error { return out.write(parts[i][plane], at, b) }, func(n int) {
			if done += int64(n); progress != nil {
				progress(done, r.To)
			}
		})
		if err != nil {
			return nil, err
		}
		if s.errs() {
			r.Tensors[i].Error = sum.error()
		}
	}
	return r, out.keep()
}

// write reads or makes a tensor in chunks, and writes what becomes of each to the planes.
// progress is called with the bytes of each chunk.
func (j *Job) write(ctx context.Context, s *step, write func(plane, at int, b []byte) error, progress func(n int)) (sums, error) {
	in, err := j.open(ctx, s)
	if err != nil {
		return sums{}, err
	}
	defer in.close()
	n := s.elements()
	if s.copied() {
		n = len(in.data)
	}
	var mu sync.Mutex
	all := make([]sums, (n+chunk-1)/chunk)
	err = parallel(len(all), func(i int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		lo, hi := i*chunk, min((i+1)*chunk, n)
		planes, err := s.convert(in, lo, hi, &all[i])
		if err != nil {
			return &runtime.WeightError{File: j.source, Tensor: s.Name, Err: err}
		}
		size := 0
		for p, b := range planes {
			if err := write(p, s.plane(p, lo), b); err != nil {
				return err
			}
			size += len(b)
		}
		mu.Lock()
		defer mu.Unlock()
		progress(size)
		return nil
	})
	var sum sums
	for _, s := range all {
		sum.join(s)
	}
	return sum, err
}

// An input is a tensor that is read, or made.
type input struct {
	data   []byte
	dtype  runtime.DType
	blocks *quant.Codec              // that decodes it; nil: it is of dtype
	make   func(at int, x []float64) // makes elements from at on; nil: it is read
	close  func()
}

func (j *Job) open(ctx context.Context, s *step) (*input, error) {
	if s.made != nil {
		fill, err := s.made.Begin(ctx)
		return &input{make: fill, close: func() {}}, err
	}
	// The memory is that of one tensor, and not of the file.
	if b := s.Blocks(); b != nil {
		return &input{data: b, blocks: decoder(s.Tensor), close: s.Forget}, nil
	}
	a, err := s.Array()
	if err != nil {
		return nil, err
	}
	return &input{data: a.Bytes(), dtype: a.DType(), close: func() { s.Forget(); a.Close() }}, nil
}

// floats are elements lo to hi.
func (in *input) floats(lo, hi int) []float64 {
	x := make([]float64, hi-lo)
	if in.make != nil {
		in.make(lo, x)
		return x
	}
	if in.blocks == nil {
		runtime.Floats(in.dtype, in.data[lo*in.dtype.Size():], x)
		return x
	}
	y := make([]float32, hi-lo)
	in.blocks.Decode([][]byte{in.data[in.blocks.Bytes(0, lo):in.blocks.Bytes(0, hi)]}, y)
	for i := range x {
		x[i] = float64(y[i])
	}
	return x
}

// convert is what becomes of elements lo to hi, in planes, and adds up the errors.
func (s *step) convert(in *input, lo, hi int, sum *sums) ([][]byte, error) {
	if s.copied() {
		return [][]byte{in.data[lo:hi]}, nil
	}
	was := in.floats(lo, hi)
	var planes [][]byte
	for i := range s.specs() {
		planes = append(planes, make([]byte, s.plane(i, len(was))))
	}
	if s.codec == nil {
		runtime.PutFloats(s.cast, planes[0], was)
		if !s.errs() {
			return planes, nil
		}
		is := make([]float64, len(was))
		runtime.Floats(s.cast, planes[0], is)
		for i := range is {
			sum.add(was[i], is[i])
		}
		return planes, nil
	}
	x := make([]float32, len(was))
	for i := range x {
		x[i] = float32(was[i])
	}
	if err := s.codec.Encode(x, planes); err != nil {
		return nil, s.locate(err, lo)
	}
	s.codec.Decode(planes, x)
	for i := range x {
		sum.add(was[i], float64(x[i]))
	}
	return planes, nil
}

// locate says which element an error of a codec is about, by its indices.
func (s *step) locate(err error, lo int) error {
	var e *quant.ElementError
	if !errors.As(err, &e) {
		return err
	}
	at, index := lo+e.Index, make([]int, len(s.Shape))
	for i := len(index) - 1; i >= 0; i-- {
		index[i], at = at%s.Shape[i], at/s.Shape[i]
	}
	return fmt.Errorf("element %s %s", strings.ReplaceAll(fmt.Sprint(index), " ", ", "), e.What)
}
