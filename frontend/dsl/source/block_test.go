package source

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Blocks that differ in sizes and strides are one, whose functions take their sizes from what
// they are given; what the parts of a model have in common stands once.
func TestSourceOfBlocks(t *testing.T) {
	const model = `import nn
block Part(in: int, out: int, stride: int) {
  conv = nn.Conv2d(in, out, 3, stride=stride, pad=1)
  norm = nn.BatchNorm(out)
  fn forward(x: f32[1, Y, X, in]) { return relu(norm(conv(x))) }
}
parts = [Part(3, 8, 2), Part(8, 16, 2), Part(16, 16, 1), Part(16, 32, 1)]
side = Part(16, 32, 1)
entry run(x: f32[1, 32, 24, 3]) -> (y: f32[1, 8, 6, 32]) {
  x = parts[2](parts[1](parts[0](x)))
  return parts[3](x) + side(x)
}
`
	const want = `import nn

block Part(in: int, out: int, stride: int) {
  conv = nn.Conv2d(in, out, 3, stride=stride, pad=1)
  norm = nn.BatchNorm(out)

  fn forward(x: f32[1, H, W, in]) { return relu(norm(conv(x))) }
}

parts = [Part(3, 8, 2), Part(8, 16, 2), Part(16, 16, 1), Part(16, 32, 1)]
side = Part(16, 32, 1)

entry run(x: f32[1, 32, 24, 3]) -> (y: f32[1, 8, 6, 32]) {
  for i in 0..3 { x = parts[i](x) }
  return parts[3](x) + side(x)
}
`
	wantSource(t, model, want)
	// The function conv is needed: no layer is called so.
	bare := strings.Replace(model, "side(x)", "side(conv(x, k, pad=1))", 1) + "param k: f32[16, 3, 3, 16]\n"
	if text := sourceOf(t, bare); !strings.Contains(text, "conv_2 = nn.Conv2d(in, out") {
		t.Error(text)
	}
}

func wantSource(t *testing.T, model, want string) {
	t.Helper()
	if text := sourceOf(t, model); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

// What all calls of a block have before them is part of it, and what they are given beside; what
// some have behind them is not.
func TestSourceOfCalls(t *testing.T) {
	const model = `import nn
block Res(C: int, one: float) {
  fc = nn.Linear(C, C)
  norm = nn.LayerNorm(C)
  fn forward(x: f32[5, C]) -> f32[5, C] { return x + fc(norm(relu(x))) * one }
}
a = Res(8, 0.5)
b = Res(8, 0.5)
c = Res(16, 0.25)
entry run(x: f32[5, 8], y: f32[5, 16]) -> (x: f32[5, 8], y: f32[5, 16]) { return tanh(b(a(x))), c(y) }
`
	wantSource(t, model, `import nn

block A(in: int) {
  fc = nn.Linear(in, in)
  norm = nn.LayerNorm(in)

  fn forward(x: f32[5, in]) -> f32[5, in] { return fc(norm(relu(x))) }
}

a = A(8)
b = A(8)
c = A(16)

entry run(x: f32[5, 8], y: f32[5, 16]) -> (x: f32[5, 8], y: f32[5, 16]) {
  x = x + a(x) * 0.5
  return tanh(x + b(x) * 0.5), y + c(y) * 0.25
}
`)
	wantSource(t, strings.ReplaceAll(model, "0.25", "0.5"), `import nn

block A(in: int) {
  fc = nn.Linear(in, in)
  norm = nn.LayerNorm(in)

  fn forward(x: f32[5, in]) -> f32[5, in] { return x + fc(norm(relu(x))) * 0.5 }
}

a = A(8)
b = A(8)
c = A(16)

entry run(x: f32[5, 8], y: f32[5, 16]) -> (x: f32[5, 8], y: f32[5, 16]) {
  return tanh(b(a(x))), c(y)
}
`)
	// What is computed twice of the same is one argument, and a part that goes beside is inside.
	wantSource(t, `import nn
block Half(C: int) {
  a = nn.Linear(C, C)
  b = nn.Linear(C, C)
  fn forward(x: f32[2, 5, C]) -> f32[2, 5, C] { return stack([x[0], b(relu(a(x[1])))]) }
}
block Both(C: int) {
  left = nn.Linear(C, 4)
  right = nn.Linear(C, 4)
}
a = Half(8)
b = Half(16)
c = Both(8)
d = Both(5)
entry run(x: f32[2, 5, 8], y: f32[2, 5, 16]) -> (x: f32[2, 5, 4], y: f32[2, 5, 16], z: f32[2, 8, 4]) {
  x = a(x)
  return c.left(x) + c.right(x), b(y), d.left(x.T) + d.right(x.T)
}
`, `import nn

block A(in: int) {
  a = nn.Linear(in, in)
  b = nn.Linear(in, in)

  fn forward(x: f32[2, 5, in]) -> f32[2, 5, in] { return stack([x[0], b(relu(a(x[1])))]) }
}

block C(in: int) {
  left = nn.Linear(in, 4)
  right = nn.Linear(in, 4)

  fn forward(x: f32[2, T, in]) -> f32[2, T, 4] { return left(x) + right(x) }
}

a = A(8)
b = A(16)
c = C(8)
d = C(5)

entry run(x: f32[2, 5, 8], y: f32[2, 5, 16])
    -> (x: f32[2, 5, 4], y: f32[2, 5, 16], z: f32[2, 8, 4]) {
  x = a(x)
  return c(x), b(y), d(x.T)
}
`)
	// One that does two things has two functions.
	wantSource(t, `import nn
block Two() {
  in = nn.Linear(4, 4)
  out = nn.Linear(4, 4)
  fn at(x: f32[2, 5, 4], i: int) -> f32[5, 4] { return out(relu(in(x[i]))) }
}
a = Two()
b = Two()
entry first(x: f32[2, 5, 4]) -> (y: f32[5, 4], z: f32[5, 4]) { return a.at(x, 0), b.at(x, 0) }
entry second(x: f32[2, 5, 4]) -> (y: f32[5, 4], z: f32[5, 4]) { return a.at(x, 1), b.at(x, 1) }
`, `import nn

block A() {
  in = nn.Linear(4, 4)
  out = nn.Linear(4, 4)

  fn forward(x: f32[2, 5, 4]) -> f32[5, 4] { return out(relu(in(x[0]))) }

  fn second(x: f32[2, 5, 4]) -> f32[5, 4] { return out(relu(in(x[1]))) }
}

a = A()
b = A()

entry first(x: f32[2, 5, 4]) -> (y: f32[5, 4], z: f32[5, 4]) { return a(x), b(x) }

entry second(x: f32[2, 5, 4]) -> (y: f32[5, 4], z: f32[5, 4]) { return a.second(x), b.second(x) }
`)
	// A block that another takes part in has no function.
	wantSource(t, `import nn
block Two() {
  in = nn.Linear(4, 4)
  out = nn.Linear(4, 4)
}
a = Two()
b = Two()
entry run(x: f32[5, 4]) -> (y: f32[5, 4]) { return b.out(a.out(relu(b.in(a.in(x))))) }
`, `import nn

block A() {
  in = nn.Linear(4, 4)
  out = nn.Linear(4, 4)
}

a = A()
b = A()

entry run(x: f32[5, 4]) -> (y: f32[5, 4]) {
  x = a.out(relu(b.in(a.in(x))))
  return b.out(x)
}
`)
}

// The example of the page about ONNX is what is written of it.
func TestSourceOfPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/onnx.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?ms)^```mlx\n(.*?)^```\n").FindSubmatch(page)
	if example == nil {
		t.Fatal("the page has no example")
	}
	if text := sourceOf(t, string(example[1])); text != string(example[1]) {
		t.Errorf("got\n%s\nwant\n%s", text, example[1])
	}
}
