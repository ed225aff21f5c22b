package dsl

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mlxc/mlxc/ir"
)

func TestWarnings(t *testing.T) {
	const model = `import nn, "lib.mlx" as lib
import "other.mlx" as other
config { width: int = 4, depth: int = 2 }
const half = width / 2
const third = width / 3
dim B <= 8, T <= 16, S <= 32
param unread: f32[4]
state calls: i32 = 0
state unused: i32 = 0
fc = nn.Linear(width, half) at "fc{width}"
spare = nn.Linear(4, 4)

block Part(in: int, out: int, layer: int) {
  w = nn.Linear(in, in) at "w_{layer}"
  v = nn.Linear(in, in)
  if in > 2 { scale = 2.0 } else { scale = 3.0 }
  fn forward(x: f32[T, in], gain: float, _spare: int = 0) -> f32[T, in] {
    w = w(x)
    y = 3
    return w * scale
  }
  fn helper(x: f32[T, in]) { return x }
  fn named(x: f32[T, in]) { return x }
}
part = Part(4, 4, 1)

fn never(x: f32[4]) { return x }
fn looped(xs: [tensor]) {
  out = []
  for i, x in enumerate(xs) { out = out + [x for j in 0..2] }
  return out
}

entry e(x: f32[B, 4], unread: f32[4]) -> (y: f32[B, 2], z: f32[4, 4]) {
  calls = calls + 1
  x = lib.half(x)
  z = part.named(part(array([[1, 2, 3, 4]] + looped([])[:0], f32), 1.0))
  return fc(x), z
}
test "t" uses "a.npz" as g { n = 1 }
const group = 32
const grid = 64
const twice = 2
fn double(x: f32[4]) { return x + x }
kernel idle(x: f32[4], gain: float, spare: float) -> (y: f32[4]) {
  ref { return double(x) }
  metal(grid=[grid], group=[group]) @y[0] = gain;@
  vjp(d: f32[4]) { return twice * d }
}
`
	sources := map[string]string{
		"m.mlx": strings.NewReplacer("int = 4, depth", "int = 4\n  depth", "@", "`").Replace(model),
		"lib.mlx": `import nn
dim N <= 4
const unseen = 1
fn half(x: E[...S]) -> E[...S] {
  lost = 1
  return x * 0.5
}
`,
		"other.mlx": "const one = 1\n",
	}
	opts := Options{Warnings: &ir.Diagnostics{}, ReadFile: func(name string) ([]byte, error) { return []byte(sources[name]), nil }}
	Load("m.mlx", opts)
	var got []string
	for _, d := range opts.Warnings.Sorted() {
		got = append(got, d.Error())
	}
	want := []string{
		"lib.mlx:1:8: warning: `nn` is imported and never used",
		"lib.mlx:5:3: warning: `lost` is assigned and never read",
		"m.mlx:2:8: warning: `other` is imported and never used",
		"m.mlx:4:3: warning: the config `depth` is never used",
		"m.mlx:6:7: warning: the const `third` is never used",
		"m.mlx:7:13: warning: no entry and no state has the size `T`",
		"m.mlx:7:22: warning: the dim `S` is never used",
		"m.mlx:8:7: warning: the param `unread` is never used",
		"m.mlx:10:7: warning: the state `unused` is never used",
		"m.mlx:12:1: warning: the member `spare` is never used",
		"m.mlx:14:21: warning: the parameter `out` is never used",
		"m.mlx:15:3: warning: the member `w` is never used", // it is hidden
		"m.mlx:16:3: warning: the member `v` is never used",
		"m.mlx:18:29: warning: the parameter `gain` is never used",
		"m.mlx:19:5: warning: the variable `w` hides the member `w`",
		"m.mlx:20:5: warning: `y` is assigned and never read",
		"m.mlx:23:6: warning: the function `helper` is never called",
		"m.mlx:28:4: warning: the function `never` is never called",
		"m.mlx:35:23: warning: the parameter `unread` is never used",
		"m.mlx:41:26: warning: the array file `g` is never used",
		"m.mlx:41:30: warning: `n` is assigned and never read",
		"m.mlx:46:8: warning: the kernel `idle` is never used",
		"m.mlx:46:37: warning: the parameter `spare` is never used",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	opts.Warnings = nil
	_, err := Load("m.mlx", opts)
	if err == nil || !strings.Contains(err.Error(), "error: `y` is assigned and never read") || strings.Contains(err.Error(), "never called") {
		t.Error("without warnings:", err)
	}
}
