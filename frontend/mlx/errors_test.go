package mlx_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

type (
	Value   = mlx.Value
	Builder = *mlx.Builder
	Entry   = *mlx.Entry
)

// N is short for mlx.N.
var N = mlx.N

// line is the place from which it is called.
func line() string {
	_, _, n, _ := runtime.Caller(1)
	return fmt.Sprintf("errors_test.go:%d", n)
}

// A wrong is one misuse of x. It and what is said of it stand on the line at.
type wrong struct {
	at   string
	typ  string // of x
	body func(b Builder, x Value) Value
	want string // IN is where x is declared, HERE is at; "|" begins a note, "=" a hint
}

// What goes wrong is recorded once, where it happened, with the types and where
// they come from; what follows from it is silent.
func TestErrors(t *testing.T) {
	for _, c := range []wrong{
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return x.MatMul(x) },
			"matmul: needs equal inner sizes: 4 and B | a f32[B, 4] x, made at IN | b f32[B, 4] x, made at IN = the second factor fits if its last two axes are exchanged: .T"},
		{line(), "f32[B, T]", func(b Builder, x Value) Value { return x.Add(x.T()) },
			"add: sizes differ: B and T in [B, T] and [T, B] | x f32[B, T] x, made at IN | y f32[T, B], made at HERE = only the literal size 1 stretches"},
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return x.Mul(mlx.Sum(x, 0).To(mlx.F16)) },
			"mul: operands differ: f32[B, 4] and f16[B, 4] | x f32[B, 4] x, made at IN | y f16[4], made at HERE = nothing is converted silently: use .to(f32) or .to(f16)"},
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return x.MatMul(b.Param("w", "f16[4, 2]")) },
			"matmul: operands differ: f32[B, 4] and f16[4, 2] | a f32[B, 4] x, made at IN | b f16[4, 2] w, made at HERE = nothing is converted silently: use .to(f32) or .to(f16)"},
		{line(), "bool[4]", func(b Builder, x Value) Value { return x.Add(b.Number(mlx.F32, 1)) },
			"add: wants a float or an integer, got bool[4] | x bool[4] x, made at IN | y f32, made at HERE = nothing is converted silently: use .to(f32)"},
		{line(), "bool[4]", func(b Builder, x Value) Value { return mlx.Where(x, b.Number(mlx.F32, 1), b.Number(mlx.I32, 1)) },
			"where: operands differ: f32[4] and i32[4] | c bool[4] x, made at IN | x f32, made at HERE | y i32, made at HERE = nothing is converted silently: use .to(f32) or .to(i32)"},
		{line(), "i32[B]", func(b Builder, x Value) Value { return mlx.Mean(x) },
			"mean: wants a float, got i32[B] | x i32[B] x, made at IN = nothing is converted silently: use .to(f32)"},
		{line(), "f32[B]", func(b Builder, x Value) Value { return mlx.Take(x, b.Number(mlx.I32, 0), 1) },
			"take: axis 1 is outside f32[B] | x f32[B] x, made at IN | i i32, made at HERE = axes count from 0, and from the end as -1, -2"},
		{line(), "f32[B]", func(b Builder, x Value) Value { return mlx.Concat(0, x, x.To(mlx.F16)) },
			"concat: operands differ: f32[B] and f16[B] | operand 0 f32[B] x, made at IN | operand 1 f16[B], made at HERE = nothing is converted silently: use .to(f32) or .to(f16)"},
		{line(), "f32[B]", func(b Builder, x Value) Value { b.On("tpu", func() {}); return x.AddN(1) },
			`there is no device "tpu"; use CPU or GPU`},
		{line(), "i32[B]", func(b Builder, x Value) Value { return x.AddN(0.5) },
			"const: 0.5 is no i32"},
		{line(), "f32[B]", func(b Builder, x Value) Value { return x.T() },
			".T needs at least 2 axes, got f32[B] | value f32[B] x, made at IN"},
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return x.Reshape(N(4)) },
			"reshape: f32[B, 4] has 4*B elements, f32[4] has 4 | x f32[B, 4] x, made at IN"},
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return x.Reshape(N(-1), N(-4)) },
			"reshape: f32[B, 4] has 4*B elements, f32[-1, -4] has 4 | x f32[B, 4] x, made at IN"},
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return x.Reshape(mlx.New("o").Dim("B", 8), N(4)) },
			"reshape: the result f32[B, 4]: dim B is not of model test | x f32[B, 4] x, made at IN"},
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return x.Broadcast(N(1<<62), x.Type().Shape[0], N(4)) },
			"broadcast: the result f32[4611686018427387904, B, 4] can be more than 64 bits address | x f32[B, 4] x, made at IN"},
		{line(), "f32", func(b Builder, x Value) Value { return x.Reshape(slices.Repeat([]mlx.Dim{N(1)}, 17)...) },
			"reshape: the result f32[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1] has more than 16 axes | x f32 x, made at IN"},
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return x.Transpose() },
			"transpose: 0 axes named for f32[B, 4] | x f32[B, 4] x, made at IN"},
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return mlx.Softmax(x, 2) },
			"softmax: axis 2 is outside f32[B, 4] | x f32[B, 4] x, made at IN = axes count from 0, and from the end as -1, -2"},
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return mlx.Stack(3, x, x) },
			"stack: axis 3 is outside the result of f32[B, 4] | value f32[B, 4] x, made at IN"},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return mlx.Split(x, 4, 1)[0] },
			"split: size 6 of f32[B, 6] does not divide by 4 | value f32[B, 6] x, made at IN"},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return mlx.Split(x, -1, 1)[0] },
			"split: size 6 of f32[B, 6] does not divide by -1 | value f32[B, 6] x, made at IN"},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return mlx.Split(x, 1, -3)[0] },
			"split: axis -1 is outside f32[B, 6] | value f32[B, 6] x, made at IN"},
		{line(), "f32[B, 9, 9, 2]", func(b Builder, x Value) Value { return mlx.Conv(x, x, mlx.ConvOptions{Groups: -1}) },
			"conv: groups is -1 | x f32[B, 9, 9, 2] x, made at IN | w f32[B, 9, 9, 2] x, made at IN"},
		{line(), "f32[B, 9, 9, 2]", func(b Builder, x Value) Value { return mlx.MaxPool(x, mlx.PoolOptions{Size: []int{2, 2, 2}}) },
			"max_pool: windows [2 2 2], strides [2 2 2] and paddings [0 0] do not fit the spatial axes of f32[B, 9, 9, 2] | x f32[B, 9, 9, 2] x, made at IN"},

		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return x.At(mlx.Every, mlx.Pick(N(4))) },
			"slice: 1 elements from 4 in steps of 1 are not within axis 1 of f32[B, 4] for all sizes that it may have | x f32[B, 4] x, made at IN"},
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return x.At(mlx.Every, mlx.Range(N(2), N(6))) },
			"slice: 4 elements from 2 in steps of 1 are not within axis 1 of f32[B, 4] for all sizes that it may have | x f32[B, 4] x, made at IN"},
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return x.At(mlx.Pick(N(1))) },
			"slice: 1 elements from 1 in steps of 1 are not within axis 0 of f32[B, 4] for all sizes that it may have | x f32[B, 4] x, made at IN"},
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return x.At(mlx.Every, mlx.Every, mlx.Every) },
			"index of f32[B, 4]: 3 indices for 2 axes | value f32[B, 4] x, made at IN"},
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return x.At(mlx.Rest, mlx.Rest) },
			"index of f32[B, 4]: `...` stands twice | value f32[B, 4] x, made at IN"},
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return x.At(mlx.Every, mlx.Range(N(-1), N(1))) },
			"index of f32[B, 4]: axis 1 from 3 to 1 is backwards | value f32[B, 4] x, made at IN"},
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return x.At(mlx.Every, mlx.Every.By(-1)) },
			"index of f32[B, 4]: steps of -1: they are of at least 1, along a range whose start is not computed | value f32[B, 4] x, made at IN"},
		{line(), "f32[B, 4]", func(b Builder, x Value) Value { return x.SetAt(x, mlx.Every, mlx.Every.By(2)) },
			"set a part of f32[B, 4]: its elements are not next to each other | value f32[B, 4] x, made at IN"},

		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Rearrange("b (h d) -> b h d", mlx.Axes{"h": N(4)}) },
			`rearrange "b (h d) -> b h d" of f32[B, 6]: column 3: size 6 does not divide by 4 | value f32[B, 6] x, made at IN`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Rearrange("b (h d) -> b h d", nil) },
			`rearrange "b (h d) -> b h d" of f32[B, 6]: column 3: the sizes of h and d are both open | value f32[B, 6] x, made at IN`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Rearrange("b 1 -> b", nil) },
			`rearrange "b 1 -> b" of f32[B, 6]: column 3: the axis has size 6, the pattern 1 | value f32[B, 6] x, made at IN`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Rearrange("b c -> c b", mlx.Axes{"d": N(1), "e": N(2)}) },
			`rearrange "b c -> c b" of f32[B, 6]: there is no axis d | value f32[B, 6] x, made at IN`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Rearrange("b (c d) -> b c d", mlx.Axes{"d": N(-2)}) },
			`rearrange "b (c d) -> b c d" of f32[B, 6]: axis d cannot have the size -2 | value f32[B, 6] x, made at IN`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Rearrange("b c d -> b c d", nil) },
			`rearrange "b c d -> b c d" of f32[B, 6]: the pattern has 3 axes, the tensor 2 | value f32[B, 6] x, made at IN`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Rearrange("a b c ... -> ... a b c", nil) },
			`rearrange "a b c ... -> ... a b c" of f32[B, 6]: the pattern has at least 3 axes, the tensor 2 | value f32[B, 6] x, made at IN`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Rearrange("b c -> b", nil) },
			`rearrange "b c -> b": column 3: c stands on the left only | value f32[B, 6] x, made at IN`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Rearrange("b c -> c b d", nil) },
			`rearrange "b c -> c b d": column 12: d stands on the right only | value f32[B, 6] x, made at IN`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Rearrange("b (c -> b c", nil) },
			`rearrange "b (c -> b c": column 3: the ( is not closed | value f32[B, 6] x, made at IN`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Rearrange("b c) -> b c", nil) },
			`rearrange "b c) -> b c": column 4: unexpected ')' | value f32[B, 6] x, made at IN`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Rearrange("b b -> b", nil) },
			`rearrange "b b -> b": column 3: b stands twice on one side | value f32[B, 6] x, made at IN`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Rearrange("b 6 -> b 6", nil) },
			`rearrange "b 6 -> b 6": column 3: 6 is no name; only 1 may stand for a size | value f32[B, 6] x, made at IN`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Rearrange("b (...) -> b ...", nil) },
			`rearrange "b (...) -> b ...": column 3: ... within parentheses on the left | value f32[B, 6] x, made at IN`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Rearrange("b c", nil) },
			`rearrange "b c": the pattern has no -> | value f32[B, 6] x, made at IN`},

		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return b.Op("frobnicate", nil, x) },
			"there is no op frobnicate"},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return b.Op("mean", nil, x) },
			"mean: attributes are <nil>, want ir.ReduceAttrs"},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return b.Op("weight", ir.WeightAttrs{}) },
			"weight: Param declares params"},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return b.Op("exp", nil, x, x) },
			"exp: takes 1 operand, got 2 | x f32[B, 6] x, made at IN | operand 1 f32[B, 6] x, made at IN"},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Add(Value{}) },
			"add: a value is missing"},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Add(mlx.New("other").Param("w", "f32[6]")) },
			"add: the value belongs to model other"},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Add(b.Param("w", "f32[B]")) },
			"param w: size B of f32[B] is not a constant"},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Add(b.Param("w", "f32[1, C]")) },
			`type "f32[1, C]": column 8: size C is not declared`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Add(b.Param("w", "float32[6]")) },
			`type "float32[6]": column 1: there is no dtype float32; did you mean f32?`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.Add(b.Param("w", "f32[6]", mlx.Load("(a b) -> a b", nil))) },
			`load "(a b) -> a b" to f32[6]: the pattern has 2 axes, the tensor 1`},
		{line(), "f32[B, 6]", func(b Builder, x Value) Value { return x.AddN(1).Label("a b") },
			`label "a b": a name is of letters, digits and _, and starts with no digit`},
	} {
		b := mlx.New("test")
		b.DimRange("B", 1, 8)
		b.Dim("T", 8)
		var in string
		b.Entry("f", func(e Entry) {
			x, here := e.In("x", c.typ), line()
			in = here
			e.Out("y", mlx.ReLU(c.body(b, x).Neg().MulN(2).At(mlx.NewAxis)))
		})
		_, err := b.Build()
		if err == nil {
			t.Errorf("nothing is wrong, want %s", c.want)
			continue
		}
		got := strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "= hint:", "=")), " ")
		want := c.at + ": error: " + strings.NewReplacer("IN", in, "HERE", c.at).Replace(c.want)
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// What is wrong with declarations, as messages in order.
func TestDeclarations(t *testing.T) {
	other := mlx.New("other").Dim("B", 4)
	for _, c := range []struct {
		body func(b Builder)
		want []string
	}{
		{func(b Builder) { b.Dim("B", 4) }, []string{"test has no entry"}},
		{func(b Builder) { b.Entry("f", func(e Entry) {}) }, []string{"entry f has no output, and sets no state"}},
		{func(b Builder) { b.Dim("B", 4); b.Const("B", 4) }, []string{"B is declared twice"}},
		{func(b Builder) { b.DimRange("B", 4, 2); b.DimRange("C", -1, 2) }, []string{"dim B: bounds 4 and 2", "dim C: bounds -1 and 2"}},
		{func(b Builder) { b.Dim("div", 4); b.Dim("2x", 4); b.Const("", 4) }, []string{
			`size "div": a name is of letters, digits and _, and starts with no digit`,
			`size "2x": a name is of letters, digits and _, and starts with no digit`,
			`size "": a name is of letters, digits and _, and starts with no digit`,
		}},
		{func(b Builder) { b.Param("w", "f32[2]"); b.Sub("").Param("w", "f32[2]") }, []string{"param w is declared twice"}},
		{func(b Builder) { b.Param("w", "f32[4294967296, 4294967296]") }, []string{"param w: f32[4294967296, 4294967296] can be more than 64 bits address"}},
		{func(b Builder) { b.Weights("onnx", "x.onnx") }, []string{`there is no format "onnx" for weights`}},
		{func(b Builder) { b.Weights("npz", "x"); b.Weights("npz", "y") }, []string{"weights are declared twice"}},
		{func(b Builder) { b.Rename("a.layer{i}.w", "b.{i}.w") }, []string{`{i} is a part of the step "layer{i}": it stands for a whole step`}},
		{func(b Builder) { b.Rename("a.{i}.{i}", "b.{i}") }, []string{`{i} stands twice in "a.{i}.{i}"`}},
		{func(b Builder) { b.Rename("a.{i}.w", "b.{j}.w") }, []string{`"a.{i}.w" has no step {j}, which "b.{j}.w" has`}},
		{func(b Builder) { b.Rename("a.{i}.w", "b.w") }, []string{`"b.w" has no step {i}, which "a.{i}.w" has`}},
		{func(b Builder) { b.Rename("w", "v", mlx.Load("x y -> y", nil)); b.Param("w", "f32[2]") }, []string{`load "x y -> y" to f32[2]: column 1: x stands on the left only`}},
		{func(b Builder) {
			b.State("s", "f32[2, 3]", ir.Constant(0), mlx.Load("x y -> y x", nil))
		}, []string{"state s: a state is kept as the checkpoint has it: only a param is loaded as another"}},
		{func(b Builder) { identity(b, "f"); identity(b, "f") }, []string{"entry f is declared twice"}},
		{func(b Builder) { b.Entry("f", func(e Entry) { identity(b, "g"); e.Out("y", e.In("x", "f32")) }) }, []string{"entry g: inside entry f"}},
		{func(b Builder) {
			b.Entry("f", func(e Entry) { e.Out("y", e.In("x", "f32")); e.Out("y", e.In("x", "f32")) })
		}, []string{"input x is declared twice"}},
		{func(b Builder) {
			b.Entry("f", func(e Entry) { e.Out("y", e.In("x", "f32")); e.Out("y", e.In("z", "f32")) })
		}, []string{"output y is declared twice"}},
		{func(b Builder) {
			b.Entry("f", func(e Entry) { e.Out("y z", e.In("x", "f32")); e.Out("y", e.In("x y", "f32")) })
		}, []string{
			`output "y z": a name is of letters, digits and _, and starts with no digit`,
			`input "x y": a name is of letters, digits and _, and starts with no digit`,
		}},
		{func(b Builder) {
			b.Entry("f", func(e Entry) { e.Where(N(1), ">", N(0)); e.Where(other, "<=", N(4)); e.Out("y", e.In("x", "f32")) })
		}, []string{`where: there is no relation ">"; use ==, <= or <`, "where: dim B is not of model test"}},
		{func(b Builder) { b.Number(mlx.F32, 1) }, []string{"const: outside of an entry"}},
		{func(b Builder) { b.Param("w", "f32[2]").AddN(1) }, []string{"add: outside of an entry"}},
		{func(b Builder) { b.Param("w", "f32[2, 2]").Rearrange("a b -> b a", nil).T().At(mlx.Pick(N(0))) }, []string{"rearrange: outside of an entry"}},
		{func(b Builder) { b.State("s", "f32[2]", ir.Constant(0)).Set(Value{}) }, []string{"state s is set outside of an entry"}},
		{func(b Builder) {
			e, x := identity(b, "f")
			e.In("z", "f32")
			e.Out("z", x)
			e.Where(N(0), "<=", N(1))
			b.Entry("g", func(e Entry) { e.Out("y", x) })
		}, []string{
			"input z: entry f is not being built", "output z: entry f is not being built", "where: entry f is not being built",
			"output y: the value belongs to entry f",
		}},
		{func(b Builder) {
			B := b.Dim("B", 4)
			b.Entry("f", func(e Entry) {
				e.In("x", "f32[B - B - 1]")
				e.InOf("y", ir.Type{DType: mlx.F32, Shape: []mlx.Dim{B.Mul(N(1 << 62)).Mul(N(4))}})
				e.Out("z", e.In("z", "f32"))
			})
		}, []string{"input x: f32[-1] has a negative size", "input y: f32[overflow]: a size leaves the range of 64 bits"}},
		{func(b Builder) {
			b.Dim("B", 4)
			b.Entry("f", func(e Entry) { e.Out("y", e.In("x", "f32[4 - B]")) })
		}, []string{"input `x` of entry `f`: the size -B + 4 is not linear in one dim"}},
		{func(b Builder) {
			b.Dim("B", 4)
			b.Dim("T", 4)
			b.Entry("f", func(e Entry) { e.Out("y", e.In("x", "f32[B, B*T]")) })
		}, []string{"input `x` of entry `f`: the size B*T is not linear in one dim"}},
		{func(b Builder) {
			n := b.Dim("N", 4)
			b.Entry("f", func(e Entry) { e.Out("y", e.In("x", "f32").Broadcast(n)); e.Where(n, "<=", N(3)) })
		}, []string{"no input of entry `f` has the size N, so a call does not know it"}},
	} {
		b := mlx.New("test")
		c.body(b)
		_, err := b.Build()
		var found ir.Diagnostics
		errors.As(err, &found)
		var got []string
		for _, d := range found {
			got = append(got, d.Msg)
			if d.Pos == nil || d.Pos.File != "errors_test.go" || d.Pos.Line == 0 {
				t.Errorf("%s: at %s, want this file without its folder", d.Msg, d.Pos)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

// identity declares an entry that returns its input.
func identity(b Builder, name string) (e Entry, x Value) {
	b.Entry(name, func(inner Entry) {
		e, x = inner, inner.In("x", "f32[2]")
		e.Out("y", x)
	})
	return e, x
}

// A built model does not change: what comes later is an error of the next Build.
func TestAfterBuild(t *testing.T) {
	b := mlx.New("test")
	_, x := identity(b, "f")
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	before := p.String()
	b.Dim("B", 4)
	b.Param("w", "f32[2]")
	b.Weights("npz", "w.npz")
	identity(b, "g")
	x.AddN(1)
	_, err = b.Build()
	var found ir.Diagnostics
	errors.As(err, &found)
	var got []string
	for _, d := range found {
		got = append(got, d.Msg)
	}
	want := []string{
		"size B: the model is built already", "param w: the model is built already", "weights: the model is built already",
		"entry g: the model is built already", "add: outside of an entry", "Build: the model is built already",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if p.String() != before {
		t.Error("the model changed")
	}
}

func TestStrict(t *testing.T) {
	model := func() Builder {
		b := mlx.New("test")
		b.Entry("f", func(e Entry) {
			x := e.In("x", "f32")
			e.In("z", "f32")
			e.Out("y", x)
		})
		return b
	}
	if _, err := model().Build(); err != nil {
		t.Error(err)
	}
	if _, err := model().Build(mlx.Strict); err == nil || !strings.Contains(err.Error(), "input z of entry f is not used") {
		t.Errorf("strict: %v", err)
	}
}

// A declaration leaves no position behind.
func TestPosAfterParam(t *testing.T) {
	b := mlx.New("test")
	var at string
	b.Entry("f", func(e Entry) {
		w := b.Param("w", "f32[2, 3]")
		y, here := w.MatMul(w), line()
		at = here
		e.Out("y", y)
	})
	_, err := b.Build()
	if err == nil || !strings.HasPrefix(err.Error(), at+": error: matmul") {
		t.Errorf("%v, want %s", err, at)
	}
}

// Positions that a front end sets take the place of the caller's.
func TestSetPos(t *testing.T) {
	b := mlx.New("test")
	pos := &ir.Pos{File: "a.mlx", Line: 3, Col: 4}
	b.Entry("f", func(e Entry) {
		x := e.In("x", "f32[2]")
		b.SetPos(pos)
		y := mlx.Exp(x)
		x.MatMul(x)
		b.SetPos(nil)
		e.Out("y", mlx.Log(y))
		x.MatMul(x)
	})
	_, err := b.Build()
	var found ir.Diagnostics
	if !errors.As(err, &found) || len(found) != 2 {
		t.Fatal(err)
	}
	if found[0].Pos != pos || found[1].Pos.File != "errors_test.go" {
		t.Errorf("at %s and %s", found[0].Pos, found[1].Pos)
	}
}

func TestWeightFormats(t *testing.T) {
	for _, format := range []string{"safetensors", "npz", "gguf"} {
		b := mlx.New("test")
		b.Weights(format, "w")
		identity(b, "f")
		p, err := b.Build()
		if err != nil || *p.Module().Checkpoint != (ir.Checkpoint{Format: format, File: "w"}) {
			t.Errorf("%s: %v", format, err)
		}
	}
}
