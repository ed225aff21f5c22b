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
    v6 = size T + r1 : i32
    v7 = size S + i2 : i32
    v8 = le v6, v7 : bool
    v9 = const -inf : f32
    v10 = select v8, v5, v9 : f32
    v11 = reduce max v10 over r1 : f32
    v12 = sub v10, v11 : f32
    v13 = exp v12 : f32
    v14 = load %v[7*S*i0 + i3 + 7*r1] : f32
    v15 = mul v13, v14 : f32
    v16 = reduce add v15 over r1 : f32
    v17 = reduce add v13 over r1 : f32
    v18 = div v16, v17 : f32
    store %out[21*T*i0 + 7*T*i1 + 7*i2 + i3] = v18
    stream keys r1 seen S - T + i2 + 1 m i1, i2 n i3 query v0 key v1 dot v3 score v10 max v11 exp v13 sum v17 value v14 weighted v16
  }
}
`
	for _, c := range []struct{ old, new, want string }{
		{"", "", ""},
		{"m i1, i2 ", "", ""}, // a row each
		{"seen S - T + i2 + 1 ", "", ""},
		{"stream keys r1", "stream keys r9", "not declared"},
		{"n i3 query", "query", "expected `n`"},
		{"stream keys r1", "stream keys r0", "v11 is no max over r0"},
		{"seen S - T + i2 + 1", "seen S - T + i2", "v10 does not say that nothing is seen from S - T + i2 on"},
		{"le v6, v7", "lt v6, v7", "v10 does not say"},
		{"select v8, v5, v9", "select v8, v5, v4", "v10 does not say"},
		{"dot v3", "dot v2", "v2 is no add"},
		{"max v11", "max v17", "v17 is no max"},
		{"sum v17", "sum v16", "v16 is no add"},
		{"weighted v16", "weighted v17", "v17 is no add"},
		{"query v0 key v1", "query v1 key v0", "no query, key and value"},
		{"v0 = load %q[15*T*i0 + 5*T*i1 + 5*i2 + r0]", "v0 = const 0.25", "v0 is a constant, and no query"},
		{"exp v13 sum v17 value v14", "exp v14 sum v17 value v13", "v17 is no add"},
		{"v13 = exp v12", "v13 = exp v4", "no score and its exponential"},
		{"v13 = exp v12", "v13 = mul v12, v0", "no score and its exponential"},
		{"v5 = mul v3, v4", "v5 = mul v1, v4", "no score and its exponential"},
		{"div v16, v17", "div v16, v11", "what is stored needs v11"},
		{"m i1, i2", "m i0, i1, i2", "m is an axis of the grid that v0 varies with, and v1 and v14 do not: i0"},
		{"n i3", "n i2", "n is an axis of the grid that v14 varies with, and v10 does not: i2"},
		{"v18 = div v16, v17 : f32", "v18 = reduce add v17 over r0 : f32", "reduces something else, v18"},
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
