package runtime

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// maxHeader is the longest header that the safetensors format allows.
const maxHeader = 100_000_000

// safetensorsTypes are the dtypes of the format that we have.
var safetensorsTypes = map[string]DType{
	"F64": F64, "F32": F32, "F16": F16, "BF16": BF16, "I64": I64, "I32": I32, "I16": I16, "I8": I8,
	"U64": U64, "U32": U32, "U16": U16, "U8": U8, "BOOL": Bool,
}

// parseSafetensors reads the format of https://github.com/huggingface/safetensors:
// the length of the header in 8 bytes, the header in JSON, and the tensors' bytes
// without a gap.
func parseSafetensors(data []byte) ([]*Tensor, error) {
	if len(data) < 8 {
		return nil, fmt.Errorf("%d bytes are no safetensors file", len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	if n > maxHeader || n > uint64(len(data)-8) {
		return nil, fmt.Errorf("a header of %d bytes in a file of %d: not a safetensors file, or cut off", n, len(data))
	}
	body := data[8+n:]
	entries, err := safetensorsHeader(data[8 : 8+n])
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(entries, func(a, b safetensorsEntry) int {
		return cmp.Or(cmp.Compare(a.Offsets[0], b.Offsets[0]), cmp.Compare(a.Offsets[1], b.Offsets[1]))
	})
	var tensors []*Tensor
	end := uint64(0)
	for _, e := range entries {
		from, to := e.Offsets[0], e.Offsets[1]
		switch {
		case from > to || to > uint64(len(body)):
			return nil, fmt.Errorf("tensor %q: bytes %d to %d of %d", e.name, from, to, len(body))
		case from < end:
			return nil, fmt.Errorf("tensor %q overlaps another", e.name)
		case from > end:
			return nil, fmt.Errorf("tensor %q: a gap of %d bytes before it", e.name, from-end)
		}
		end = to
		t, ok := safetensorsTypes[e.DType]
		if !ok {
			continue // a dtype that no param can have
		}
		size, err := byteSize(t, e.Shape)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", e.name, err)
		}
		if uint64(size) != to-from {
			return nil, fmt.Errorf("tensor %q: %s has %d bytes, the file %d", e.name, typeText(t, e.Shape), size, to-from)
		}
		tensors = append(tensors, &Tensor{Name: e.name, DType: t, Shape: e.Shape, data: body[from:to:to]})
	}
	if end != uint64(len(body)) {
		return nil, fmt.Errorf("%d bytes behind the last tensor", uint64(len(body))-end)
	}
	return tensors, nil
}

type safetensorsEntry struct {
	name    string
	DType   string    `json:"dtype"`
	Shape   []int     `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

// safetensorsHeader reads the header token by token, since encoding/json would
// let the last of equal names win.
func safetensorsHeader(text []byte) ([]safetensorsEntry, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("the header is no JSON object")
	}
	var entries []safetensorsEntry
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, fmt.Errorf("the header is not valid JSON")
		}
		if seen[name] {
			return nil, fmt.Errorf("tensor %q is there twice", name)
		}
		seen[name] = true
		if name == "__metadata__" {
			var meta map[string]string
			if err := d.Decode(&meta); err != nil {
				return nil, fmt.Errorf("the metadata is not valid: %w", err)
			}
			continue
		}
		e := safetensorsEntry{name: name}
		if err := d.Decode(&e); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		entries = append(entries, e)
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("the header is not valid JSON")
	}
	if rest, _ := io.ReadAll(d.Buffered()); len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("text behind the header's end")
	}
	return entries, nil
}
