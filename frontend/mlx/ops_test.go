package mlx_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// types gives the types of the results of an entry.
func types(body func(b Builder, e Entry)) (string, error) {
	b := mlx.New("test")
	b.DimRange("B", 1, 8)
	b.Dim("T", 8)
	b.Const("C", 3)
	b.Entry("f", func(e Entry) { body(b, e) })
	p, err := b.Build()
	if err != nil {
		return "", err
	}
	var all []string
	for _, r := range p.Module().Funcs[0].Results {
		all = append(all, r.Type.String())
	}
	return strings.Join(all, " "), nil
}

// NumPy's broadcasting, where only the literal size 1 stretches.
func TestBroadcasting(t *testing.T) {
	for _, c := range []struct{ x, y, want string }{ // want: the type, or the sizes that differ
		{"f32[B, 4]", "f32[B, 4]", "f32[B, 4]"},
		{"f32[B, 4]", "f32[4]", "f32[B, 4]"},
		{"f32[4]", "f32[B, 4]", "f32[B, 4]"},
		{"f32[B, 4]", "f32", "f32[B, 4]"},
		{"f32", "f32", "f32"},
		{"f32[B, 1]", "f32[1, T]", "f32[B, T]"},
		{"f32[B, 1, 4]", "f32[T, 1]", "f32[B, T, 4]"},
		{"f32[C]", "f32[3]", "f32[3]"},
		{"f32[2*B + B, 4]", "f32[3*B, 1]", "f32[3*B, 4]"},
		{"f32[0]", "f32[1]", "f32[0]"},
		{"f32[B]", "f32[T]", "B and T"},
		{"f32[B]", "f32[2]", "B and 2"},
		{"f32[2]", "f32[3]", "2 and 3"},
		{"f32[B, 4]", "f32[B]", "4 and B"},
		{"f32[B]", "f32[B + 1]", "B and B + 1"},
		{"f32[0]", "f32[2]", "0 and 2"},
	} {
		got, err := types(func(b Builder, e Entry) { e.Out("z", e.In("x", c.x).Add(e.In("y", c.y))) })
		if err != nil {
			_, got, _ = strings.Cut(err.Error(), "add: sizes differ: ")
			got, _, _ = strings.Cut(got, " in ")
		}
		if got != c.want {
			t.Errorf("%s + %s: %q, want %q; %v", c.x, c.y, got, c.want, err)
		}
	}
}

// What is stretched keeps its elements.
func TestStretchedValues(t *testing.T) {
	y := eval(t, []int{2, 3}, func(b Builder, x Value) Value {
		return x.At(mlx.Every, mlx.To(N(1))).MulN(10).Add(x.At(mlx.Pick(N(1)))).Add(b.Number(mlx.I32, 100))
	})
	if want := []int64{103, 104, 105, 133, 134, 135}; !slices.Equal(y.I, want) {
		t.Errorf("%v, want %v", y.I, want)
	}
}

// A number takes the dtype of what it is combined with.
func TestNumbers(t *testing.T) {
	for _, d := range ir.DTypes() {
		if d == mlx.Bool {
			continue
		}
		typ := d.String() + "[2]"
		got, err := types(func(b Builder, e Entry) {
			x := e.In("x", typ)
			e.Out("a", x.AddN(1))
			e.Out("b", mlx.ClipN(x, 0, 1))
			e.Out("c", x.LtN(1))
			e.Out("d", mlx.Where(x.EqN(1), x, b.Number(d, 1)))
		})
		if want := typ + " " + typ + " bool[2] " + typ; err != nil || got != want {
			t.Errorf("%s: %s, want %s; %v", d, got, want, err)
		}
	}
	for _, c := range []struct {
		typ string
		n   float64
	}{{"u8", 256}, {"u8", -1}, {"i8", 128}, {"i32", 0.5}, {"i64", 1 << 63}} {
		_, err := types(func(b Builder, e Entry) { e.Out("y", e.In("x", c.typ).AddN(c.n)) })
		if err == nil || !strings.Contains(err.Error(), " is no "+c.typ) {
			t.Errorf("%s + %v: %v", c.typ, c.n, err)
		}
	}
}

func TestTypes(t *testing.T) {
	for _, c := range []struct {
		name string
		body func(b Builder, e Entry) Value
		want string
	}{
		{"matmul", func(b Builder, e Entry) Value { return e.In("x", "f32[B, 1, 4, 5]").MatMul(e.In("y", "f32[T, 5, 6]")) }, "f32[B, T, 4, 6]"},
		{"T", func(b Builder, e Entry) Value { return e.In("x", "f32[B, 4, T]").T() }, "f32[B, T, 4]"},
		{"sum", func(b Builder, e Entry) Value { return mlx.Sum(e.In("x", "f32[B, 4, T]"), 0, -1) }, "f32[4]"},
		{"sum of all", func(b Builder, e Entry) Value { return mlx.Sum(e.In("x", "f32[B, 4, T]")) }, "f32"},
		{"mean", func(b Builder, e Entry) Value { return mlx.Mean(e.In("x", "f16[B, 4]"), 1) }, "f16[B]"},
		{"var", func(b Builder, e Entry) Value { return mlx.Var(e.In("x", "f32[B, 4]"), 0) }, "f32[4]"},
		{"prod", func(b Builder, e Entry) Value { return mlx.Prod(e.In("x", "i32[B, 4]"), 0) }, "i32[4]"},
		{"max", func(b Builder, e Entry) Value { return mlx.Max(e.In("x", "f32[B, 4]"), 0) }, "f32[4]"},
		{"min", func(b Builder, e Entry) Value { return mlx.Min(e.In("x", "f32[B, 4]"), 0) }, "f32[4]"},
		{"any", func(b Builder, e Entry) Value { return mlx.Any(e.In("x", "bool[B, 4]"), 0) }, "bool[4]"},
		{"all", func(b Builder, e Entry) Value { return mlx.All(e.In("x", "bool[B, 4]")) }, "bool"},
		{"argmin", func(b Builder, e Entry) Value { return mlx.ArgMin(e.In("x", "f32[B, 4]"), 0) }, "i32[4]"},
		{"log_softmax", func(b Builder, e Entry) Value { return mlx.LogSoftmax(e.In("x", "f32[B, 4]"), 0) }, "f32[B, 4]"},
		{"layer_norm", func(b Builder, e Entry) Value {
			return mlx.LayerNorm(e.In("x", "f16[B, 4]"), b.Param("w", "f32[4]"), b.Param("b", "f32[4]"), 1e-5)
		}, "f16[B, 4]"},
		{"rms_norm", func(b Builder, e Entry) Value {
			return mlx.RMSNorm(e.In("x", "f16[B, 4]"), b.Param("w", "f32[4]"), 1e-5)
		}, "f16[B, 4]"},
		{"group_norm", func(b Builder, e Entry) Value {
			return mlx.GroupNorm(e.In("x", "f32[B, T, 4]"), 2, b.Param("w", "f32[4]"), b.Param("b", "f32[4]"), 1e-5)
		}, "f32[B, T, 4]"},
		{"cumsum", func(b Builder, e Entry) Value {
			return mlx.CumSum(e.In("x", "f32[B, 4]"), -1, mlx.ScanOptions{Exclusive: true})
		}, "f32[B, 4]"},
		{"cumprod", func(b Builder, e Entry) Value {
			return mlx.CumProd(e.In("x", "i8[B, 4]"), 0, mlx.ScanOptions{Reverse: true})
		}, "i8[B, 4]"},
		{"sort", func(b Builder, e Entry) Value { return mlx.Sort(e.In("x", "f16[B, 4]"), -2, true) }, "f16[B, 4]"},
		{"argsort", func(b Builder, e Entry) Value { return mlx.ArgSort(e.In("x", "f32[B, 4]"), 1, false) }, "i32[B, 4]"},
		{"argtopk", func(b Builder, e Entry) Value {
			_, i := mlx.TopK(e.In("x", "f32[B, 4]"), 3, -1)
			return i
		}, "i32[B, 3]"},
		{"argmax", func(b Builder, e Entry) Value { return mlx.ArgMax(e.In("x", "f32[B, 4]"), -1) }, "i32[B]"},
		{"softmax", func(b Builder, e Entry) Value { return mlx.Softmax(e.In("x", "f32[B, 4]"), -1) }, "f32[B, 4]"},
		{"gather", func(b Builder, e Entry) Value { return mlx.Gather(e.In("x", "f32[B, 9]"), e.In("i", "i32[B, T]"), -1) }, "f32[B, T]"},
		{"scatter", func(b Builder, e Entry) Value {
			return mlx.Scatter(e.In("x", "f32[B, 9]"), e.In("i", "i32[B, T]"), e.In("y", "f32[B, T]"), -1)
		}, "f32[B, 9]"},
		{"scatter_add", func(b Builder, e Entry) Value {
			return mlx.ScatterAdd(e.In("x", "f32[9, T]"), e.In("i", "i32[B, T]"), e.In("y", "f32[B, T]"), 0)
		}, "f32[9, T]"},
		{"take", func(b Builder, e Entry) Value { return mlx.Take(b.Param("w", "f32[9, 4]"), e.In("i", "i32[B, T]"), 0) }, "f32[B, T, 4]"},
		{"conv", func(b Builder, e Entry) Value {
			return mlx.Conv(e.In("x", "f32[B, 28, 28, 3]"), b.Param("w", "f32[6, 5, 3, 1]"), mlx.ConvOptions{Stride: []int{2}, Pad: []int{2, 1}, Groups: 3})
		}, "f32[B, 14, 14, 6]"},
		{"conv_transpose", func(b Builder, e Entry) Value {
			return mlx.ConvTranspose(e.In("x", "f32[B, 7, 8, 6]"), b.Param("w", "f32[4, 3, 2, 3]"), mlx.ConvTransposeOptions{Stride: []int{2}, Pad: []int{1, 0}, OutPad: []int{1}, Groups: 2})
		}, "f32[B, 14, 17, 4]"},
		{"flip", func(b Builder, e Entry) Value { return e.In("x", "f32[B, T]").Flip(-1) }, "f32[B, T]"},
		{"repeat", func(b Builder, e Entry) Value { return e.In("x", "f32[B, T]").Repeat(3, -1) }, "f32[B, 3*T]"},
		{"einsum", func(b Builder, e Entry) Value {
			return mlx.Einsum("b h q d, h k d, k -> q b k", e.In("x", "f32[B, 2, T, 8]"), b.Param("k", "f32[2, 5, 8]"), b.Param("s", "f32[5]"))
		}, "f32[T, B, 5]"},
		{"conv_winograd", func(b Builder, e Entry) Value {
			return mlx.ConvWinograd(e.In("x", "f32[B, 28, T, 3]"), b.Param("w", "f32[6, 3, 3, 3]"), 0, 1)
		}, "f32[B, 26, T, 6]"},
		{"max_pool", func(b Builder, e Entry) Value {
			return mlx.MaxPool(e.In("x", "f32[B, 28, 27, 3]"), mlx.PoolOptions{Size: []int{2}})
		}, "f32[B, 14, 13, 3]"},
		{"avg_pool", func(b Builder, e Entry) Value {
			return mlx.AvgPool(e.In("x", "f32[B, 28, 28, 3]"), mlx.PoolOptions{Size: []int{3}, Stride: []int{2}, Pad: []int{1}})
		}, "f32[B, 14, 14, 3]"},
		{"where", func(b Builder, e Entry) Value {
			return mlx.Where(e.In("c", "bool[B, 1]"), e.In("x", "f32[4]"), b.Number(mlx.F32, 0))
		}, "f32[B, 4]"},
		{"attention", func(b Builder, e Entry) Value {
			return mlx.Attention(e.In("q", "f16[B, 6, T, 8]"), e.In("k", "f16[B, 2, 9, 8]"), e.In("v", "f16[B, 2, 9, 5]"), mlx.AttentionOptions{Causal: true, Mask: e.In("m", "bool[B, 1, 1, 9]")})
		}, "f16[B, 6, T, 5]"},
		{"rope", func(b Builder, e Entry) Value { return mlx.RoPE(e.In("x", "f16[B, 2, T, 8]"), N(3), mlx.RoPEOptions{}) }, "f16[B, 2, T, 8]"},
		{"rope at", func(b Builder, e Entry) Value {
			return mlx.RoPEAt(e.In("x", "f32[B, 2, T, 8]"), e.In("p", "i32[B, T]"), mlx.RoPEOptions{Theta: 5e5, Factor: 8, Low: 1, High: 4, Context: 8192})
		}, "f32[B, 2, T, 8]"},
		{"cross_entropy", func(b Builder, e Entry) Value {
			return mlx.Mean(mlx.CrossEntropy(e.In("x", "f16[B, T, 4]"), e.In("l", "i32[B, T]")))
		}, "f32"},
		{"categorical", func(b Builder, e Entry) Value {
			return mlx.Categorical(e.In("k", "u32[2]"), e.In("x", "f16[B, 4]"), -1)
		}, "i32[B]"},
		{"normal", func(b Builder, e Entry) Value { return mlx.Normal(e.In("k", "u32[2]"), mlx.BF16, N(3), N(4)) }, "bf16[3, 4]"},
		{"bernoulli", func(b Builder, e Entry) Value {
			return mlx.Bernoulli(mlx.SplitKey(b.Seed(1<<40), 3)[2], e.In("p", "f16[B, 1]"), e.In("x", "f32[B, 4]").Type().Shape...)
		}, "bool[B, 4]"},
		{"stft", func(b Builder, e Entry) Value {
			return mlx.STFT(e.In("x", "f32[B, 480]"), b.Hann(mlx.F32, 400), 160, true)
		}, "f32[B, 4, 201, 2]"},
		{"istft", func(b Builder, e Entry) Value {
			return mlx.ISTFT(e.In("x", "f16[B, T, 201, 2]"), b.Hann(mlx.F16, 400), 160, e.In("t", "f32[T]").Type().Shape[0].Mul(N(160)), true)
		}, "f16[B, 160*T]"},
		{"irfft", func(b Builder, e Entry) Value { return mlx.IRFFT(mlx.RFFT(e.In("x", "f16[B, 1]")), 1) }, "f16[B, 1]"},
		{"to", func(b Builder, e Entry) Value { return e.In("x", "f32[B]").To(mlx.I8) }, "i8[B]"},
	} {
		got, err := types(func(b Builder, e Entry) { e.Out("y", c.body(b, e)) })
		if err != nil || got != c.want {
			t.Errorf("%s: %s, want %s; %v", c.name, got, c.want, err)
		}
	}
}

// What a caller passes may change afterwards; the model does not.
func TestArgumentsAreCopied(t *testing.T) {
	b := mlx.New("test")
	shape, width := []mlx.Dim{N(2), N(3)}, []int{1, 1}
	typ := ir.Type{DType: mlx.F32, Shape: []mlx.Dim{N(6)}}
	b.Entry("f", func(e Entry) {
		x := e.InOf("x", typ)
		w := b.ParamOf("w", typ)
		e.Out("y", x.Reshape(shape...).Pad(width, width, 0))
		e.Out("z", x.At(mlx.NewAxis, mlx.NewAxis).Broadcast(shape[0], shape[1], N(6)).Add(w))
		e.Out("p", mlx.MaxPool(x.Reshape(N(1), N(3), N(2), N(1)), mlx.PoolOptions{Size: width}))
	})
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	before := p.String()
	shape[0], width[0], width[1], typ.Shape[0] = N(9), 9, 9, N(9)
	if after := p.String(); after != before {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
}

// Names of values are those of the caller, made distinct.
func TestLabels(t *testing.T) {
	b := mlx.New("test")
	b.Entry("f", func(e Entry) {
		x := e.In("x", "f32")
		y := mlx.Exp(x).Label("x").Label("ignored")
		e.Out("z", mlx.Exp(y).Label("x"))
	})
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, in := range p.Module().Funcs[0].Body {
		got = append(got, in.Result().Name)
	}
	if want := []string{"x_2", "x_3"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A conversion to the dtype that a value has is none.
func TestToItself(t *testing.T) {
	b := mlx.New("test")
	b.Entry("f", func(e Entry) {
		if x := e.In("x", "f32"); x.To(mlx.F32) != x || x.To(mlx.F16) == x {
			t.Error("f32 to f32 and to f16")
		}
	})
}
