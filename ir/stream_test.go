package ir

import (
	"strings"
	"testing"
)

// What a stream says must be so: each text below breaks one part of it.
func TestStreamParts(t *testing.T) {
	const text = `mlxir 1
module "attention" {
  dim T 1..9
  dim S 1..9
  kernel @heads {
    arg %q: f32[30*T] read
    arg %k: f32[10*S] read
    arg %v: f32[14*S] read
    arg %out: f32[42*T] write
    dims T, S
    axes i0 < 2, i1 < 3, i2 < T, i3 < 7, r0 < 5, r1 < S
    par i0, i1, i2, i3
    v0 = load %q[15*T*i0 + 5*T*i1 + 5*i2 + r0] : f32
    v1 = load %k[5*S*i0 + r0 + 5*r1] : f32
    v2 = mul v0, v1 : f32
    v3 = reduce add v2 over r0 : f32
    v4 = const 0.5 : f32
    v5 = mul v3, v4 : f32
    v6 = reduce max v5 over r1 : f32
    v7 = sub v5, v6 : f32
    v8 = exp v7 : f32
    v9 = load %v[7*S*i0 + i3 + 7*r1] : f32
    v10 = mul v8, v9 : f32
    v11 = reduce add v10 over r1 : f32
    v12 = reduce add v8 over r1 : f32
    v13 = div v11, v12 : f32
    store %out[21*T*i0 + 7*T*i1 + 7*i2 + i3] = v13
    stream keys r1 m i1, i2 n i3 query v0 key v1 dot v3 score v5 max v6 exp v8 sum v12 value v9 weighted v11
  }
}
`
	for _, c := range []struct{ old, new, want string }{
		{"", "", ""},
		{"m i1, i2 ", "", ""}, // a row each
		{"stream keys r1", "stream keys r9", "not declared"},
		{"n i3 query", "query", "expected `n`"},
		{"stream keys r1", "stream keys r0", "v6 is no max over r0"},
		{"dot v3", "dot v2", "v2 is no add"},
		{"max v6", "max v12", "v12 is no max"},
		{"sum v12", "sum v11", "v11 is no add"},
		{"weighted v11", "weighted v12", "v12 is no add"},
		{"query v0 key v1", "query v1 key v0", "no query, key and value"},
		{"exp v8 sum v12 value v9", "exp v9 sum v12 value v8", "v12 is no add"},
		{"v8 = exp v7", "v8 = exp v4", "no score and its exponential"},
		{"v8 = exp v7", "v8 = mul v7, v0", "no score and its exponential"},
		{"v5 = mul v3, v4", "v5 = mul v1, v4", "no score and its exponential"},
		{"div v11, v12", "div v11, v6", "what is stored needs v6"},
		{"m i1, i2", "m i0, i1, i2", "m is an axis of the grid that v0 varies with, and v1 and v9 do not: i0"},
		{"n i3", "n i2", "n is an axis of the grid that v9 varies with, and v5 does not: i2"},
		{"v13 = div v11, v12 : f32", "v13 = reduce add v12 over r0 : f32", "reduces something else, v13"},
	} {
		m, err := Parse("attention.mlxir", []byte(strings.Replace(text, c.old, c.new, 1)))
		if err == nil {
			err = Verify(m)
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q for %q: %v, want %q", c.new, c.old, err, c.want)
		}
		if c.old == "" && err == nil && !strings.Contains(Print(m), text[strings.Index(text, "stream keys"):]) {
			t.Errorf("printed as\n%s", Print(m))
		}
	}
}
