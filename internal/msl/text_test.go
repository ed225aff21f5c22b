package msl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTokens(t *testing.T) {
	text := "#include <metal_stdlib>\nfloat x = a[b[0]] * 1e-5f; // c\n/* d\n e */ kernel [[buffer(0)]] p->q @"
	type tok struct {
		Text      string
		Kind      kind
		Line, Col int
	}
	var got []tok
	for _, t := range tokenize(text) {
		got = append(got, tok{t.text, t.kind, t.line, t.col})
		if text[t.pos:t.pos+len(t.text)] != t.text {
			panic("a token is not where it says")
		}
	}
	want := []tok{
		{"#include <metal_stdlib>", directive, 1, 1},
		{"float", ident, 2, 1}, {"x", ident, 2, 7}, {"=", punct, 2, 9}, {"a", ident, 2, 11}, {"[", punct, 2, 12}, {"b", ident, 2, 13},
		{"[", punct, 2, 14}, {"0", number, 2, 15}, {"]", punct, 2, 16}, {"]", punct, 2, 17}, {"*", punct, 2, 19}, {"1e-5f", number, 2, 21}, {";", punct, 2, 26},
		{"kernel", ident, 4, 7}, {"[[", punct, 4, 14}, {"buffer", ident, 4, 16}, {"(", punct, 4, 22}, {"0", number, 4, 23}, {")", punct, 4, 24}, {"]]", punct, 4, 25},
		{"p", ident, 4, 28}, {"->", punct, 4, 29}, {"q", ident, 4, 31}, {"@", foreign, 4, 33},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestKernels(t *testing.T) {
	got, err := Kernels(head + `struct S {
    int n;
};

float twice(float x) {
    return 2.0f * x;
}

kernel void k(
    device const float4 *x [[buffer(2)]],
    device uchar *y [[buffer(0)]],
    constant S &s [[buffer(30)]],
    uint2 i [[thread_position_in_grid]]) {
    y[i[0]] = uchar(twice(x[0][0]));
}

kernel void nothing() {
}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []Kernel{
		{"k", 11, []Argument{
			{"x", "buffer", 2, "device", true, "float4", "*"},
			{"y", "buffer", 0, "device", false, "uchar", "*"},
			{"s", "buffer", 30, "constant", false, "S", "&"},
			{"i", "thread_position_in_grid", 0, "", false, "uint2", ""},
		}},
		{"nothing", 19, nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := Kernels(head + "kernel int k() { return 1; }\n"); err == nil {
		t.Error("a text that the lint refuses has kernels")
	}
}

// The text in C++ has the lines of the text in Metal.
func TestTransformKeepsLines(t *testing.T) {
	text := readText(t, "good.metal")
	f := parse(text)
	_, cpp, _ := strings.Cut(transform(text, f, false), "#line 1 \"metal\"\n")
	lines := strings.Split(cpp, "\n")
	for i, line := range strings.Split(text, "\n") {
		if at, _, ok := strings.Cut(line, "[["); ok {
			line = at
		}
		if strings.HasPrefix(line, "#include") || strings.HasPrefix(line, "    threadgroup ") || strings.Contains(lines[i], "matrices<") {
			continue
		}
		if !strings.HasPrefix(lines[i], line) {
			t.Errorf("line %d is %q, was %q", i+1, lines[i], line)
		}
	}
}

// Two threadgroup variables on one line, one over several, and one in an odd place.
func TestThreadgroupVariables(t *testing.T) {
	r := testRunner(t)
	p := prepare(t, head+`kernel void k(device int *y [[buffer(0)]], uint t [[thread_index_in_threadgroup]]) {
    const int n = 4;
    threadgroup int a[n * 8]; threadgroup int b;
    threadgroup
        int4 c[4][2]
        ;
    a[t] = int(t);
    if (t == 0) {
        b = 100;
    }
    if (t < 8) {
        c[t / 2][t % 2] = int4(int(t));
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    y[t] = a[31 - t] + b + c[t % 8 / 2][t % 2][1];
}
`)
	l := Launch{Kernel: "k", Buffers: [][]byte{make([]byte, 128)}, Threads: [3]uint32{32}}
	if err := r.Verify(p, l); err != nil {
		t.Fatal(err)
	}
	for i, v := range decode("int", l.Buffers[0]) {
		if want := int64(31 - i + 100 + i%8); v.i != want {
			t.Errorf("y[%d] = %d, want %d", i, v.i, want)
		}
	}
}

// Whatever the bytes, nothing panics, and what the lint accepts can be transformed.
func FuzzText(f *testing.F) {
	f.Add(head + "kernel void k(device float *a [[buffer(0)]]) { threadgroup float s[4]; s[0] = a[0]; a[1] = s[0]; }\n")
	for _, name := range []string{"testdata/*.metal", "../../testdata/gen/*/model.metal"} {
		paths, _ := filepath.Glob(name)
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(data))
		}
	}
	f.Add("kernel void k(device float *a [[]]) {}")
	f.Add("[[ ]] ]] ( { [ a[b[[c]]] constant using struct S { } kernel <")
	f.Fuzz(func(t *testing.T, text string) {
		file := parse(text)
		for _, tok := range file.tokens {
			if text[tok.pos:tok.pos+len(tok.text)] != tok.text || tok.line < 1 || tok.col < 1 {
				t.Fatalf("token %+v", tok)
			}
		}
		problems := file.lint()
		if len(problems) > maxProblems {
			t.Fatalf("%d problems", len(problems))
		}
		if len(problems) == 0 {
			cpp := transform(text, file, false)
			if strings.Count(cpp, "\n") < strings.Count(text, "\n") {
				t.Fatal("the transform loses lines")
			}
		}
	})
}
