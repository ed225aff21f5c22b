package onnx_test

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/frontend/onnx/pb"
	"github.com/mlxc/mlxc/ir"
)

// suite is where ONNX's conformance suite is, beside the checkout.
const suite = "../../../shared/data/onnx-conformance"

// A testCase is a folder of the suite.
type testCase struct {
	name  string
	model []byte
	sets  map[string]map[string][]byte // files by data set
}

// cases reads the suite.
func cases(t testing.TB) []*testCase {
	t.Helper()
	archives, _ := filepath.Glob(filepath.Join(suite, "*.tar.gz"))
	if len(archives) == 0 {
		t.Skip("ONNX's conformance suite is not beside the checkout")
	}
	return archived(t, archives)
}

// archived reads archives of cases.
func archived(t testing.TB, archives []string) []*testCase {
	t.Helper()
	byName := map[string]*testCase{}
	for _, a := range archives {
		f, err := os.Open(a)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		for r := tar.NewReader(z); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if h.Typeflag != tar.TypeReg {
				continue
			}
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			steps := strings.Split(path.Clean(h.Name), "/")
			name := steps[1]
			c := byName[name]
			if c == nil {
				c = &testCase{name: name, sets: map[string]map[string][]byte{}}
				byName[name] = c
			}
			switch {
			case steps[len(steps)-1] == "model.onnx":
				c.model = b
			case len(steps) == 4:
				if c.sets[steps[2]] == nil {
					c.sets[steps[2]] = map[string][]byte{}
				}
				c.sets[steps[2]][steps[3]] = b
			}
		}
		f.Close()
	}
	var out []*testCase
	for _, c := range byName {
		out = append(out, c)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].name < out[j].name })
	return out
}

// TestConformance runs the cases by the reference evaluator.
func TestConformance(t *testing.T) {
	all := cases(t)
	verdicts := map[string]int{}
	reasons := map[string][]string{}
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			err := evaluate(c)
			var u *onnx.Unsupported
			switch {
			case err == nil:
				verdicts["passed"]++
			case errors.As(err, &u):
				verdicts["unsupported"]++
				why := cmp.Or(strings.Join(u.Ops, " "), u.Reason)
				reasons[why] = append(reasons[why], c.name)
			default:
				verdicts["failed"]++
				t.Error(err)
			}
		})
	}
	t.Logf("%v", verdicts)
	var ops []string
	for op := range reasons {
		ops = append(ops, op)
	}
	slices.SortFunc(ops, func(a, b string) int { return len(reasons[b]) - len(reasons[a]) })
	for _, op := range ops {
		t.Logf("%3d %s: %s", len(reasons[op]), op, reasons[op][0])
	}
}

func evaluate(c *testCase) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	for name, files := range c.sets {
		if err := evaluateSet(c, files); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func evaluateSet(c *testCase, files map[string][]byte) error {
	m, err := onnx.Decode(c.model)
	if err != nil {
		return err
	}
	var names []string // of inputs that no initialiser gives
	for _, in := range m.Graph.Input {
		given := false
		for _, t := range m.Graph.Initializer {
			given = given || t.Name == in.Name
		}
		if !given {
			names = append(names, in.Name)
		}
	}
	inputs := map[string]*ir.Tensor{}
	dims := map[string]onnx.Bounds{}
	for _, g := range [][]*pb.ValueInfo{m.Graph.Input, m.Graph.Output} {
		for _, v := range g {
			if v.GetType().GetTensorType() == nil {
				return &onnx.Unsupported{Reason: v.Name + " is no tensor"}
			}
		}
	}
	for i, name := range names {
		_, t, err := onnx.DecodeTensor(files[fmt.Sprintf("input_%d.pb", i)])
		if err != nil {
			return err
		}
		inputs[name] = t
		for _, in := range m.Graph.Input {
			if in.Name != name {
				continue
			}
			for a, d := range in.GetType().GetTensorType().GetShape().GetDim() {
				dim := d.GetDimParam()
				if dim == "" {
					dim = fmt.Sprintf("%s_%d", name, a)
				}
				if a < len(t.Shape) {
					dims[dim] = onnx.Bounds{Min: int64(t.Shape[a]), Max: int64(t.Shape[a])}
				}
			}
		}
	}
	o := onnx.Options{Dims: dims, Bind: map[string]*ir.Tensor{}}
	model, err := onnx.Build(m, "", o)
	for tries := 0; err != nil && tries < 4; tries++ {
		var u *onnx.Unbound
		if !errors.As(err, &u) {
			break
		}
		for _, in := range u.Inputs {
			o.Bind[in] = inputs[in]
		}
		model, err = onnx.Build(m, "", o)
	}
	if err != nil {
		return err
	}
	var args []*ir.Tensor
	for _, p := range model.Inputs {
		args = append(args, inputs[p.ONNX])
	}
	params := map[string]*ir.Tensor{}
	for _, w := range model.Weights {
		for _, p := range model.Program.Module().Params {
			if p.Path == w.Path {
				params[p.Name] = w.Tensor()
			}
		}
	}
	got, err := model.Program.Eval(onnx.Forward, params, args...)
	if err != nil {
		return err
	}
	for i, g := range got {
		_, want, err := onnx.DecodeTensor(files[fmt.Sprintf("output_%d.pb", i)])
		if err != nil {
			return err
		}
		if err := compare(g, want); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

// compare uses the tolerances of ONNX's own test runner, 1e-3 of the value and 1e-7, and for
// bf16, whose results the suite has computed in steps that round, one unit in the last place.
// What is left of sums that cancel, as zeros of a spectrum, has the error of their terms:
// some units of f32 in the largest element.
func compare(got, want *ir.Tensor) error {
	if got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("got %s%v, want %s%v", got.DType, got.Shape, want.DType, want.Shape)
	}
	rtol := 1e-3
	if want.DType == ir.BF16 {
		rtol = 1.0 / (1 << 7)
	}
	largest := 0.0
	for i := range want.Len() {
		if w := math.Abs(want.Number(i)); want.DType.IsFloat() && !math.IsInf(w, 0) {
			largest = max(largest, w)
		}
	}
	atol := max(1e-7, largest*0x1p-22)
	for i := range got.Len() {
		g, w := got.Number(i), want.Number(i)
		switch {
		case math.IsNaN(g) && math.IsNaN(w), g == w:
			continue
		case math.Abs(g-w) <= atol+rtol*math.Abs(w):
			continue
		}
		return fmt.Errorf("element %d is %v, want %v", i, g, w)
	}
	return nil
}

// listed are the cases with what ONNX Runtime 1.30 makes of them.
func listed(t testing.TB) map[string]string {
	b, err := os.ReadFile(filepath.Join(suite, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Case string `json:"case"`
		ORT  string `json:"ort_1.30"`
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, c := range all {
		out[c.Case] = c.ORT
	}
	return out
}
