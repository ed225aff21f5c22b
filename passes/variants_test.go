package passes

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mlxc/mlxc/ir"
)

const productText = `mlxir 1
module "product" {
  dim B %s
  param @w: f32[64, 32] = "w"
  func @f(%%x: f32[B, 64]) -> (y: f32[B, 32], z: f32[B, 64])%s {
    %%0 = weight(param=@w) : f32[64, 32]
    %%y = matmul(%%x, %%0, acc=f32) : f32[B, 32]
    %%z = neg(%%x) : f32[B, 64]
    ret(%%y, %%z)
  }
}
`

func product(t *testing.T, bounds, clauses string) *ir.Module {
	t.Helper()
	m, err := ir.Parse("product", fmt.Appendf(nil, productText, bounds, clauses))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Guards are proposed where a call can have so many rows and more.
func TestGuardsAreProposed(t *testing.T) {
	for _, c := range []struct {
		bounds, clauses string
		want            []string
	}{
		{"1..256", "", []string{"B == 1", "B <= 8"}},
		{"0..9", "", []string{"B == 1", "B <= 8"}},
		{"1..8", "", []string{"B == 1"}},
		{"1..1", "", nil},
		{"2..256", "", nil},
		{"1..256", " where mod(B, 4) == 0", []string{"B <= 8"}},
		{"1..256", " where B <= 6", []string{"B == 1"}},
		{"1..256", " split B <= 3", []string{"B <= 3"}},
	} {
		m := product(t, c.bounds, c.clauses)
		if err := Run(m, ir.CPU, nil); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range m.Funcs[0].Variants {
			for _, g := range v.Guard {
				got = append(got, g.String())
			}
		}
		if !slices.Equal(got, c.want) || len(m.Funcs) != 1 || len(m.Funcs[0].Variants) != len(got)+1 {
			t.Errorf("B %s%s: guards %v in %d variants, want %v", c.bounds, c.clauses, got, len(m.Funcs[0].Variants), c.want)
		}
	}
}

// What the source asks for and no op can do is an error in the source.
func TestGuardThatCannotHoldIsRefused(t *testing.T) {
	m, err := ir.Parse("conv", []byte(`mlxir 1
module "conv" {
  dim T 1..9
  param @w: f32[4, 3, 2] = "w"
  func @f(%x: f32[1, T, 2]) -> (y: f32[1, T - 2, 4]) split T == 2 {
    %0 = weight(param=@w) : f32[4, 3, 2]
    %y = conv(%x, %0, stride=[1], pad=[0], dilation=[1], groups=1, acc=f32) : f32[1, T - 2, 4] loc 0
    ret(%y)
  }
}
loc 0 = "m.mlx":7:3
`))
	if err != nil {
		t.Fatal(err)
	}
	err = Run(m, ir.CPU, nil)
	const want = "m.mlx:7:3: error: where T == 2: conv: kernel 3 is larger than axis 1 of f32[1, 2, 2]"
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

// After every pass a call is served by the variant whose guard holds, at both edges of
// each guard, and computes the same.
func TestEdgesOfGuards(t *testing.T) {
	for _, target := range []ir.Target{ir.CPU, ir.Metal} {
		for b, variant := range map[int]int{1: 0, 2: 1, 8: 1, 9: 2, 40: 2} {
			m := product(t, "1..40", "")
			r := rand.New(rand.NewPCG(uint64(b), 0))
			params := map[string]*ir.Tensor{"w": integers(r, 64, 32)}
			inputs := []*ir.Tensor{integers(r, b, 64)}
			want, err := m.Eval(m.Funcs[0], params, inputs)
			if err != nil {
				t.Fatal(err)
			}
			err = Run(m, target, func(pass string, m *ir.Module) {
				f, v, err := m.Serving("f", nil, inputs)
				if err != nil {
					t.Fatal(err)
				}
				if n := slices.Index(m.Funcs, f); len(m.Funcs) > 1 && n != variant || v != nil && v != f.Variants[variant] {
					t.Errorf("%s, after %s: B = %d is served by another variant than %d", target, pass, b, variant)
				}
				got, err := evalServing(m, params, inputs)
				if err != nil {
					t.Fatalf("%s, after %s: %v", target, pass, err)
				}
				for i := range want {
					if diff := difference(got[i], want[i], equal); diff != "" {
						t.Errorf("%s, after %s: B = %d: result %d: %s", target, pass, b, i, diff)
					}
				}
				again, err := ir.Parse("again", []byte(ir.Print(m)))
				if err != nil {
					t.Fatal(err)
				}
				if err := ir.Verify(again); err != nil || ir.Print(again) != ir.Print(m) {
					t.Errorf("%s, after %s: the text does not read back: %v", target, pass, err)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// integers are numbers whose products and sums are exact in any order.
func integers(r *rand.Rand, shape ...int) *ir.Tensor {
	t := ir.NewTensor(ir.F32, shape...)
	for i := range t.F {
		t.F[i] = float64(r.IntN(17) - 8)
	}
	return t
}

// A kernel that is the same for several variants is there once, under the name that it
// would have alone.
func TestVariantsShareKernels(t *testing.T) {
	m := product(t, "1..256", " split B <= 100")
	if err := Run(m, ir.Metal, nil); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range m.Kernels {
		names = append(names, k.Name)
	}
	slices.Sort(names)
	if want := []string{"f_y", "f_y_2", "f_z"}; !slices.Equal(names, want) {
		t.Errorf("the kernels are %v, want two for the product, whose tiles differ, and one for the sign: %v", names, want)
	}
}

// A decoder's step: rows that vary go into a cache, at a place that the call gives. What
// the facts of the function prove of them they prove in each variant.
func TestVariantsOfDecoder(t *testing.T) {
	const text = `mlxir 1
module "decoder" {
  dim T 1..16
  dim pos 0..31
  param @w: f32[8, 4] = "w"
  func @step(%x: f32[T, 8], %cache: f32[32, 4], pos: dim) -> (y: f32[32, 4]) where pos + T <= 32 {
    %0 = weight(param=@w) : f32[8, 4]
    %k = matmul(%x, %0, acc=f32) : f32[T, 4]
    %y = update(%cache, %k, start=pos, axis=0) : f32[32, 4]
    ret(%y)
  }
}
`
	for rows, variant := range map[int]int{1: 0, 8: 1, 9: 2} {
		for _, target := range []ir.Target{ir.CPU, ir.Metal} {
			m, err := ir.Parse("decoder", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(uint64(rows), 0))
			params := map[string]*ir.Tensor{"w": integers(r, 8, 4)}
			inputs := []*ir.Tensor{integers(r, rows, 8), integers(r, 32, 4)}
			want, err := m.Eval(m.Funcs[0], params, inputs, 20)
			if err != nil {
				t.Fatal(err)
			}
			if err := Run(m, target, nil); err != nil {
				t.Fatal(err)
			}
			f, v, err := m.Serving("step", nil, inputs, 20)
			if err != nil {
				t.Fatal(err)
			}
			if v != f.Variants[variant] {
				t.Errorf("%d rows are served by another variant than %d", rows, variant)
			}
			got, err := m.EvalVariant(f, v, params, inputs, 20)
			if err != nil {
				t.Fatal(err)
			}
			if diff := difference(got[0], want[0], equal); diff != "" {
				t.Errorf("%s, %d rows: %s", target, rows, diff)
			}
		}
	}
}

// Of sequences and their tokens, guards are of what leaves few rows, though a product of the
// last tokens makes the other the number of rows of more work.
func TestGuardsAreOfTokens(t *testing.T) {
	m, err := ir.Parse("tokens", []byte(`mlxir 1
module "tokens" {
  dim B 1..8
  dim T 1..256
  param @w: f32[64, 64] = "w"
  param @head: f32[64, 48] = "head"
  func @f(%x: f32[B, T, 64], %last: f32[B, 64]) -> (y: f32[B, T, 64], z: f32[B, 48]) {
    %0 = weight(param=@w) : f32[64, 64]
    %y = matmul(%x, %0, acc=f32) : f32[B, T, 64]
    %1 = weight(param=@head) : f32[64, 48]
    %z = matmul(%last, %1, acc=f32) : f32[B, 48]
    ret(%y, %z)
  }
}
`))
	if err != nil {
		t.Fatal(err)
	}
	if err := Until(m, ir.CPU, "variants"); err != nil {
		t.Fatal(err)
	}
	if g := m.Funcs[0].Guard; len(g) != 1 || g[0].String() != "T == 1" {
		t.Errorf("guard %v, want T == 1", g)
	}
}
