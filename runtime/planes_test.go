package runtime

import (
	"bytes"
	"strings"
	"testing"
)

// What is said of a tensor for a plane of a quantised param.
func TestFitsPlane(t *testing.T) {
	blocks := must(OpenWeights("../testdata/quantised/blocks.gguf"))(t)
	defer blocks.Close()
	planes := must(OpenWeights("../testdata/quantised/mlx.safetensors"))(t)
	defer planes.Close()
	floats := must(OpenWeights("../testdata/quantised/want.safetensors"))(t)
	defer floats.Close()
	for _, c := range []struct {
		from *Weights
		name string
		as   Param
		want string // empty: it fits
	}{
		{blocks, "q8_0.weight", Param{DType: U8, Shape: []int{24, 272}, Format: "q8_0"}, ""},
		{blocks, "q4_k.weight", Param{DType: U8, Shape: []int{24, 144}, Format: "q4_k"}, ""},
		{blocks, "q4_0.weight", Param{DType: U8, Shape: []int{24, 144}, Format: "q4_k"}, "Q4_0[24, 256], want that of q4_k, u8[24, 144]"},
		{blocks, "q8_0.weight", Param{DType: U8, Shape: []int{12, 544}, Format: "q8_0"}, "Q8_0[24, 256], want that of q8_0, u8[12, 544]"},
		{blocks, "q8_0.weight", Param{DType: U32, Shape: []int{24, 64}, Format: "q8g64"}, "Q8_0[24, 256], want that of q8g64, u32[24, 64]"},
		{blocks, "q8_0.weight", Param{DType: F32, Shape: []int{24, 256}}, "Q8_0[24, 256] is quantised, in blocks of 32 elements, as a param of q8_0"},
		{planes, "q4g64.weight", Param{DType: U32, Shape: []int{24, 32}, Format: "q4g64"}, ""},
		{planes, "q8g64.scales", Param{DType: F16, Shape: []int{24, 4}, Format: "q8g64"}, ""}, // from bf16
		{planes, "q8g128.biases", Param{DType: F16, Shape: []int{24, 2}, Format: "q8g128"}, ""},
		{planes, "q4g64.weight", Param{DType: U32, Shape: []int{24, 64}, Format: "q8g64"}, "u32[24, 32], want that of q8g64, u32[24, 64]"},
		{planes, "q4g64.scales", Param{DType: F16, Shape: []int{24, 8}, Format: "q4g32"}, "bf16[24, 4], want that of q4g32, f16[24, 8]"},
		{planes, "q8g64.weight", Param{DType: F16, Shape: []int{24, 256}}, "u32[24, 64], want f16[24, 256]: it is quantised, as a param of q8g64"},
		{floats, "x", Param{DType: U32, Shape: []int{5, 32}, Format: "q4g64"}, "f32[5, 256], want q4g64: `mlxc pack CHECKPOINT --for MODEL -o FILE.safetensors` quantises it"},
		{floats, "x", Param{DType: U8, Shape: []int{5, 272}, Format: "q8_0"}, "f32[5, 256], want q8_0: `mlxc pack CHECKPOINT --for MODEL -o FILE.gguf` quantises it"},
		{floats, "x", Param{DType: U8, Shape: []int{6, 272}, Format: "q8_0"}, "f32[5, 256], want that of q8_0, u8[6, 272]"},
	} {
		a, err := c.from.Tensor(c.name).As(&c.as)
		switch {
		case c.want != "":
			if err == nil || err.Error() != c.want {
				t.Errorf("%s as %v: %v, want %s", c.name, c.as, err, c.want)
			}
		case err != nil:
			t.Errorf("%s as %v: %v", c.name, c.as, err)
		case c.as.DType == U8 && (a.dtype != U8 || a.owned || !bytes.Equal(a.bytes, c.from.Tensor(c.name).data) || len(a.bytes) != c.as.Shape[0]*c.as.Shape[1]):
			t.Errorf("%s as %v is %s, and copied: %v", c.name, c.as, a, a.owned)
		}
	}
}

// Of a quantised tensor the first plane that does not fit is named, and no other.
func TestLoadErrorsOfPlanes(t *testing.T) {
	planes := func(name string, rows int) []Param {
		return []Param{{Name: name + "weight", DType: U32, Shape: []int{rows, 32}, Format: "q4g64", Pos: "m.mlx:1:7"},
			{Name: name + "scales", DType: F16, Shape: []int{rows, 4}, Format: "q4g64"}, {Name: name + "biases", DType: F16, Shape: []int{rows, 4}, Format: "q4g64"}}
	}
	x := planes("", 5)
	x[0].Name = "x"
	shared := planes("q4g64.", 24)
	shared[1].Shape, shared[2].Name = []int{24, 8}, "other"
	floats, quantised := "../testdata/quantised/want.safetensors", "../testdata/quantised/mlx.safetensors"
	for _, c := range []struct {
		file   string
		params []Param
		want   []string // the lines, without the file
	}{
		{floats, append(x, planes("gone.", 5)...), []string{`tensor "gone.weight": missing, want that of q4g64, u32[5, 32] (m.mlx:1:7)`,
			"tensor \"x\": f32[5, 256], want q4g64: `mlxc pack CHECKPOINT --for MODEL -o FILE.safetensors` quantises it (m.mlx:1:7)"}},
		{quantised, shared, []string{`tensor "q4g64.scales": bf16[24, 4], want that of q4g64, f16[24, 8]`}},
	} {
		_, err := Load(params(c.params...), c.file)
		if want := c.file + ": " + strings.Join(c.want, "\n"+c.file+": "); err == nil || err.Error() != want {
			t.Errorf("got\n%v\nwant\n%s", err, want)
		}
	}
}
