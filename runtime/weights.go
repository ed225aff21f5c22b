package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// Weights are the tensors of a checkpoint, which is mapped and only read.
type Weights struct {
	file    string
	format  string // the end of its name, without the dot
	mem     *memory
	tensors []*Tensor  // sorted by name
	shards  []*Weights // of an index
	meta    map[string][]byte
}

// A Tensor is one tensor of a checkpoint.
type Tensor struct {
	Name  string
	DType DType // 0 where the file's dtype is none of ours
	Shape []int

	weights *Weights
	stored  string // what the file calls a dtype that is none of ours
	data    []byte
	inflate func() (*Array, error) // where the data is compressed
	problem error                  // why the tensor cannot be used, though the file is well formed
}

// OpenWeights maps a checkpoint. The end of its name, .safetensors, .npz or .gguf, says
// the format, or else its first bytes do. .index.json is a list of shards, as of
// model.safetensors.index.json, that lie beside it. All that the file claims is checked
// against its true size before memory is taken for it. An error is a *WeightError.
//
// The file must not become shorter while it is mapped.
func OpenWeights(path string) (*Weights, error) {
	mem, err := mapFile(path)
	if err != nil {
		return nil, &WeightError{File: path, Err: withoutPath(err)}
	}
	parse := parseWeights
	if isIndex(path) {
		parse = openShards
	}
	w, err := parse(path, mem)
	if err != nil {
		return nil, errors.Join(err, mem.free())
	}
	return w, nil
}

// withoutPath is an error whose message does not name the file once more.
func withoutPath(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

func mapFile(path string) (*memory, error) {
	info, err := os.Stat(path) // before opening, which would wait for a pipe
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	b, err := cpu.MapFile(f, int(info.Size()))
	if err != nil {
		return nil, err
	}
	return mappedMemory(b), nil
}

// A parser lists the tensors of a file, and what it says of itself.
type parser func(file []byte) (tensors []*Tensor, meta map[string][]byte, err error)

// A format is a kind of checkpoint: how names end, and how files begin.
type format struct {
	ext, magic string
	parse      parser
}

var formats = []format{
	{".npz", "PK", func(file []byte) ([]*Tensor, map[string][]byte, error) {
		tensors, err := parseNPZ(file)
		return tensors, nil, err
	}},
	{".gguf", ggufMagic, parseGGUF},
	{".safetensors", "", parseSafetensors}, // begins with a length, which may be any
}

// formatOf is that of a file of that name.
func formatOf(name string, file []byte) format {
	ext := strings.ToLower(filepath.Ext(name))
	for _, f := range formats {
		if f.ext == ext {
			return f
		}
	}
	i := slices.IndexFunc(formats, func(f format) bool { return bytes.HasPrefix(file, []byte(f.magic)) })
	return formats[i] // the last begins like any file
}

// parseWeights lists the tensors of a checkpoint in memory.
func parseWeights(name string, mem *memory) (*Weights, error) {
	if len(mem.bytes) == 0 {
		return nil, &WeightError{File: name, Err: errors.New("empty file")}
	}
	f := formatOf(name, mem.bytes)
	tensors, meta, err := f.parse(mem.bytes)
	if err != nil {
		return nil, inFile(name, err)
	}
	slices.SortFunc(tensors, func(a, b *Tensor) int { return strings.Compare(a.Name, b.Name) })
	w := &Weights{file: name, format: f.ext[1:], mem: mem, tensors: tensors, meta: meta}
	for i, t := range tensors {
		t.weights = w
		if i > 0 && tensors[i-1].Name == t.Name {
			return nil, &WeightError{File: name, Tensor: t.Name, Err: errors.New("is there twice")}
		}
	}
	return w, nil
}

// inFile gives an error the name of the file.
func inFile(name string, err error) error {
	e, ok := err.(*WeightError)
	if !ok {
		e = &WeightError{Err: err}
	}
	e.File = name
	return e
}

// Packed reports whether the file is what Pack has written.
func (w *Weights) Packed() bool { return len(w.meta[packKey]) > 0 }

// Format is that of the file, or of the first of its shards: safetensors, npz or gguf.
func (w *Weights) Format() string {
	if len(w.shards) > 0 {
		return w.shards[0].format
	}
	return w.format
}

// Metadata is what the file says of itself, or the first of its shards: texts in
// safetensors; in GGUF each value as it stands in the file, with its type in 4 bytes before
// it. Values of GGUF are in the checkpoint's memory.
func (w *Weights) Metadata() map[string][]byte {
	if len(w.shards) > 0 {
		return w.shards[0].meta
	}
	return w.meta
}

// Has reports whether the file at a path is one of the checkpoint's.
func (w *Weights) Has(path string) bool {
	at, err := os.Stat(path)
	return err == nil && slices.ContainsFunc(w.files(), func(f *Weights) bool {
		from, err := os.Stat(f.file)
		return err == nil && os.SameFile(from, at)
	})
}

// Names lists the tensors, sorted.
func (w *Weights) Names() []string {
	names := make([]string, len(w.tensors))
	for i, t := range w.tensors {
		names[i] = t.Name
	}
	return names
}

// Tensor finds a tensor by name; nil if there is none.
func (w *Weights) Tensor(name string) *Tensor {
	i, ok := slices.BinarySearchFunc(w.tensors, name, func(t *Tensor, name string) int { return strings.Compare(t.Name, name) })
	if !ok {
		return nil
	}
	return w.tensors[i]
}

// String is the tensor's type: f32[2, 10], or Q4_K[2, 256] with the file's own name of a
// dtype that is none of ours.
func (t *Tensor) String() string { return t.DTypeName() + sizesString(t.Shape) }

// DTypeName is the dtype as the language writes it, or as the file does where it is none
// of ours: Q4_K.
func (t *Tensor) DTypeName() string {
	if t.stored != "" {
		return t.stored
	}
	return t.DType.String()
}

// Size is the bytes of the tensor's data, inflated; 0 where the file does not say.
func (t *Tensor) Size() int {
	if t.inflate == nil {
		return len(t.data)
	}
	n, _ := byteSize(t.DType, t.Shape) // has been checked
	return n
}

// Blocks are the bytes of a tensor in blocks, such as Q4_K of GGUF, in the checkpoint's
// memory; nil of other tensors.
func (t *Tensor) Blocks() []byte {
	if !ggufBlocks(t.stored) {
		return nil
	}
	return t.data
}

// Forget gives back the memory that the tensor's data take in the mapped file. They are read
// again where they are used.
func (t *Tensor) Forget() {
	if m := t.weights.mem; m.mapped && !m.freed.Load() && len(t.data) > 0 {
		from := int(uintptr(unsafe.Pointer(&t.data[0])) - uintptr(unsafe.Pointer(&m.bytes[0])))
		cpu.Forget(m.bytes, from, from+len(t.data))
	}
}

// Array is the tensor in the checkpoint's own memory, which is only to be read,
// or in memory of the array's where the data is compressed or not aligned to its
// elements. The *WeightError says why a tensor cannot be used.
func (t *Tensor) Array() (*Array, error) {
	a, err := t.array()
	if err != nil {
		return nil, &WeightError{File: t.weights.file, Tensor: t.Name, Err: err}
	}
	return a, nil
}

func (t *Tensor) array() (*Array, error) {
	defer runtime.KeepAlive(t) // which holds the memory that is read
	switch {
	case t.weights.mem.freed.Load():
		return nil, ErrClosed
	case t.problem != nil:
		return nil, t.problem
	}
	a := &Array{dtype: t.DType, shape: t.Shape, bytes: t.data, mem: t.weights.mem}
	var err error
	if t.inflate != nil {
		a, err = t.inflate()
	} else if uintptr(unsafe.Pointer(unsafe.SliceData(t.data)))%uintptr(t.DType.Size()) != 0 {
		a, err = a.Clone()
	}
	if err == nil {
		err = a.checkBools()
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// checkBools refuses bytes that are no bools: what Go and kernels do with them is
// not defined.
func (a *Array) checkBools() error {
	if a.dtype != Bool {
		return nil
	}
	if i := slices.IndexFunc(a.bytes, func(b byte) bool { return b > 1 }); i >= 0 {
		return fmt.Errorf("element %d is the byte %d, which is no bool", i, a.bytes[i])
	}
	return nil
}

// Close unmaps the files, and with it the arrays in its memory.
func (w *Weights) Close() error {
	err := w.mem.free()
	for _, s := range w.shards {
		err = errors.Join(err, s.Close())
	}
	return err
}
