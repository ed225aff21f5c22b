package explain_test

import (
	"bytes"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/internal/explain"
	"github.com/mlxc/mlxc/ir"
)

var update = flag.Bool("update", os.Getenv("MLXC_UPDATE") == "1", "rewrite the texts under testdata")

func explained(t *testing.T, file string, target ir.Target, machine explain.Machine, entry string, dims map[string]int64) []*explain.Plan {
	t.Helper()
	m, err := mlxc.Load(file, mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	plans, err := explain.Explain(m, target, machine, entry, dims)
	if err != nil {
		t.Fatal(err)
	}
	return plans
}

func TestGolden(t *testing.T) {
	for _, c := range []struct {
		model  string
		target ir.Target
	}{{"digits", ir.CPU}, {"digits", ir.Metal}, {"places", ir.Metal}} {
		model, target := c.model, c.target
		plans := explained(t, "../../testdata/"+model+"/"+model+".mlx", target, explain.Machines[target], "", nil)
		var got bytes.Buffer
		if err := explain.Text(&got, &explain.Explanation{Model: model, Plans: plans}); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", model+"."+string(target)+".txt")
		if *update {
			if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s:\n%s", file, diff)
		}
		for _, line := range strings.Split(got.String(), "\n") {
			if n := len([]rune(line)); n > 100 {
				t.Errorf("%s: a line of %d columns: %s", file, n, line)
			}
		}
	}
}

const byHand = `
dim B <= 8

entry product(x: f32[B, 11], w: f32[7, 11]) -> (y: f32[B, 7]) {
  return x @ w.T
}

entry window(x: f32[B, 9, 9, 2], w: f32[1, 3, 3, 2]) -> (y: f32[B, 9, 9, 1]) {
  return conv(x, w, pad=1)
}

entry row(x: f32[B, 100]) -> (y: f32[B]) {
  return sum(x, -1)
}

entry linear(x: f32[B, 11], w: f32[7, 11], b: f32[7]) -> (y: f32[B, 7]) {
  return relu(x @ w.T + b)
}

entry soft(x: f32[B, 100]) -> (y: f32[B, 100]) {
  return softmax(x)
}
`

// What one can count by hand, through all passes, on both targets.
func TestByHand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "byhand.mlx")
	if err := os.WriteFile(file, []byte(byHand), 0o666); err != nil {
		t.Fatal(err)
	}
	const b = 3
	machine := explain.Machine{Name: "one of each", FLOPs: 1, Bandwidth: 1}
	for _, c := range []struct {
		entry                string
		flops, read, written float64
		bound                string
		functions            float64 // exponentials: on Metal 20 operations each, on the CPU their arithmetic
	}{
		{"product", 2 * b * 7 * 11, 4 * (b*11 + 7*11), 4 * b * 7, "memory", 0},
		{"window", 2 * b * 9 * 9 * 3 * 3 * 2, 4 * (b*9*9*2 + 2*3*3), 4 * b * 9 * 9, "compute", 0},
		{"row", b * 100, 4 * b * 100, 4 * b, "memory", 0},
		{"linear", 2*b*7*11 + 2*b*7, 4 * (b*11 + 7*11 + 7), 4 * b * 7, "memory", 0},
		{"soft", 4 * b * 100, 4 * b * 100, 4 * b * 100, "compute", b * 100},
	} {
		for _, target := range []ir.Target{ir.CPU, ir.Metal} {
			plans := explained(t, file, target, machine, c.entry, map[string]int64{"B": b})
			if len(plans) != 1 || len(plans[0].Launches) != 1 {
				t.Fatalf("%s on %s: %d plans", c.entry, target, len(plans))
			}
			got := plans[0]
			flops := c.flops + 20*c.functions
			if each := (got.Total.FLOPs - c.flops) / c.functions; target == ir.CPU && c.functions > 0 {
				if flops = got.Total.FLOPs; each < 10 || each > 40 || each != math.Trunc(each) {
					t.Errorf("%s: %g operations for a function", c.entry, each)
				}
			}
			want := explain.Cost{FLOPs: flops, Read: c.read, Written: c.written, Bound: c.bound,
				Intensity: flops / (c.read + c.written), Time: max(flops, c.read+c.written)}
			if diff := cmp.Diff(want, got.Launches[0].Cost); diff != "" {
				t.Errorf("%s on %s: %s", c.entry, target, diff)
			}
			if diff := cmp.Diff(want, got.Total.Cost); diff != "" {
				t.Errorf("%s on %s in total: %s", c.entry, target, diff)
			}
			if got.Total.Least != int64(c.read+c.written) {
				t.Errorf("%s on %s: at least %d bytes, want %g", c.entry, target, got.Total.Least, c.read+c.written)
			}
		}
	}
}

func TestDims(t *testing.T) {
	const digits = "../../testdata/digits/digits.mlx"
	one := explained(t, digits, ir.CPU, explain.Machines[ir.CPU], "read", map[string]int64{"B": 1})
	most := explained(t, digits, ir.CPU, explain.Machines[ir.CPU], "read", nil)
	if one[0].Dims[0].Value != 1 || most[0].Dims[0].Value != 256 {
		t.Errorf("at %v and %v", one[0].Dims, most[0].Dims)
	}
	last := len(one[0].Launches) - 1 // stores probs, and maybe the labels too
	if a, b := one[0].Launches[last], most[0].Launches[last]; a.Written < 40 || b.Written != 256*a.Written {
		t.Errorf("%g bytes for one, %g for 256", a.Written, b.Written)
	}
	m, err := mlxc.Load(digits, mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := explain.Explain(m, ir.CPU, explain.Machines[ir.CPU], "read", map[string]int64{"B": 257}); err == nil || err.Error() != "B is 257, and lies in 0..256" {
		t.Error(err)
	}
}

// Blocks that are alive at one step do not overlap, and each step uses only what is
// alive.
func TestMemory(t *testing.T) {
	for _, target := range []ir.Target{ir.CPU, ir.Metal} {
		for _, p := range explained(t, "../../testdata/mnist/mnist.mlx", target, explain.Machines[target], "", nil) {
			live := int64(0)
			for _, l := range p.Launches {
				live = max(live, l.Live)
			}
			if m := p.Memory; live != m.Live || m.Bound > m.Live || m.Live > m.Arena || len(m.Blocks) == 0 {
				t.Errorf("%s: the launches have %d bytes alive, the memory is %+v", target, live, m)
			}
			for i, a := range p.Memory.Blocks {
				for _, b := range p.Memory.Blocks[:i] {
					if a.First <= b.Last && b.First <= a.Last && a.Offset < b.Offset+b.Bytes && b.Offset < a.Offset+a.Bytes {
						t.Errorf("%s: %v and %v overlap", target, a, b)
					}
				}
				for _, n := range append(a.Reads, a.Writes...) {
					if n < a.First || n > a.Last {
						t.Errorf("%s: step %d uses %v", target, n, a)
					}
				}
			}
		}
	}
}

// The document names every field of the JSON.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/explain.md")
	if err != nil {
		t.Fatal(err)
	}
	var visit func(reflect.Type)
	visit = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice:
			visit(typ.Elem())
		case reflect.Struct:
			for i := range typ.NumField() {
				f := typ.Field(i)
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if name == "" && !f.Anonymous {
					t.Errorf("%s.%s has no name in JSON", typ, f.Name)
				} else if !f.Anonymous && !strings.Contains(string(text), "| `"+name+"` |") {
					t.Errorf("docs/explain.md does not name %q of %s", name, typ)
				}
				visit(f.Type)
			}
		}
	}
	visit(reflect.TypeFor[explain.Explanation]())
}
