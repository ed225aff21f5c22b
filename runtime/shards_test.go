package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// shards writes an index, and shards of one f32 each: the name of the tensor, and its value.
func shards(t *testing.T, index string, of map[string]map[string]byte) string {
	t.Helper()
	dir := t.TempDir()
	for file, tensors := range of {
		header, data := "", []byte{}
		for name, x := range tensors {
			if header != "" {
				header += ","
			}
			header += fmt.Sprintf(`"%s":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}`, name, len(data), len(data)+1)
			data = append(data, x)
		}
		if err := os.WriteFile(filepath.Join(dir, file), safetensors("{"+header+"}", data...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "model.safetensors.index.json")
	if err := os.WriteFile(path, []byte(index), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var twoShards = map[string]map[string]byte{"1.safetensors": {"c": 3, "a": 1}, "2.safetensors": {"b": 2}}

const twoShardsIndex = `{"metadata":{"total_size":3,"more":[1,{"x":null}]},"weight_map":{"a":"1.safetensors","b":"2.safetensors","c":"1.safetensors"}}`

func TestShards(t *testing.T) {
	w := must(OpenWeights(shards(t, twoShardsIndex, twoShards)))(t)
	if names := w.Names(); !slices.Equal(names, []string{"a", "b", "c"}) {
		t.Errorf("the shards have %q", names)
	}
	var last *Array
	for i, name := range w.Names() {
		last = must(w.Tensor(name).Array())(t)
		if b := last.Bytes(); len(b) != 1 || int(b[0]) != i+1 || last.owned {
			t.Errorf("%s is %v, owned %v", name, b, last.owned)
		}
	}
	for range 2 {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Tensor("b").Array(); !errors.Is(err, ErrClosed) || last.Bytes() != nil {
		t.Errorf("a tensor of a closed checkpoint: %v", err)
	}
}

func TestWrongShards(t *testing.T) {
	for _, c := range []struct {
		name, index string
		text        string
	}{
		{"not JSON", `hello`, "index.json: not an index of shards: invalid character"},
		{"cut off", `{"weight_map":{"a":`, "not an index of shards: unexpected EOF"},
		{"no map", `{"metadata":{}}`, "it has no weight_map"},
		{"two maps", `{"weight_map":{},"weight_map":{}}`, "there are two weight_map"},
		{"listed twice", `{"weight_map":{"a":"1.safetensors","a":"2.safetensors"}}`, `"a" is listed twice`},
		{"no string", `{"weight_map":{"a":1}}`, "1 where a string should be"},
		{"missing shard", `{"weight_map":{"a":"1.safetensors","z":"3.safetensors"}}`, "index.json: its shard 3.safetensors: no such file"},
		{"elsewhere", `{"weight_map":{"a":"../1.safetensors"}}`, `the shard "../1.safetensors" is no file name`},
		{"empty name", `{"weight_map":{"a":""}}`, `the shard "" is no file name`},
		{"in another shard", `{"weight_map":{"a":"2.safetensors","b":"2.safetensors","c":"1.safetensors"}}`, `tensor "a": should be in the shard 2.safetensors, which lacks it`},
		{"in none", `{"weight_map":{"a":"1.safetensors","z":"1.safetensors"}}`, `tensor "z": should be in the shard 1.safetensors, which lacks it`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := OpenWeights(shards(t, c.index, twoShards))
			wantError(t, err, c.text)
		})
	}
	_, err := OpenWeights(shards(t, twoShardsIndex, map[string]map[string]byte{"1.safetensors": {"a": 1, "c": 3}, "2.safetensors": {"b": 2, "c": 4}}))
	wantError(t, err, `tensor "c": is in two shards, 1.safetensors and 2.safetensors`)
	path := shards(t, twoShardsIndex, twoShards)
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "2.safetensors"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = OpenWeights(path)
	wantError(t, err, "2.safetensors: not a safetensors file")
	_, err = OpenWeights(shards(t, `{"weight_map":{"a":"3"}}`, nil))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing shard: %v", err)
	}
	_, err = LoadBytes(testProgram(), "m.index.json", []byte("{}"))
	wantError(t, err, "an index lists shards, which are files")
}

// A packed file of shards is refused when a shard has changed.
func TestPackedShards(t *testing.T) {
	p := testProgram()
	p.Key = "k"
	one := safetensors(`{"w":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, 0, 0, 0x80, 0x3f)
	path := shards(t, fmt.Sprintf(`{"weight_map":{%q:"1.safetensors"}}`, p.Params[0].Name), nil)
	shard := filepath.Join(filepath.Dir(path), "1.safetensors")
	if err := os.WriteFile(shard, one, 0o600); err != nil {
		t.Fatal(err)
	}
	m := must(Load(p, path))(t)
	packed := filepath.Join(filepath.Dir(path), "p.safetensors")
	if err := errors.Join(m.Pack(context.Background(), packed, nil), m.Close()); err != nil {
		t.Fatal(err)
	}
	if err := must(Load(p, packed))(t).Close(); err != nil {
		t.Fatal(err)
	}
	one[len(one)-1] = 0x40
	if err := os.WriteFile(shard, one, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(p, packed)
	wantError(t, err, "was packed from model.safetensors.index.json, which has changed since; pack it again")
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(twoShardsIndex))
	f.Add([]byte(`{"metadata":[[{"a":null}]],"weight_map":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := openShards("m.index.json", &memory{bytes: text}) // which lie nowhere
		if of := (*WeightError)(nil); err != nil && (!errors.As(err, &of) || of.File == "") {
			t.Errorf("got the error %T %v", err, err)
		}
	})
}
