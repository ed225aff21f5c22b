package ir

import (
	"strings"
	"testing"
)

// What fuse says must hold together: each text below breaks one rule.
func TestFuseRules(t *testing.T) {
	const text = `mlxir 1
module "fused" target metal {
  func @f(%x: f32[4]) -> (y: f32[4], z: f32[4]) {
    %0 = exp(%x) : f32[4] on gpu
    %1 = sin(%0) : f32[4] on gpu kernel 1 "read on another device"
    %2 = cos(%1) : f32[4] on cpu kernel 2 "a result"
    %3 = sqrt(%1) : f32[4] on cpu kernel 2 "a result"
    ret(%2, %3)
  }
  func @parts(%u: f32[4]) -> (w: f32[8]) {
    %a = exp(%u) : f32[4] on cpu kernel 1 "a part"
    %b = sin(%u) : f32[4] on cpu kernel 2 "a part"
    %c = concat(%a, %b, axis=0) : f32[8] on cpu kernel 2 in parts "in parts"
    %w = neg(%c) : f32[8] on cpu kernel 3 "a result"
    ret(%w)
  }
}
`
	for _, c := range []struct{ old, new, want string }{
		{"", "", ""},
		{` kernel 2 "a result"
    %3`, "\n    %3", "fuse/result"},
		{`"read on another device"`, `""`, "fuse/why"},
		{"on gpu kernel 1", "on gpu", "unexpected"},
		{`%3 = sqrt(%1) : f32[4] on cpu`, `%3 = sqrt(%1) : f32[4] on gpu`, "fuse/device"},
		{`%0 = exp(%x) : f32[4] on gpu`, `%0 = exp(%x) : f32[4] on cpu`, "fuse/device"},
		{"kernel 1", "kernel 3", "fuse/order"},
		{"kernel 2 in parts", "kernel 1 in parts", "fuse/parts"},
		{`%b = sin(%u) : f32[4] on cpu kernel 2 "a part"`, `%b = sin(%u) : f32[4] on cpu`, "fuse/parts"},
		{"concat(%a, %b", "concat(%b, %b", "fuse/parts"},
		{"%w = neg(%c) : f32[8] on cpu kernel 3", "%w = neg(%c) : f32[8] on cpu kernel 2", "fuse/order"},
		{"%c = concat(%a, %b, axis=0)", "%c = neg(%c0)", "not defined"},
		{"in parts \"", "in part \"", "expected `parts`"},
	} {
		m, err := Parse("fused.mlxir", []byte(strings.Replace(text, c.old, c.new, 1)))
		if err == nil {
			err = Verify(m)
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q for %q: %v, want %q", c.new, c.old, err, c.want)
		}
	}
}
