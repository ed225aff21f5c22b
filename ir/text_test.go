package ir

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// example is the text of ir/README.md's example.
const example = `mlxir 1
module "example" {
  checkpoint safetensors "example.safetensors"
  dim B 0..8
  param @fc.weight: f32[3, 4] = "fc.weight" init uniform(0.5) loc 0
  func @predict(%x: f32[B, 4]) -> (y: f32[B, 3]) where B <= 7 loc 1 loc 1 {
    %fc.weight = weight(param=@fc.weight) : f32[3, 4] loc 0
    %0 = transpose(%fc.weight, perm=[1, 0]) : f32[4, 3] loc 2
    %1 = matmul(%x, %0, acc=f32) : f32[B, 3] loc 2
    %y = relu(%1) : f32[B, 3] on cpu loc 2
    ret(%y)
  }
}
loc 0 = "nn.mlx":3:5..9 in "fc"
loc 1 = "example.mlx":7:1
loc 2 = "nn.mlx":9:5 in "fc" from 1
`

func TestExampleRoundTrips(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil || !strings.Contains(string(readme), example) {
		t.Error("README.md has another example", err)
	}
	m, err := Parse("example.mlxir", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(m); err != nil {
		t.Error(err)
	}
	if got := Print(m); got != example {
		t.Errorf("printed:\n%s", got)
	}
}

// Each text below breaks one rule of the parser; the message says where and what.
func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"mlxir 1", "mlxir 2", "1:7: error: unexpected version `2`, expected 1"},
		{`module "example"`, `module example`, "2:8: error: unexpected `example`, expected a string"},
		{"dim B 0..8", "dim B 8..0", "4:7: error: dim B has bounds 8..0"},
		{"f32[B, 4])", "f32[C, 4])", "6:25: error: size C is not declared"},
		{"%x: f32", "%x: float32", "6:21: error: there is no dtype float32; did you mean f32?"},
		{"init uniform(0.5)", "plane 0 f32[3, 4]", "unexpected `f32`, expected `of`"},
		{"relu(", "rellu(", "there is no op rellu; did you mean relu?"},
		{"relu(%1)", "relu(%2)", "%2 is not defined"},
		{"%y = relu", "%x = relu", "%x is defined twice"},
		{"acc=f32", "ack=f32", "attribute ack is not wanted here"},
		{", acc=f32", "", "unexpected `)`"},
		{"param=@fc.weight)", "param=@fc.bias)", "param @fc.bias is not declared"},
		{"on cpu", "on tpu", "there is no device tpu"},
		{"ret(%y)", "ret(%y, %y)", "func @predict has 1 results"},
		{"loc 2\n    ret", "loc 9\n    ret", "loc 9 is not in the table at the end"},
		{"f32[3, 4] = ", "f32[3, 4 = ", "unexpected `=`, expected `,`"},
		{"f32[3, 4] = ", "f32[" + strings.Repeat("(", 300) + "3, 4] = ", "nested more than 200 deep"},
		{"f32[3, 4] = ", "f32[9223372036854775807 * 2, 4] = ", "the size leaves the range of 64 bits"},
	} {
		text := strings.Replace(example, c.old, c.new, 1)
		if text == example {
			t.Fatalf("%q is not in the example", c.old)
		}
		_, err := Parse("example.mlxir", []byte(text))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s for %s: got %v, want %q", c.new, c.old, err, c.want)
		}
	}
}

// A schedule's form is part of the text; that of the CPU has none.
func TestScheduleText(t *testing.T) {
	text := func(form string) string {
		return "mlxir 1\nmodule \"example\" {\n  kernel @k {\n    arg %out: f32[1] write\n    v0 = const 1 : f32\n    store %out[0] = v0\n" +
			"    schedule grain 0 threads 128 vec 1 align 4 over [] scratch 0" + form + "\n  }\n}\n"
	}
	for _, form := range []string{"", " as points", " as simd", " as group", " as tile m 32 n 64 k 16"} {
		m, err := Parse("form.mlxir", []byte(text(form)))
		if err != nil {
			t.Errorf("%q: %v", form, err)
			continue
		}
		if got := Print(m); got != text(form) {
			t.Errorf("%q becomes\n%s", form, got)
		}
	}
	for form, want := range map[string]string{" as rows": "there is no form rows", " as tile m 32": "expected `n`", " as": "unexpected"} {
		if _, err := Parse("form.mlxir", []byte(text(form))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", form, err, want)
		}
	}
}

// gated is a kernel of two products with one left factor.
const gated = `mlxir 1
module "gated" {
  kernel @k {
    arg %x: f32[6] read
    arg %g: f32[8] read
    arg %u: f32[8] read
    arg %out: f32[12] write
    axes i0 < 3, i1 < 4, r0 < 2
    par i0, i1
    v0 = load %x[2*i0 + r0] : f32
    v1 = load %g[i1 + 4*r0] : f32
    v2 = mul v0, v1 : f32
    v3 = reduce add v2 over r0 : f32
    v4 = load %u[i1 + 4*r0] : f32
    v5 = mul v0, v4 : f32
    v6 = reduce add v5 over r0 : f32
    v7 = mul v3, v6 : f32
    store %out[4*i0 + i1] = v7
    contract m i0 n i1 a v0 b v1 sum v3 b v4 sum v6
    schedule grain 0 threads 128 vec 1 align 4 over [] scratch 0 as tile m 16 n 16 k 16
  }
}
`

// A contraction has a right factor or more, each of which must be one.
func TestRightFactors(t *testing.T) {
	m, err := Parse("gated.mlxir", []byte(gated))
	if err != nil {
		t.Fatal(err)
	}
	if got := Print(m); got != gated || len(m.Kernels[0].Contract.Rights) != 2 {
		t.Errorf("becomes\n%s", got)
	}
	if err := Verify(m); err != nil {
		t.Error(err)
	}
	const contract = "b v1 sum v3 b v4 sum v6"
	for _, c := range []struct{ old, new, want string }{
		{contract, "b v1 sum v3 b v4 sum v3", "v3 is not the sum of v0 * v4"},
		{contract, "b v1 sum v3 b v0 sum v6", "v6 is not the sum of v0 * v0"},
		{contract, "b v1 sum v3 b v4", "expected `sum`"},
		{contract, "", "expected `b`"},
		{"load %u[i1 + 4*r0]", "load %u[2*i0 + r0]", "n is an axis of the grid that v4 varies with, and v0 not: i1"},
		{"m 16 n 16", "m 512 n 512", "no tile of 512 by 512"},
		{"m 16 n 16 k 16", "m 64 n 128 k 16", "no tile of 64 by 128"}, // which has room for one
	} {
		m, err := Parse("gated.mlxir", []byte(strings.Replace(gated, c.old, c.new, 1)))
		if err == nil {
			err = Verify(m)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: got %v, want %q", c.new, c.old, err, c.want)
		}
	}
	m.Kernels[0].Contract.Rights = m.Kernels[0].Contract.Rights[:1]
	m.Kernels[0].Schedule.Tile = Tile{M: 64, N: 128, K: 16}
	if err := Verify(m); err != nil {
		t.Error(err)
	}
}

// Each file in testdata/verify breaks the rule that it is named after.
func TestVerifierRules(t *testing.T) {
	files, err := filepath.Glob("testdata/verify/*.mlxir")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files, %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rule := strings.ReplaceAll(strings.TrimSuffix(filepath.Base(file), ".mlxir"), ".", "/")
		m, err := Parse(file, text)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if err := Verify(m); err == nil || !strings.Contains(err.Error(), rule+": ") {
			t.Errorf("%s: want a fault of rule %s, got %v", file, rule, err)
		}
	}
}

func TestParseType(t *testing.T) {
	b := &Dim{Name: "B", Max: 10}
	scope := func(name string) (Size, bool) { return b.Size(), name == "B" }
	for text, want := range map[string]string{
		"f32":                         "f32",
		"bool[]":                      "bool",
		"i32[ 2*B + 1 , div(B, 2)]":   "i32[2*B + 1, div(B, 2)]",
		"f16[(B + 1)*(B - 1), 4*B/2]": "f16[B*B - 1, 2*B]",
		"u8[mod(B, 3), -B + 12]":      "u8[mod(B, 3), -B + 12]",
	} {
		got, err := ParseType(text, scope, []string{"B"})
		if err != nil || got.String() != want {
			t.Errorf("%s: %v, %v; want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"f33":           "there is no dtype f33; did you mean f32?",
		"f32[B/2]":      "B does not divide by 2; div(a, b) rounds down",
		"f32[div(B,0)]": "division by 0",
		"f32[b]":        "size b is not declared",
		"f32[B] B":      "unexpected `B` after the type",
		"f32[B":         "unexpected end of text",
	} {
		if _, err := ParseType(text, scope, []string{"B"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// A text that parses prints to a text that parses to the same text; one that does
// not says where, within the file. Neither panics.
func FuzzParse(f *testing.F) {
	f.Add(example)
	filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error { // all of the repository
		if filepath.Ext(path) != ".mlxir" {
			return err
		}
		text, err := os.ReadFile(path)
		f.Add(string(text))
		return err
	})
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Parse("fuzz.mlxir", []byte(text))
		var syntax *SyntaxError
		if errors.As(err, &syntax) {
			if lines := strings.Count(text, "\n") + 1; syntax.Pos.Line < 1 || syntax.Pos.Line > lines {
				t.Fatalf("line %d of %d", syntax.Pos.Line, lines)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		first := Print(m)
		back, err := Parse("fuzz.mlxir", []byte(first))
		if err != nil {
			t.Fatalf("%v in\n%s", err, first)
		}
		if second := Print(back); second != first {
			t.Fatalf("printed\n%s\nthen\n%s", first, second)
		}
		Verify(m)
	})
}

func FuzzParseType(f *testing.F) {
	for _, s := range []string{"f32[B, 28]", "i32[2*B + div(B, 3) - mod(B, 2)]", "q4g64[3]", "f16[((B))]"} {
		f.Add(s)
	}
	b := &Dim{Name: "B", Max: math.MaxInt32}
	scope := func(name string) (Size, bool) { return b.Size(), name == "B" }
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseType(text, scope, []string{"B"})
		if err != nil {
			return
		}
		again, err := ParseType(got.String(), scope, nil)
		if err != nil || !again.Equal(got) {
			t.Fatalf("%q gives %s, which gives %s, %v", text, got, again, err)
		}
	})
}

// A value without a name has a number that no name is.
func TestNumbersAreNoNames(t *testing.T) {
	x := Type{DType: F32, Shape: []Size{}}
	m := &Module{Name: "m", Funcs: []*Func{{Name: "f", Inputs: []*Value{{Name: "0", Type: x}, {Type: x}, {Name: "1", Type: x}}}}}
	if text := Print(m); !strings.Contains(text, "(%0: f32, %1: f32, %1_2: f32)") {
		t.Error(text)
	}
}
