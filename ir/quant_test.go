package ir

import (
	"strings"
	"testing"
)

// The table has an entry for each quantised dtype, whose planes have the bits that its name
// says, and those of its scales.
func TestFormats(t *testing.T) {
	bits := map[string]float64{"q4g32": 5, "q4g64": 4.5, "q4g128": 4.25, "q8g32": 9, "q8g64": 8.5, "q8g128": 8.25,
		"q4_0": 4.5, "q8_0": 8.5, "q4_k": 4.5, "q6_k": 6.5625}
	for _, d := range QuantisedDTypes() {
		f := d.Format()
		if f == nil || f.DType != d {
			t.Errorf("%s has no format", d)
			continue
		}
		shape := []Size{N(3), N(512)}
		if err := f.Check(shape); err != nil {
			t.Error(err)
		}
		bytes := Size{}
		for _, typ := range f.Types(shape) {
			bytes = bytes.Add(typ.Bytes())
		}
		if n, _ := bytes.Int(); float64(8*n)/(3*512) != bits[d.String()] {
			t.Errorf("%s takes %g bits an element, want %g", d, float64(8*n)/(3*512), bits[d.String()])
		}
		if err := f.Check([]Size{N(3), N(int64(f.Group + 1))}); err == nil {
			t.Errorf("%s has rows that are no multiple of %d", d, f.Group)
		}
		if err := f.Check([]Size{N(512)}); err == nil {
			t.Errorf("%s has vectors", d)
		}
	}
	for _, d := range DTypes() {
		if d.IsQuantised() || d.Format() != nil {
			t.Errorf("%s is quantised", d)
		}
	}
}

// Planes are called as in mlx-lm's files.
func TestPlanePaths(t *testing.T) {
	scales := Q4G64.Format().Planes[1]
	for tensor, want := range map[string]string{"layers.0.wq.weight": "layers.0.wq.scales", "weight": "scales", "wq": "wq_scales", "fc.overweight": "fc.overweight_scales"} {
		if got := scales.Path(tensor); got != want {
			t.Errorf("the scales of %s are %s, want %s", tensor, got, want)
		}
		if got := Q4G64.Format().Planes[0].Path(tensor); got != tensor {
			t.Errorf("%s is kept as %s", tensor, got)
		}
	}
}

func TestPlaneText(t *testing.T) {
	text := strings.Replace(example, `param @fc.weight: f32[3, 4] = "fc.weight" init uniform(0.5) loc 0`,
		`param @fc.weight: f16[3, 4] = "fc.scales" plane 1 of q8g32[3, 128] loc 0`, 1)
	m, err := Parse("example.mlxir", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := Print(m); got != text {
		t.Errorf("printed:\n%s", got)
	}
}
