package cpu

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mlxc/mlxc/ir"
)

// The assembly of a kernel with two stages of reductions, a value of the row and a tail.
func TestGoldenLanes(t *testing.T) {
	k := softmax()
	for _, v := range k.Values {
		if v.Fn == ir.Exp { // arithmetic when it comes here
			v.Fn = ir.Abs
		}
	}
	if !IsRows(k) {
		t.Fatal("no assembly")
	}
	for _, a := range Architectures {
		got, err := a.Lanes(k, "softmax")
		if err != nil {
			t.Fatal(err)
		}
		path := "testdata/softmax_" + a.Name + ".s.golden"
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Error(diff)
		}
	}
}

// What there is no assembly for is refused.
func TestIsRowsRefuses(t *testing.T) {
	for name, make := range map[string]func() *ir.Kernel{"conv": conv, "exp": softmax, "argmax": argmax, "a bool": half} {
		if IsRows(make()) {
			t.Errorf("%s has assembly", name)
		}
	}
}
