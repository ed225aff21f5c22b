package runtime

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// A TensorSpec is a tensor of a checkpoint that is to be written.
type TensorSpec struct {
	Name  string
	Type  string // as Tensor.DTypeName has it: f32, or Q4_0 in GGUF
	Shape []int
}

// SafetensorsHeader is what a file of safetensors begins with, filled up to a multiple of
// align bytes. starts are the places in the file of the entries' data, which follow without
// gaps, and the end of the last.
func SafetensorsHeader(entries []TensorSpec, meta map[string]string, align int) (header []byte, starts []int64, err error) {
	type field struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	fields, at := map[string]any{"__metadata__": meta}, int64(0)
	for _, e := range entries {
		d := findDType(func(d dtypeInfo) bool { return d.name == e.Type })
		n, err := byteSize(d, e.Shape)
		switch {
		case fields[e.Name] != nil:
			return nil, nil, fmt.Errorf("two tensors are called %s", quote(e.Name))
		case d == 0:
			err = fmt.Errorf("safetensors have no %s", e.Type)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %s: %w", quote(e.Name), err)
		}
		fields[e.Name] = field{dtypes[d].safetensors, append([]int{}, e.Shape...), [2]int64{at, at + int64(n)}}
		starts = append(starts, at)
		at += int64(n)
	}
	text, err := json.Marshal(fields) // with its keys sorted
	if err != nil {
		return nil, nil, err
	}
	for (8+len(text))%align > 0 {
		text = append(text, ' ')
	}
	header = append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
	starts = append(starts, at)
	for i := range starts {
		starts[i] += int64(len(header))
	}
	return header, starts, nil
}

// GGUFHeader is what a file of GGUF begins with. starts are the places in the file of the
// entries' data, each a multiple of 32 bytes, and the end of the last. The metadata are
// values as Weights.Metadata has them of GGUF.
func GGUFHeader(entries []TensorSpec, meta map[string][]byte) (header []byte, starts []int64, err error) {
	const longest = 64 // name that the format allows
	le := binary.LittleEndian
	text := func(s string) {
		header = le.AppendUint64(header, uint64(len(s)))
		header = append(header, s...)
	}
	header = le.AppendUint32([]byte(ggufMagic), 3)
	header = le.AppendUint64(header, uint64(len(entries)))
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(meta)), func(key string) bool { return key == ggufAlignKey })
	header = le.AppendUint64(header, uint64(len(keys)))
	for _, key := range keys {
		text(key)
		header = append(header, meta[key]...)
	}
	at, seen := uint64(0), map[string]bool{}
	for _, e := range entries {
		kind, known := ggufKind(e.Type)
		s := ggufTensor{Tensor: &Tensor{Name: e.Name, Shape: e.Shape, stored: e.Type}, kind: ggufTypes[kind]}
		size, err := s.size()
		switch {
		case !known:
			err = fmt.Errorf("GGUF has no %s", e.Type)
		case len(e.Name) > longest:
			err = fmt.Errorf("GGUF has no names of more than %d bytes", longest)
		case len(e.Shape) > ggufRank:
			err = fmt.Errorf("%d axes, GGUF allows %d", len(e.Shape), ggufRank)
		case seen[e.Name]:
			return nil, nil, fmt.Errorf("two tensors are called %s", quote(e.Name))
		}
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %s: %w", quote(e.Name), err)
		}
		seen[e.Name] = true
		text(e.Name)
		header = le.AppendUint32(header, uint32(len(e.Shape)))
		for _, n := range slices.Backward(e.Shape) {
			header = le.AppendUint64(header, uint64(n))
		}
		header = le.AppendUint32(header, kind)
		header = le.AppendUint64(header, at)
		starts = append(starts, int64(at))
		at += (size + ggufAlign - 1) / ggufAlign * ggufAlign
	}
	header = append(header, make([]byte, -len(header)&(ggufAlign-1))...)
	starts = append(starts, int64(at))
	for i := range starts {
		starts[i] += int64(len(header))
	}
	return header, starts, nil
}

// ggufKind is the number of the type that Tensor.DTypeName calls so.
func ggufKind(name string) (kind uint32, ok bool) {
	for kind, t := range ggufTypes {
		if t.dtype != 0 && t.dtype.String() == name || t.dtype == 0 && t.name == name {
			return kind, true
		}
	}
	return 0, false
}

// ggufBlocks reports whether a type of GGUF is in blocks of several elements.
func ggufBlocks(name string) bool {
	kind, ok := ggufKind(name)
	return ok && ggufTypes[kind].block > 1
}
