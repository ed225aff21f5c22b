package quant

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// oracle opens what scripts/oracles/quantise.py has recorded of MLX and gguf.
func oracle(t *testing.T) *runtime.Weights {
	t.Helper()
	w, err := runtime.OpenWeights("testdata/oracle.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func recorded(t *testing.T, w *runtime.Weights, name string) *runtime.Array {
	t.Helper()
	if w.Tensor(name) == nil {
		t.Fatalf("there is no %s", name)
	}
	a, err := w.Tensor(name).Array()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func floats(t *testing.T, a *runtime.Array) []float32 {
	t.Helper()
	x, err := runtime.Data[float32](a)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// planes are what is recorded of a case in a format.
func planes(t *testing.T, w *runtime.Weights, c *Codec, name string) [][]byte {
	t.Helper()
	if len(c.Planes) == 1 {
		return [][]byte{recorded(t, w, name).Bytes()}
	}
	var all [][]byte
	for _, part := range []string{"weight", "scales", "biases"} {
		all = append(all, recorded(t, w, name+"."+part).Bytes())
	}
	return all
}

// Every bit that is encoded is MLX's or ggml's, and so is every number that is decoded.
func TestCodecsEqualOracle(t *testing.T) {
	w := oracle(t)
	cases := []string{"random", "ties", "halves", "equal", "zero", "outlier", "positive", "negative", "large", "small", "smaller"}
	for _, d := range ir.QuantisedDTypes() {
		c := Of(d)
		for _, of := range cases {
			if !c.Encodes() {
				continue
			}
			name := fmt.Sprintf("%s.%s", of, d)
			x, want := floats(t, recorded(t, w, of)), planes(t, w, c, name)
			got := make([][]byte, len(want))
			for i := range got {
				got[i] = bytes.Repeat([]byte{0xff}, c.Bytes(i, len(x))) // which is not zero before
			}
			if err := c.Encode(x, got); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for i := range want {
				if !bytes.Equal(got[i], want[i]) {
					t.Errorf("%s: plane %d is\n%x, want\n%x", name, i, got[i], want[i])
				}
			}
		}
		if !c.Encodes() {
			cases = []string{"bytes"}
		}
		for _, of := range cases {
			name := fmt.Sprintf("%s.%s", of, d)
			want := floats(t, recorded(t, w, name+".floats"))
			got := make([]float32, len(want))
			c.Decode(planes(t, w, c, name), got)
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("%s: element %d is %g, want %g", name, i, got[i], want[i])
					break
				}
			}
		}
	}
}

// What no scale can hold is refused, and where it is.
func TestEncodeRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, d := range ir.QuantisedDTypes() {
		c := Of(d)
		if !c.Encodes() {
			continue
		}
		at := c.Group + 5
		for value, want := range map[float32]string{
			nan:             fmt.Sprintf("element %d is NaN", at),
			inf:             fmt.Sprintf("element %d is +Inf", at),
			-inf:            fmt.Sprintf("element %d is -Inf", at),
			1e9:             fmt.Sprintf("element %d begins a group of %d whose scale is too large", c.Group, c.Group),
			math.MaxFloat32: fmt.Sprintf("element %d begins a group of %d whose scale is too large", c.Group, c.Group),
		} {
			x := make([]float32, 3*c.Group)
			x[at] = value
			var planes [][]byte
			for i := range c.Planes {
				planes = append(planes, make([]byte, c.Bytes(i, len(x))))
			}
			err := c.Encode(x, planes)
			if e := (*ElementError)(nil); !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %g: %v, want %s", d, value, err, want)
			}
		}
	}
}

// Where f32 has no number 1/d, d is nothing in f16: ggml's C leaves such bytes undefined.
func TestSubnormalBlocks(t *testing.T) {
	x := slices.Repeat([]float32{1e-42}, 32)
	for d, zero := range map[ir.DType][]byte{
		ir.Q4_0: append([]byte{0, 0x80}, bytes.Repeat([]byte{0x88}, 16)...), // -0
		ir.Q8_0: make([]byte, 34),
	} {
		b := make([]byte, len(zero))
		if err := Of(d).Encode(x, [][]byte{b}); err != nil || !bytes.Equal(b, zero) {
			t.Errorf("%s: %x, %v", d, b, err)
		}
	}
}

// A scalar or a float has no codec; every quantised dtype has one.
func TestOf(t *testing.T) {
	for _, d := range ir.QuantisedDTypes() {
		if c := Of(d); c == nil || c.Format != d.Format() {
			t.Errorf("%s has the codec %v", d, c)
		}
	}
	if c := Of(ir.F32); c != nil {
		t.Errorf("f32 has the codec %v", c)
	}
}
