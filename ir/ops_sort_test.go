package ir

import "testing"

// A sort expands where only a fact says that its axis has no negative size.
func TestSortOfADifference(t *testing.T) {
	m, err := Parse("m", []byte(`mlxir 1
module "m" {
  dim B 0..20
  dim N 0..20
  func @run(%b: i32[B], %n: i32[N], %x: i32[B - N]) -> (x: i32[B - N]) where N <= B {
    %0 = sort(%x, axis=0, descending=false) : i32[B - N]
    ret(%0)
  }
}
`))
	if err == nil {
		err = Verify(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	in := m.Funcs[0].Body[0]
	if _, err := in.Op.Expand(&Emit{Facts: in.Facts}, in); err != nil {
		t.Error(err)
	}
}
