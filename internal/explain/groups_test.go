package explain

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
)

// A launch says which values it computes and why it stores what it stores, by what the
// passes noted at the instructions.
func TestGroups(t *testing.T) {
	file := filepath.Join(t.TempDir(), "groups.mlx")
	text := "dim B <= 8\nentry f(x: f32[B, 8]) -> (y: f32[B, 8]) {\n  a = exp(x + 1)\n  if B == 1 { return sin(a) }\n  return a * a\n}\n"
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	m, err := mlxc.Load(file, mlxc.Source{})
	if err != nil {
		t.Fatal(err)
	}
	g := &groups{}
	planned, err := mlxc.Plan(m, ir.CPU, g.observe)
	if err != nil {
		t.Fatal(err)
	}
	plans, err := explainAll(planned, g, Machines[ir.CPU], "f", nil)
	if err != nil {
		t.Fatal(err)
	}
	type noted struct {
		Values []string
		Stored []Stored
	}
	var got []noted // by variant
	for _, p := range plans {
		for _, l := range p.Launches {
			got = append(got, noted{l.Values, l.Stored})
		}
	}
	result := []Stored{{"y", "a result of the entry"}}
	want := []noted{{[]string{"add", "exp", "sin"}, result}, {[]string{"add", "exp", "mul"}, result}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What no kernel stores belongs to each kernel that reads it; views are named where
// there is nothing else.
func TestGrouped(t *testing.T) {
	m, err := ir.Parse("m.mlxir", []byte(`mlxir 1
module "m" {
  func @f(%x: f32[2, 3]) -> (y: f32[2, 3], z: f32[3, 2], u: f32[2, 3]) {
    %a = exp(%x) : f32[2, 3]
    %b = log(%a) : f32[2, 3]
    %y = add(%a, %b) : f32[2, 3]
    %z = transpose(%x, perm=[1, 0]) : f32[3, 2]
    %u = mul(%b, %y) : f32[2, 3]
    ret(%y, %z, %u)
  }
}
`))
	if err != nil {
		t.Fatal(err)
	}
	body := m.Funcs[0].Body
	body[2].Kernel, body[3].Kernel, body[4].Kernel = 2, 1, 3
	var got [][]string
	for _, g := range grouped(body) {
		got = append(got, g.values)
	}
	want := [][]string{{"transpose"}, {"exp", "log", "add"}, {"exp", "log", "mul"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
