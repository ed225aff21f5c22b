package runtime

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Weights are the tensors of a checkpoint, mapped into memory.
type Weights struct {
	file    string
	mem     *memory
	tensors map[string]*Tensor
}

// A Tensor is one tensor of a checkpoint. Its bytes are those of the file where
// they lie there plainly, else a copy.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	data  []byte
	owner *Array // of inflated data; nil where the data lies in the file
}

// OpenWeights maps a checkpoint: .safetensors or .npz. What the file claims is
// checked against its true size before anything is allocated.
func OpenWeights(path string) (*Weights, error) {
	m, err := mapFile(path)
	if err != nil {
		return nil, err
	}
	w, err := parseWeights(path, m.bytes)
	if err != nil {
		m.free()
		return nil, err
	}
	w.mem = m
	return w, nil
}

// parseWeights reads a checkpoint in memory; name is for messages.
func parseWeights(name string, data []byte) (*Weights, error) {
	parse := parseSafetensors
	if strings.EqualFold(filepath.Ext(name), ".npz") || bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		parse = parseNPZ
	}
	tensors, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	w := &Weights{file: name, tensors: map[string]*Tensor{}}
	for _, t := range tensors {
		if w.tensors[t.Name] != nil {
			return nil, fmt.Errorf("%s: tensor %q is there twice", name, t.Name)
		}
		w.tensors[t.Name] = t
	}
	return w, nil
}

// Names lists the tensors, sorted.
func (w *Weights) Names() []string {
	var names []string
	for n := range w.tensors {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Tensor finds a tensor; nil if there is none.
func (w *Weights) Tensor(name string) *Tensor { return w.tensors[name] }

// Array is the tensor as an array, in the checkpoint's memory.
func (t *Tensor) Array() *Array { return &Array{dtype: t.DType, shape: t.Shape, data: t.data} }

// Close unmaps the file.
func (w *Weights) Close() error {
	if w.mem == nil {
		return nil
	}
	return w.mem.free()
}
