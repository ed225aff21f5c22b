package repack

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// A part is a tensor of the output, and what is written of it.
type part struct {
	runtime.TensorSpec
	file *file
	at   int64 // where its data begin
}

// A file is one of the output's.
type file struct {
	name   string
	header []byte
	parts  []*part
	size   int64
}

// layout places the parts of each step in files, and makes an index where there are several.
func (j *Job) layout() (files []*file, parts [][]*part, err error) {
	o, full := &j.options, int64(0)
	for i, s := range j.steps {
		size := s.bytes()
		if i == 0 || o.Shard > 0 && full+size > o.Shard {
			files, full = append(files, &file{}), 0
		}
		full += size
		f, of := files[len(files)-1], []*part{}
		for _, spec := range s.specs() {
			of = append(of, &part{TensorSpec: spec, file: f})
		}
		f.parts, parts = append(f.parts, of...), append(parts, of)
	}
	if files == nil {
		files = []*file{{}}
	}
	for i, f := range files {
		f.name = o.Output
		if len(files) > 1 {
			f.name = fmt.Sprintf("%s-%05d-of-%05d%s", j.stem(), i+1, len(files), filepath.Ext(o.Output))
		}
		if err := j.place(f); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if len(files) > 1 {
		index, err := j.index(files)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, index)
	}
	return files, parts, nil
}

// stem is the name of the output without its end.
func (j *Job) stem() string {
	return strings.TrimSuffix(j.options.Output, filepath.Ext(j.options.Output))
}

// place makes the header of a file, and says where its tensors begin. Those of safetensors
// stand in the order of their elements' sizes, so that all are aligned.
func (j *Job) place(f *file) (err error) {
	if !j.gguf() {
		slices.SortStableFunc(f.parts, func(a, b *part) int { return cmp.Compare(size(b), size(a)) })
	}
	var specs []runtime.TensorSpec
	for _, p := range f.parts {
		specs = append(specs, p.TensorSpec)
	}
	var starts []int64
	if j.gguf() {
		f.header, starts, err = runtime.GGUFHeader(specs, j.ggufMeta())
	} else {
		f.header, starts, err = runtime.SafetensorsHeader(specs, j.meta(), 8)
	}
	if err != nil {
		return err
	}
	for i, p := range f.parts {
		p.at = starts[i]
	}
	f.size = starts[len(f.parts)]
	return nil
}

// size is the bytes of an element.
func size(p *part) int {
	d, _ := ir.ParseDType(p.Type)
	return d.Size()
}

// index is the list of shards that Hugging Face's tools write.
func (j *Job) index(shards []*file) (*file, error) {
	var list struct {
		Metadata struct {
			Size int64 `json:"total_size"`
		} `json:"metadata"`
		Shards map[string]string `json:"weight_map"`
	}
	list.Shards = map[string]string{}
	for _, f := range shards {
		list.Metadata.Size += f.size - int64(len(f.header))
		for _, p := range f.parts {
			list.Shards[p.Name] = filepath.Base(f.name)
		}
	}
	text, err := json.MarshalIndent(list, "", "  ")
	text = append(text, '\n')
	return &file{name: j.options.Output + ".index.json", header: text, size: int64(len(text))}, err
}

// meta is what a file of safetensors says of itself: what the source says, and whose layout
// its tensors have, which readers of Hugging Face want to know.
func (j *Job) meta() map[string]string {
	meta := map[string]string{"format": "pt"}
	if j.reads("safetensors") {
		for k, v := range j.weights.Metadata() {
			meta[k] = string(v)
		}
	}
	if j.quantises() {
		meta["format"] = "mlx"
	}
	return meta
}

// reads reports whether the tensors come from a file of a format.
func (j *Job) reads(format string) bool { return j.weights != nil && j.weights.Format() == format }

// ggufMeta is what a file of GGUF says of itself: what the source says, and what readers want
// to know of quantised tensors.
func (j *Job) ggufMeta() map[string][]byte {
	const uint32Type = 4
	number := func(n byte) []byte { return []byte{uint32Type, 0, 0, 0, n, 0, 0, 0} }
	meta := map[string][]byte{}
	if j.reads("gguf") {
		maps.Copy(meta, j.weights.Metadata())
	}
	if j.quantises() {
		meta["general.quantization_version"] = number(2)
	}
	if o := &j.options; o.Quantise != nil {
		meta["general.file_type"] = number(ggufFileTypes[o.Quantise.DType.String()])
	} else if o.Cast != 0 {
		meta["general.file_type"] = number(ggufFileTypes[o.Cast.String()])
	}
	return meta
}

// ggufFileTypes are llama.cpp's numbers of files most of whose tensors are so.
var ggufFileTypes = map[string]byte{"f32": 0, "f16": 1, "bf16": 32, "q4_0": 2, "q8_0": 7}
