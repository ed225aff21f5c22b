package source

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// The ops that are not written as functions of their operands alone.

// forms are the ops that are not written as functions of their operands alone.
var forms map[string]func(in *ir.Instr) (form, error)

func init() {
	forms = map[string]func(in *ir.Instr) (form, error){
		"const": func(in *ir.Instr) (form, error) {
			a := in.Attrs.(ir.ConstAttrs)
			shape, dtype := sizesText(a.Shape), a.DType.String()
			switch {
			case math.Signbit(a.Value) && a.Value == 0:
			case a.Value == 0:
				return call("zeros", nil, shape, dtype)
			case a.Value == 1:
				return call("ones", nil, shape, dtype)
			}
			return call("full", nil, shape, numberOf(a.Value, a.DType).text, dtype)
		},
		"iota": func(in *ir.Instr) (form, error) {
			a := in.Attrs.(ir.IotaAttrs)
			f, err := call("arange", nil, sizeText(a.Shape[a.Axis]), given(a.DType != ir.I32, "", a.DType))
			if len(a.Shape) == 1 {
				return f, err
			}
			along := slices.Repeat([]string{"none"}, len(a.Shape)-a.Axis)
			along[0] = ":"
			vector := f.text(nil).text
			if a.Axis < len(a.Shape)-1 {
				vector += "[" + strings.Join(along, ", ") + "]"
			}
			return call(vector+".broadcast", nil, sizesText(a.Shape))
		},
		"cast": func(in *ir.Instr) (form, error) {
			t := in.Attrs.(ir.CastAttrs).DType
			if in.Args[0].Type.DType == t {
				return itself(in.Args[0])
			}
			if f, ok := identity(in); ok {
				return f, nil
			}
			if f, ok := timesQuantised(in); ok {
				return f, nil
			}
			return method("to", in.Args, t.String())
		},

		"reshape": reshapeForm,
		"transpose": func(in *ir.Instr) (form, error) {
			perm := in.Attrs.(ir.PermAttrs).Perm
			n := len(perm)
			last := slices.Clone(perm)
			if n >= 2 {
				last[n-2], last[n-1] = last[n-1], last[n-2]
			}
			if n >= 2 && slices.IsSorted(last) {
				return form{args: in.Args, text: func(x []term) term { return term{text: x[0].at(primary) + ".T", binds: primary} }}, nil
			}
			return method("transpose", in.Args, intsText(perm))
		},
		"broadcast": func(in *ir.Instr) (form, error) {
			return method("broadcast", in.Args, sizesText(in.Attrs.(ir.ShapeAttrs).Shape))
		},
		"slice": sliceForm,
		"flip": func(in *ir.Instr) (form, error) {
			return call("flip", in.Args, intsOrInt(in.Attrs.(ir.FlipAttrs).Axes))
		},
		"pad": func(in *ir.Instr) (form, error) {
			a := in.Attrs.(ir.PadAttrs)
			return method("pad", in.Args, intsText(a.Lo), intsText(a.Hi), given(a.Value != 0 || math.Signbit(a.Value), "", numberText(a.Value).text))
		},
		"concat": concatForm,

		"take": func(in *ir.Instr) (form, error) {
			a := in.Attrs.(ir.AxisAttrs)
			return call("take", in.Args, given(a.Axis != 0, "axis", axisText(in, a.Axis)))
		},
		"gather": func(in *ir.Instr) (form, error) {
			return call("gather", in.Args, otherAxis(in, in.Attrs.(ir.GatherAttrs).Axis))
		},
		"scatter": scatterForm, "scatter_add": scatterForm,
		"dequant": func(in *ir.Instr) (form, error) {
			if !isQuantised(in) {
				return form{}, &unsayable{in.Op, "its planes are not those of a param, as the checkpoint has them"}
			}
			return call("dequant", in.Args[:1])
		},

		"sum": reduceForm, "prod": reduceForm, "max": reduceForm, "min": reduceForm, "any": reduceForm, "all": reduceForm,
		"mean": reduceForm, "var": reduceForm,
		"argmax": extremeForm, "argmin": extremeForm,
		"cumsum": scanForm, "cumprod": scanForm, "sort": sortForm, "argsort": sortForm,
		"topk": topkForm(0), "argtopk": topkForm(1),
		"softmax": softmaxForm, "log_softmax": softmaxForm,
		"max_pool": poolForm, "avg_pool": poolForm,

		"matmul": func(in *ir.Instr) (form, error) {
			return form{args: in.Args, text: func(x []term) term { return joined("@", x[0], x[1]) }}, nil
		},
		"conv": func(in *ir.Instr) (form, error) {
			a := in.Attrs.(ir.ConvAttrs)
			return call("conv", in.Args, eachText("stride", a.Stride, 1), eachText("pad", a.Pad, 0), eachText("dilation", a.Dilation, 1),
				given(a.Groups != 1, "groups", a.Groups))
		},
		"conv_winograd": func(in *ir.Instr) (form, error) {
			return call("conv_winograd", in.Args, eachText("pad", in.Attrs.(ir.WinogradAttrs).Pad, 0))
		},
		"conv_transpose": func(in *ir.Instr) (form, error) {
			a := in.Attrs.(ir.ConvTransposeAttrs)
			return call("conv_transpose", in.Args, eachText("stride", a.Stride, 1), eachText("pad", a.Pad, 0), eachText("dilation", a.Dilation, 1),
				eachText("out_pad", a.OutPad, 0), given(a.Groups != 1, "groups", a.Groups))
		},

		"layer_norm": normForm, "rms_norm": normForm, "batch_norm": normForm,
		"group_norm": func(in *ir.Instr) (form, error) {
			a := in.Attrs.(ir.GroupNormAttrs)
			return form{args: in.Args, text: func(x []term) term {
				return called("group_norm", append([]string{x[0].text, fmt.Sprint(a.Groups)}, texts(x[1:])...), epsText(in, a.Eps))
			}}, nil
		},
		"leaky_relu": func(in *ir.Instr) (form, error) {
			f := elementwiseForm(in)
			if slope, ok := literal(in, stretches(in)[1]); ok && len(f.args) == 1 && slope.text == "0.01" {
				return call("leaky_relu", f.args)
			}
			return f, nil
		},
		"attention": func(in *ir.Instr) (form, error) {
			a := in.Attrs.(ir.AttentionAttrs)
			return form{args: in.Args, text: func(x []term) term {
				mask := ""
				if len(x) > 3 {
					mask = "mask=" + x[3].text
				}
				return called("attention", texts(x[:3]), given(a.Scale != mlx.HeadScale(in.Args[0].Type), "scale", numberText(a.Scale).text),
					given(a.Causal, "causal", true), mask)
			}}, nil
		},
		"rope": func(in *ir.Instr) (form, error) {
			a := in.Attrs.(ir.RopeAttrs)
			return form{args: in.Args, text: func(x []term) term {
				args := texts(x)
				if len(x) == 1 {
					args = append(args, sizeText(a.Pos))
				}
				return called("rope", args, given(a.Theta != 10000, "theta", numberText(a.Theta).text), given(a.Interleaved, "interleaved", true),
					given(a.Factor != 1, "factor", numberText(a.Factor).text), given(a.Low != 1, "low", numberText(a.Low).text),
					given(a.High != 4, "high", numberText(a.High).text), given(a.Context != 0, "context", a.Context))
			}}, nil
		},
		"cross_entropy": func(in *ir.Instr) (form, error) { return call("cross_entropy", in.Args) },
		"fft": func(in *ir.Instr) (form, error) {
			name := "fft"
			if in.Attrs.(ir.FFTAttrs).Inverse {
				name = "ifft"
			}
			return call(name, in.Args)
		},
		"threefry": func(in *ir.Instr) (form, error) {
			return call("random_bits", in.Args, sizesText(in.Attrs.(ir.RandomAttrs).Shape))
		},
	}
}

func reduceForm(in *ir.Instr) (form, error) {
	a := in.Attrs.(ir.ReduceAttrs)
	axes := make([]string, len(a.Axes))
	all := len(a.Axes) == in.Args[0].Type.Rank()
	for i, n := range a.Axes {
		axes[i] = strconv.Itoa(n)
		all = all && n == i
	}
	text := "[" + strings.Join(axes, ", ") + "]"
	if len(axes) == 1 {
		text = axisText(in, a.Axes[0])
	}
	return call(in.Op.Name, in.Args, given(!all, "", text), given(a.Keep, "keep", true))
}

func extremeForm(in *ir.Instr) (form, error) {
	a := in.Attrs.(ir.IndexAttrs)
	return call(in.Op.Name, in.Args, otherAxis(in, a.Axis), given(a.Keep, "keep", true))
}

func scanForm(in *ir.Instr) (form, error) {
	a := in.Attrs.(ir.ScanAttrs)
	return call(in.Op.Name, in.Args, otherAxis(in, a.Axis), given(a.Exclusive, "exclusive", true), given(a.Reverse, "reverse", true))
}

func sortForm(in *ir.Instr) (form, error) {
	a := in.Attrs.(ir.SortAttrs)
	return call(in.Op.Name, in.Args, otherAxis(in, a.Axis), given(a.Descending, "descending", true))
}

// topkForm is one of the two results of a call.
func topkForm(result int) func(in *ir.Instr) (form, error) {
	return func(in *ir.Instr) (form, error) {
		a := in.Attrs.(ir.TopKAttrs)
		return form{args: in.Args, text: func(x []term) term {
			t := called("topk", []string{x[0].text, strconv.Itoa(a.K)}, otherAxis(in, a.Axis))
			t.text += fmt.Sprintf("[%d]", result)
			return t
		}}, nil
	}
}

func softmaxForm(in *ir.Instr) (form, error) {
	return call(in.Op.Name, in.Args, otherAxis(in, in.Attrs.(ir.SoftmaxAttrs).Axis))
}

func scatterForm(in *ir.Instr) (form, error) {
	return call(in.Op.Name, in.Args, otherAxis(in, in.Attrs.(ir.GatherAttrs).Axis))
}

func normForm(in *ir.Instr) (form, error) {
	return call(in.Op.Name, in.Args, epsText(in, in.Attrs.(ir.NormAttrs).Eps))
}

func poolForm(in *ir.Instr) (form, error) {
	a := in.Attrs.(ir.PoolAttrs)
	size := strings.TrimPrefix(eachText("", a.Size, -1), "=")
	stride := ""
	if !slices.Equal(a.Size, a.Stride) {
		stride = eachText("stride", a.Stride, -1)
	}
	return call(in.Op.Name, in.Args, size, stride, eachText("pad", a.Pad, 0))
}

// identity is the matrix with 1 on the diagonal that a comparison of indices becomes.
func identity(cast *ir.Instr) (form, bool) {
	eq := cast.Args[0].Instr
	if eq == nil || eq.Op.Name != "eq" || eq.Device != cast.Device {
		return form{}, false
	}
	for axis, x := range eq.Args {
		if x.Instr == nil || x.Instr.Device != cast.Device {
			return form{}, false
		}
		a, ok := x.Instr.Attrs.(ir.IotaAttrs)
		if !ok || a.DType != ir.I32 || len(a.Shape) != 2 || a.Axis != axis {
			return form{}, false
		}
	}
	t := cast.Result().Type
	square := t.Shape[0].Equal(t.Shape[1])
	f, _ := call("eye", nil, sizeText(t.Shape[0]), given(!square, "", sizeText(t.Shape[1])), given(t.DType != ir.F32, "dtype", t.DType))
	return f, true
}

// timesQuantised is the product with a quantised tensor, computed in a wider dtype than the
// operand's own, to which cast rounds it.
func timesQuantised(cast *ir.Instr) (form, bool) {
	product := cast.Args[0].Instr
	if product == nil || product.Op.Name != "matmul" || product.Device != cast.Device {
		return form{}, false
	}
	x, w := product.Args[0].Instr, product.Args[1].Instr
	if x == nil || w == nil || x.Op.Name != "cast" || x.Device != cast.Device {
		return form{}, false
	}
	of := x.Args[0]
	turned := ""
	if w.Op.Name == "transpose" {
		n := len(w.Attrs.(ir.PermAttrs).Perm)
		if perm := w.Attrs.(ir.PermAttrs).Perm; n != 2 || perm[0] != 1 {
			return form{}, false
		}
		w, turned = w.Args[0].Instr, ".T"
	}
	if w == nil || !isQuantised(w) || of.Type.DType != cast.Result().Type.DType || of.Type.DType.Compute() != ir.F32 {
		return form{}, false
	}
	return form{args: []*ir.Value{of, w.Args[0]}, like: product, text: func(a []term) term {
		a[1].text = a[1].at(primary) + turned
		return joined("@", a[0], a[1])
	}}, true
}

// isQuantised reports that an instruction is the elements of a quantised param.
func isQuantised(in *ir.Instr) bool {
	return in.Op.Name == "dequant" && !slices.ContainsFunc(in.Args, func(v *ir.Value) bool {
		if v.Instr == nil {
			return true
		}
		a, ok := v.Instr.Attrs.(ir.WeightAttrs)
		return !ok || a.Param.Of == nil
	})
}
