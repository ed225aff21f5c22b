// Package repack writes checkpoints: those of others quantised, cast, as another kind of file,
// and in shards, and those whose tensors are made.
package repack

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/internal/quant"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// Options say what a checkpoint becomes.
type Options struct {
	Output   string             // the file: .safetensors or .gguf
	Quantise *quant.Codec       // how matrices are quantised; nil: they are not
	Only     []string           // patterns of path.Match: which are; none: those of two axes named *.weight
	Wanted   map[string]ir.Type // what a model has as quantised tensors, in place of Quantise
	Cast     runtime.DType      // what other floats become; 0: they stay as they are
	Shard    int64              // the bytes that a file's tensors have at most, unless it has one; 0: all are in one
}

// A Job is a checkpoint that is to be written.
type Job struct {
	weights *runtime.Weights // nil: its tensors are made
	source  string           // the file of weights
	options Options
	steps   []*step
}

// A step is what becomes of a tensor.
type step struct {
	*runtime.Tensor               // without data where it is made
	made            *Made         // nil: it is read
	codec           *quant.Codec  // that quantises it; nil: none does
	cast            runtime.DType // that it is cast to, or made in; 0: it is copied, or quantised
	kept            string        // why it is not quantised
}

// Plan says what becomes of the tensors of a checkpoint, whose file is source.
func Plan(source string, w *runtime.Weights, o Options) (*Job, error) {
	j := &Job{weights: w, source: source, options: o}
	if w.Packed() {
		return nil, fmt.Errorf("%s is packed for a model: give the checkpoint that it was packed from", source)
	}
	for _, pattern := range o.Only {
		if err := j.matches(pattern); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Wanted)) {
		if err := j.canBe(name, o.Wanted[name]); err != nil {
			return nil, err
		}
	}
	for _, name := range w.Names() {
		s := &step{Tensor: w.Tensor(name)}
		if s.codec, s.kept = j.codec(s.Tensor); s.codec == nil && floats(s.Tensor) && s.DType != o.Cast && !j.scales(name) {
			s.cast = o.Cast
		}
		if err := j.check(s); err != nil {
			return nil, &runtime.WeightError{File: source, Tensor: name, Err: err}
		}
		j.steps = append(j.steps, s)
	}
	if o.Quantise != nil && !j.quantises() {
		return nil, fmt.Errorf("%s: no tensor can be %s%s", source, o.Quantise.DType, j.first())
	}
	return j, nil
}

// gguf reports whether the output is GGUF, and not safetensors.
func (j *Job) gguf() bool { return filepath.Ext(j.options.Output) == ".gguf" }

// matches refuses a pattern that is none, or that no tensor matches.
func (j *Job) matches(pattern string) error {
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("%q is no pattern", pattern)
	}
	if !slices.ContainsFunc(j.weights.Names(), func(name string) bool { return match(pattern, name) }) {
		return fmt.Errorf("%s: no tensor matches %q", j.source, pattern)
	}
	return nil
}

func match(pattern, name string) bool {
	ok, _ := path.Match(pattern, name)
	return ok
}

// canBe refuses a tensor that cannot be what a model wants of it.
func (j *Job) canBe(name string, want ir.Type) error {
	t := j.weights.Tensor(name)
	if t == nil {
		return &runtime.WeightError{File: j.source, Tensor: name, Err: fmt.Errorf("is not there, want %s", want)}
	}
	shape := make([]int, len(want.Shape))
	for i, s := range want.Shape {
		n, _ := s.Int() // sizes of params are constants
		shape[i] = int(n)
	}
	if floats(t) && !slices.Equal(t.Shape, shape) {
		return &runtime.WeightError{File: j.source, Tensor: name, Err: fmt.Errorf("%s, want %s", t, want)}
	}
	return nil
}

// codec is what quantises a tensor, or why none does.
func (j *Job) codec(t *runtime.Tensor) (c *quant.Codec, kept string) {
	o := &j.options
	c = o.Quantise
	if o.Wanted != nil {
		want, ok := o.Wanted[t.Name]
		if !ok {
			return nil, "the model does not have it quantised"
		}
		c = quant.Of(want.DType)
	}
	if c == nil {
		return nil, ""
	}
	last := 0
	if n := len(t.Shape); n > 0 {
		last = t.Shape[n-1]
	}
	chosen := len(o.Only) == 0 && o.Wanted == nil // by us
	only := func(pattern string) bool { return match(pattern, t.Name) }
	switch {
	case t.Blocks() != nil && o.Cast == 0:
		return nil, "quantised already"
	case !floats(t):
		return nil, "no floats"
	case j.scales(t.Name):
		return nil, "part of a quantised tensor"
	case len(o.Only) > 0 && !slices.ContainsFunc(o.Only, only):
		return nil, "not in --only"
	case len(t.Shape) < 2:
		return nil, "no matrix"
	case slices.Contains(t.Shape, 0):
		return nil, "no elements"
	case chosen && t.Name != "weight" && !strings.HasSuffix(t.Name, ".weight"):
		return nil, "not named *.weight"
	case chosen && len(t.Shape) > 2:
		return nil, fmt.Sprintf("%d axes", len(t.Shape))
	case last%c.Group != 0:
		return nil, fmt.Sprintf("rows of %d elements, no multiple of %d", last, c.Group)
	}
	return c, ""
}

// floats reports whether a tensor is of floats, or of what decodes to floats.
func floats(t *runtime.Tensor) bool {
	if t.Blocks() != nil {
		return decoder(t) != nil
	}
	return slices.Contains([]runtime.DType{runtime.F64, runtime.F32, runtime.F16, runtime.BF16}, t.DType)
}

// scales reports whether a tensor has the scales or biases of one that MLX has quantised.
func (j *Job) scales(name string) bool {
	of, ok := strings.CutSuffix(name, ".scales")
	if !ok {
		of, ok = strings.CutSuffix(name, ".biases")
	}
	t := j.weights.Tensor(of + ".weight")
	return ok && t != nil && t.DType == runtime.U32
}

// decoder is the codec of a tensor in blocks; nil where there is none.
func decoder(t *runtime.Tensor) *quant.Codec {
	if t.Blocks() == nil {
		return nil
	}
	return quant.OfGGUF(t.DTypeName())
}

// check refuses what the output cannot have.
func (j *Job) check(s *step) error {
	switch {
	case s.codec != nil && !s.codec.Encodes():
		return fmt.Errorf("%s is read, but not made", s.codec.DType)
	case s.codec != nil && s.codec.GGUF != "" && !j.gguf():
		return fmt.Errorf("%s is a format of GGUF: the output is to be .gguf", s.codec.DType)
	case s.codec != nil && s.codec.GGUF == "" && j.gguf():
		return fmt.Errorf("%s is a format of MLX: the output is to be .safetensors", s.codec.DType)
	case s.Blocks() == nil || s.codec != nil || s.cast != 0:
		return nil
	case j.options.Cast != 0:
		return fmt.Errorf("%s is not decoded", s.DTypeName())
	case !j.gguf():
		return fmt.Errorf("safetensors have no %s: --cast f16 decodes it", s.DTypeName())
	}
	return nil
}

// first is why the first matrix is not quantised, for a message.
func (j *Job) first() string {
	for _, s := range j.steps {
		if len(s.Shape) >= 2 {
			return fmt.Sprintf(", such as %s: %s", s.Name, s.kept)
		}
	}
	return ""
}

// to is the dtype that the tensor becomes.
func (s *step) to() string {
	switch {
	case s.codec != nil && s.codec.GGUF != "":
		return s.codec.GGUF
	case s.codec != nil:
		return s.codec.DType.String()
	case s.cast != 0:
		return s.cast.String()
	}
	return s.DTypeName()
}

// elements is how many the tensor has.
func (s *step) elements() int {
	n := 1
	for _, m := range s.Shape {
		n *= m
	}
	return n
}

// plane is how many bytes n of the elements take in a part of what the tensor becomes; where
// it is copied, its bytes are the elements.
func (s *step) plane(i, n int) int {
	switch {
	case s.codec != nil:
		return s.codec.Bytes(i, n)
	case s.cast != 0:
		return n * s.cast.Size()
	}
	return n
}

// specs are the tensors that the tensor becomes.
func (s *step) specs() []runtime.TensorSpec {
	if s.codec == nil || s.codec.GGUF != "" {
		return []runtime.TensorSpec{{Name: s.Name, Type: s.to(), Shape: s.Shape}}
	}
	var specs []runtime.TensorSpec
	for _, p := range s.codec.Planes {
		shape := slices.Clone(s.Shape)
		last := &shape[len(shape)-1]
		*last = *last / p.Elems * p.Units
		specs = append(specs, runtime.TensorSpec{Name: p.Path(s.Name), Type: p.DType.String(), Shape: shape})
	}
	return specs
}

// bytes is what the tensor takes in the output.
func (s *step) bytes() int64 {
	if s.copied() {
		return int64(s.Size())
	}
	all := int64(0)
	for i := range s.specs() {
		all += int64(s.plane(i, s.elements()))
	}
	return all
}

func (s *step) copied() bool { return s.codec == nil && s.cast == 0 }

// errs reports whether the tensor becomes other than it was.
func (s *step) errs() bool { return s.codec != nil || s.made == nil && s.cast != 0 }

// quantises reports whether any tensor is quantised.
func (j *Job) quantises() bool {
	return slices.ContainsFunc(j.steps, func(s *step) bool { return s.codec != nil })
}
