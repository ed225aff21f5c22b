package runtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// indexExt ends the name of an index, which lists the shards of a checkpoint:
// model.safetensors.index.json.
const indexExt = ".index.json"

func isIndex(name string) bool { return strings.HasSuffix(strings.ToLower(name), indexExt) }

// openShards opens the shards that lie beside an index. All that they have is the
// checkpoint; what the index lists must be there.
func openShards(path string, index *memory) (*Weights, error) {
	shardOf, err := parseIndex(index.bytes)
	if err != nil {
		return nil, inFile(path, err)
	}
	w := &Weights{file: path, mem: index}
	if err := w.addShards(shardOf); err != nil {
		for _, s := range w.shards {
			err = errors.Join(err, s.Close())
		}
		return nil, err
	}
	return w, nil
}

func (w *Weights) addShards(shardOf map[string]string) error {
	var names, shards []string
	for name, shard := range shardOf {
		names, shards = append(names, name), append(shards, shard)
	}
	slices.Sort(names)
	slices.Sort(shards)
	for _, shard := range slices.Compact(shards) {
		if shard != filepath.Base(shard) {
			return &WeightError{File: w.file, Err: fmt.Errorf("the shard %s is no file name", quote(shard))}
		}
		path := filepath.Join(filepath.Dir(w.file), shard)
		mem, err := mapFile(path)
		if err != nil {
			return &WeightError{File: w.file, Err: fmt.Errorf("its shard %s: %w", shard, withoutPath(err))}
		}
		s, err := parseWeights(path, mem)
		if err != nil {
			return errors.Join(err, mem.free())
		}
		w.shards = append(w.shards, s)
		w.tensors = append(w.tensors, s.tensors...)
	}
	slices.SortStableFunc(w.tensors, func(a, b *Tensor) int { return strings.Compare(a.Name, b.Name) })
	for i, t := range w.tensors {
		if i > 0 && w.tensors[i-1].Name == t.Name {
			return &WeightError{File: w.file, Tensor: t.Name, Err: fmt.Errorf("is in two shards, %s and %s",
				filepath.Base(w.tensors[i-1].weights.file), filepath.Base(t.weights.file))}
		}
	}
	for _, name := range names {
		if t := w.Tensor(name); t == nil || filepath.Base(t.weights.file) != shardOf[name] {
			return &WeightError{File: w.file, Tensor: name, Err: fmt.Errorf("should be in the shard %s, which lacks it", shardOf[name])}
		}
	}
	return nil
}

// parseIndex reads {"metadata": {...}, "weight_map": {"tensor": "shard"}}.
func parseIndex(text []byte) (map[string]string, error) {
	p := headerParser{json.NewDecoder(bytes.NewReader(text))}
	var shardOf map[string]string
	err := p.object(func(key string) error {
		if key != "weight_map" {
			return p.Decode(new(json.RawMessage))
		}
		if shardOf != nil {
			return errors.New("there are two weight_map")
		}
		shardOf = map[string]string{}
		return p.object(func(name string) (err error) {
			if _, twice := shardOf[name]; twice {
				return fmt.Errorf("%s is listed twice", quote(name))
			}
			shardOf[name], err = p.string()
			return err
		})
	})
	if err == nil && shardOf == nil {
		err = errors.New("it has no weight_map")
	}
	if err != nil {
		return nil, fmt.Errorf("not an index of shards: %w", err)
	}
	return shardOf, nil
}

// files are a checkpoint's own file and those of its shards.
func (w *Weights) files() []*Weights { return append([]*Weights{w}, w.shards...) }
