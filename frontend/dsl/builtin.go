package dsl

import (
	"math"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// A builtinFn is a function of the language that is not an elementwise op of
// the table; those are called by their names as they are.
type builtinFn struct {
	// params are name:kind, separated by spaces; kinds are listed at argKinds.
	// "?" marks what may be left out, "..." any more by name.
	params string
	run    func(a *builtinArgs) value
}

// constants are named compile-time values.
var constants = map[string]value{"inf": math.Inf(1), "init": namespace("init")}

// notYet are names that the language has and this compiler does not.
var notYet = strings.Fields("grad stop_gradient tap params")

// aliases are other names of ops.
var aliases = map[string]string{"bit_and": "and", "bit_or": "or", "bit_xor": "xor", "bit_not": "not"}

var builtins map[string]builtinFn

func init() {
	builtins = map[string]builtinFn{
		"sum": reduction("sum"), "mean": reduction("mean"), "var": reduction("var"), "prod": reduction("prod"),
		"max": reduction("max"), "min": reduction("min"), "any": reduction("any"), "all": reduction("all"),
		"argmax": extreme("argmax"), "argmin": extreme("argmin"),
		"cumsum": scan("cumsum"), "cumprod": scan("cumprod"), "sort": sorting("sort"), "argsort": sorting("argsort"),
		"topk": {"x:tensor k:int axis:int?", func(a *builtinArgs) value {
			at := ir.TopKAttrs{Axis: a.axis(2, -1), K: a.int(1, 1)}
			values := a.op("topk", at, a.tensor(0))
			if isPoison(values) {
				return values
			}
			return &tuple{items: []value{values, a.op("argtopk", at, a.tensor(0))}}
		}},
		"softmax": softmax("softmax"), "log_softmax": softmax("log_softmax"),
		"max_pool": pooling("max_pool"), "avg_pool": pooling("avg_pool"),
		"conv": {"x:tensor w:tensor stride:ints? pad:ints? dilation:ints? groups:int?", func(a *builtinArgs) value {
			n := a.spatial()
			return a.op("conv", ir.ConvAttrs{Stride: a.each(2, n, 1), Pad: a.each(3, n, 0), Dilation: a.each(4, n, 1), Groups: a.int(5, 1)}, a.tensor(0), a.tensor(1))
		}},
		"conv_winograd": {"x:tensor w:tensor pad:ints?", func(a *builtinArgs) value {
			return a.op("conv_winograd", ir.WinogradAttrs{Pad: a.each(2, 2, 0)}, a.tensor(0), a.tensor(1))
		}},
		"conv_transpose": {"x:tensor w:tensor stride:ints? pad:ints? dilation:ints? out_pad:ints? groups:int?", func(a *builtinArgs) value {
			n := a.spatial()
			at := ir.ConvTransposeAttrs{Stride: a.each(2, n, 1), Pad: a.each(3, n, 0), Dilation: a.each(4, n, 1), OutPad: a.each(5, n, 0), Groups: a.int(6, 1)}
			return a.op("conv_transpose", at, a.tensor(0), a.tensor(1))
		}},
		"layer_norm": {"x:tensor weight:tensor bias:tensor eps:float?", func(a *builtinArgs) value {
			return a.op("layer_norm", ir.NormAttrs{Eps: a.float(3, 1e-5)}, a.tensor(0), a.tensor(1), a.tensor(2))
		}},
		"rms_norm": {"x:tensor weight:tensor eps:float?", func(a *builtinArgs) value {
			return a.op("rms_norm", ir.NormAttrs{Eps: a.float(2, 1e-5)}, a.tensor(0), a.tensor(1))
		}},
		"group_norm": {"x:tensor groups:int weight:tensor bias:tensor eps:float?", func(a *builtinArgs) value {
			return a.op("group_norm", ir.GroupNormAttrs{Groups: a.int(1, 1), Eps: a.float(4, 1e-5)}, a.tensor(0), a.tensor(2), a.tensor(3))
		}},
		"batch_norm": {"x:tensor weight:tensor bias:tensor mean:tensor var:tensor eps:float?", func(a *builtinArgs) value {
			return a.op("batch_norm", ir.NormAttrs{Eps: a.float(5, 1e-5)}, a.tensor(0), a.tensor(1), a.tensor(2), a.tensor(3), a.tensor(4))
		}},
		"leaky_relu": {"x:tensor slope:any?", func(a *builtinArgs) value { // one slope, or a tensor of them
			return a.c.elementwise(a.call.Span, "leaky_relu", []Span{a.at(0), a.at(1)}, a.tensor(0), or[value](a.vals[1], 0.01))
		}},
		"attention": {"q:tensor k:tensor v:tensor scale:float? causal:bool? mask:tensor?", func(a *builtinArgs) value {
			args := []mlx.Value{a.tensor(0), a.tensor(1), a.tensor(2)}
			if a.given(5) {
				args = append(args, a.tensor(5))
			}
			return a.op("attention", ir.AttentionAttrs{Scale: a.float(3, mlx.HeadScale(args[0].Type())), Causal: a.bool(4)}, args...)
		}},
		"rope": {"x:tensor pos:any theta:float? interleaved:bool? factor:float? low:float? high:float? context:int?", rotary},
		"cross_entropy": {"logits:tensor labels:tensor", func(a *builtinArgs) value {
			return a.op("cross_entropy", ir.LossAttrs{}, a.tensor(0), a.tensor(1))
		}},
		"take": {"x:tensor i:tensor axis:int?", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return mlx.Take(a.tensor(0), a.tensor(1), a.int(2, 0)) })
		}},
		"gather": {"x:tensor i:tensor axis:int?", func(a *builtinArgs) value {
			return a.op("gather", ir.GatherAttrs{Axis: a.axis(2, -1)}, a.tensor(0), a.tensor(1))
		}},
		"scatter": scatter("scatter"), "scatter_add": scatter("scatter_add"),
		"quantize": {"x:tensor format:dtype", quantize},
		"dequant":  {"w:tensor scales:tensor? biases:tensor? format:dtype?", dequant},

		"reshape": {"x:tensor shape:sizes", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return a.tensor(0).Reshape(a.sizes(1)...) })
		}},
		"broadcast": {"x:tensor shape:sizes", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return a.tensor(0).Broadcast(a.sizes(1)...) })
		}},
		"transpose": {"x:tensor perm:ints", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return a.tensor(0).Transpose(a.ints(1)...) })
		}},
		"rearrange": {"x:tensor pattern:string ...", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return a.tensor(0).Rearrange(a.string(1), a.more) })
		}},
		"einsum": {"xs:tensors pattern:string", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return mlx.Einsum(a.string(1), a.tensors(0)...) })
		}},
		"flip": {"x:tensor axis:ints", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return a.tensor(0).Flip(a.ints(1)...) })
		}},
		"repeat": {"x:tensor n:int axis:int?", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return a.tensor(0).Repeat(a.int(1, 1), a.int(2, 0)) })
		}},
		"pad": {"x:tensor lo:ints hi:ints value:float?", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return a.tensor(0).Pad(a.ints(1), a.ints(2), a.float(3, 0)) })
		}},
		"concat": {"xs:tensors axis:int?", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return mlx.Concat(a.int(1, 0), a.tensors(0)...) })
		}},
		"stack": {"xs:tensors axis:int?", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return mlx.Stack(a.int(1, 0), a.tensors(0)...) })
		}},
		"split": {"x:tensor n:int axis:int?", func(a *builtinArgs) value {
			return a.parts(1, 1, func(n int) []mlx.Value { return mlx.Split(a.tensor(0), n, a.int(2, -1)) })
		}},
		"to": {"x:any dtype:dtype", func(a *builtinArgs) value {
			t := a.dtype(1, ir.Invalid)
			x, ok := a.c.operand(a.at(0), a.args[0].value, t)
			switch {
			case !ok:
				return poison{}
			case x.Type().DType == t:
				return x
			}
			return a.op("cast", ir.CastAttrs{DType: t}, x)
		}},

		"arange": {"n:size dtype:dtype?", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return a.c.b.Arange(a.dtype(1, ir.I32), a.size(0)) })
		}},
		"fft":  {"x:tensor", func(a *builtinArgs) value { return a.op("fft", ir.FFTAttrs{}, a.tensor(0)) }},
		"ifft": {"x:tensor", func(a *builtinArgs) value { return a.op("fft", ir.FFTAttrs{Inverse: true}, a.tensor(0)) }},
		"rfft": {"x:tensor", func(a *builtinArgs) value { return a.built(func() mlx.Value { return mlx.RFFT(a.tensor(0)) }) }},
		"irfft": {"x:tensor n:int", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return mlx.IRFFT(a.tensor(0), a.int(1, 0)) })
		}},
		"stft": {"x:tensor window:tensor hop:int center:bool?", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return mlx.STFT(a.tensor(0), a.tensor(1), a.int(2, 1), or(a.vals[3], true)) })
		}},
		"istft": {"z:tensor window:tensor hop:int length:size center:bool?", func(a *builtinArgs) value {
			return a.built(func() mlx.Value {
				return mlx.ISTFT(a.tensor(0), a.tensor(1), a.int(2, 1), a.size(3), or(a.vals[4], true))
			})
		}},
		"hann": {"n:int dtype:dtype", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return a.c.b.Hann(a.dtype(1, ir.Invalid), a.int(0, 1)) })
		}},
		"seed": {"n:size", seedKey},
		"split_key": {"key:tensor n:int?", func(a *builtinArgs) value {
			return a.parts(1, 2, func(n int) []mlx.Value { return mlx.SplitKey(a.tensor(0), n) })
		}},
		"random_bits": {"key:tensor shape:sizes", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return mlx.RandomBits(a.tensor(0), a.sizes(1)...) })
		}},
		"uniform": {"key:tensor shape:sizes dtype:dtype low:float? high:float?", func(a *builtinArgs) value {
			return a.built(func() mlx.Value {
				return mlx.Uniform(a.tensor(0), a.dtype(2, ir.Invalid), a.float(3, 0), a.float(4, 1), a.sizes(1)...)
			})
		}},
		"normal": {"key:tensor shape:sizes dtype:dtype", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return mlx.Normal(a.tensor(0), a.dtype(2, ir.Invalid), a.sizes(1)...) })
		}},
		"bernoulli": {"key:tensor p:any shape:sizes", func(a *builtinArgs) value {
			p, ok := a.c.operand(a.at(1), a.args[1].value, ir.F32)
			if !ok {
				return poison{}
			}
			return a.built(func() mlx.Value { return mlx.Bernoulli(a.tensor(0), p, a.sizes(2)...) })
		}},
		"categorical": {"key:tensor logits:tensor axis:int?", func(a *builtinArgs) value {
			return a.built(func() mlx.Value { return mlx.Categorical(a.tensor(0), a.tensor(1), a.int(2, -1)) })
		}},
		"zeros": {"shape:sizes dtype:dtype", func(a *builtinArgs) value { return a.full(0, 1) }},
		"ones":  {"shape:sizes dtype:dtype", func(a *builtinArgs) value { return a.full(1, 1) }},
		"full":  {"shape:sizes x:float dtype:dtype", func(a *builtinArgs) value { return a.full(a.float(1, 0), 2) }},
		"eye": {"n:size m:size? dtype:dtype?", func(a *builtinArgs) value {
			m := a.size(0)
			if a.given(1) {
				m = a.size(1)
			}
			return a.built(func() mlx.Value { return a.c.b.Eye(a.dtype(2, ir.F32), a.size(0), m) })
		}},
		"array": {"xs:any dtype:dtype", func(a *builtinArgs) value { return a.c.array(a.at(0), a.args[0].value, a.dtype(1, ir.Invalid)) }},

		"shape": {"x:type", func(a *builtinArgs) value { return sizeList(a.typ(0).Shape) }},
		"numel": {"x:type", func(a *builtinArgs) value { return a.typ(0).Elems() }},
		"dtype": {"x:type", func(a *builtinArgs) value { return a.typ(0).DType }},
		"len":   {"xs:list", func(a *builtinArgs) value { return ir.N(int64(len(a.list(0)))) }},
		"zip":   {"xs:list ys:list", zip},
		"enumerate": {"xs:list", func(a *builtinArgs) value {
			out := list{}
			for i, x := range a.list(0) {
				out = append(out, list{ir.N(int64(i)), x})
			}
			return out
		}},
		"div":   {"a:any b:any", divide},
		"close": {"a:any b:any rtol:float? atol:float?", closeTo},
		"ceil_div": {"a:size b:size", func(a *builtinArgs) value {
			if !a.c.positive(a.at(1), a.size(1)) {
				return poison{}
			}
			return a.c.checked(a.call.Span, a.size(0).Add(a.size(1)).Sub(ir.N(1)).Div(a.size(1)))
		}},
	}
	for _, d := range ir.Distributions {
		params := d.Arg + ":float"
		if d.Default != 0 {
			params += "?"
		}
		builtins["init."+d.Name] = builtinFn{params, func(a *builtinArgs) value {
			return &ir.Init{Name: d.Name, Args: []float64{a.float(0, d.Default)}}
		}}
	}
}

func reduction(name string) builtinFn {
	return builtinFn{"x:tensor axis:ints? keep:bool?", func(a *builtinArgs) value {
		return a.op(name, ir.ReduceAttrs{Axes: a.axes(1), Keep: a.bool(2)}, a.tensor(0))
	}}
}

func extreme(name string) builtinFn {
	return builtinFn{"x:tensor axis:int? keep:bool?", func(a *builtinArgs) value {
		return a.op(name, ir.IndexAttrs{Axis: a.axis(1, -1), Keep: a.bool(2)}, a.tensor(0))
	}}
}

func scan(name string) builtinFn {
	return builtinFn{"x:tensor axis:int? exclusive:bool? reverse:bool?", func(a *builtinArgs) value {
		return a.op(name, ir.ScanAttrs{Axis: a.axis(1, -1), Exclusive: a.bool(2), Reverse: a.bool(3)}, a.tensor(0))
	}}
}

func scatter(name string) builtinFn {
	return builtinFn{"x:tensor i:tensor y:tensor axis:int?", func(a *builtinArgs) value {
		return a.op(name, ir.GatherAttrs{Axis: a.axis(3, -1)}, a.tensor(0), a.tensor(1), a.tensor(2))
	}}
}

func sorting(name string) builtinFn {
	return builtinFn{"x:tensor axis:int? descending:bool?", func(a *builtinArgs) value {
		return a.op(name, ir.SortAttrs{Axis: a.axis(1, -1), Descending: a.bool(2)}, a.tensor(0))
	}}
}

func softmax(name string) builtinFn {
	return builtinFn{"x:tensor axis:int?", func(a *builtinArgs) value {
		return a.op(name, ir.SoftmaxAttrs{Axis: a.axis(1, -1)}, a.tensor(0))
	}}
}

func quantize(a *builtinArgs) value {
	var scales, biases mlx.Value
	words := a.built(func() (words mlx.Value) {
		words, scales, biases = mlx.Quantize(a.tensor(0), a.dtype(1, ir.Invalid))
		return words
	})
	if isPoison(words) {
		return words
	}
	return &tuple{items: []value{words, scales, biases}}
}

// dequant takes a param, or planes and their format.
func dequant(a *builtinArgs) value {
	var planes []mlx.Value
	for i := range 3 {
		if a.given(i) {
			planes = append(planes, a.tensor(i))
		}
	}
	switch {
	case a.given(3):
		return a.built(func() mlx.Value { return mlx.DequantOf(a.dtype(3, ir.Invalid), planes...) })
	case len(planes) > 1:
		return a.c.hintf(a.call.Span, "name it: `dequant(words, scales, biases, q8g64)`", "`dequant` of planes needs their format")
	}
	return a.built(planes[0].Dequant)
}

// rotary has positions that a size counts from, or that are a tensor.
func rotary(a *builtinArgs) value {
	at := ir.RopeAttrs{Theta: a.float(2, 10000), Interleaved: a.bool(3), Factor: a.float(4, 1), Low: a.float(5, 1), High: a.float(6, 4), Context: a.int(7, 0)}
	switch pos := a.args[1].value.(type) {
	case mlx.Value:
		return a.op("rope", at, a.tensor(0), pos)
	case ir.Size:
		at.Pos = pos
		return a.op("rope", at, a.tensor(0))
	default:
		return a.c.errorf(a.at(1), "`pos` of `rope` must be a size or a tensor of integers, not %s", describeValue(pos))
	}
}

func pooling(name string) builtinFn {
	return builtinFn{"x:tensor size:ints stride:ints? pad:ints?", func(a *builtinArgs) value {
		n := a.spatial()
		p := ir.PoolAttrs{Size: a.each(1, n, 1), Pad: a.each(3, n, 0)}
		p.Stride = slices.Clone(p.Size)
		if a.given(2) {
			p.Stride = a.each(2, n, 1)
		}
		return a.op(name, p, a.tensor(0))
	}}
}

// parts is a tuple of as many tensors as an argument says.
func (a *builtinArgs) parts(i, otherwise int, make func(n int) []mlx.Value) value {
	n := a.int(i, otherwise)
	if n < 1 || n > maxList {
		return a.c.errorf(a.at(i), "`%s` makes at least 1 part, not %d", a.name, n)
	}
	var parts []mlx.Value
	first := a.built(func() mlx.Value {
		parts = make(n)
		return parts[0]
	})
	if isPoison(first) {
		return first
	}
	out := &tuple{}
	for _, p := range parts {
		out.items = append(out.items, p)
	}
	return out
}

// seedKey is the key of a number, which the model says.
func seedKey(a *builtinArgs) value {
	n, ok := a.size(0).Int()
	if !ok || n < 0 {
		return a.c.errorf(a.at(0), "`n` of `seed` must be a number that is not negative, not %s", a.size(0))
	}
	if a.c.entry == nil { // a state begins with it
		return list{ir.N(n >> 32), ir.N(n & math.MaxUint32)}
	}
	return a.built(func() mlx.Value { return a.c.b.Seed(uint64(n)) })
}

func zip(a *builtinArgs) value {
	xs, ys := a.list(0), a.list(1)
	if len(xs) != len(ys) {
		return a.c.errorf(a.call.Span, "`zip` of lists of %d and %d", len(xs), len(ys))
	}
	out := list{}
	for i := range xs {
		out = append(out, list{xs[i], ys[i]})
	}
	return out
}

// divide rounds down: sizes, or integer tensors.
func divide(a *builtinArgs) value {
	x, y := a.args[0].value, a.args[1].value
	if isTensor(x, y) {
		return a.c.elementwise(a.call.Span, "div", []Span{a.at(0), a.at(1)}, x, y)
	}
	n, ok1 := size(x)
	d, ok2 := size(y)
	if !ok1 || !ok2 {
		return a.c.errorf(a.call.Span, "`div` does not apply to %s and %s", describeValue(x), describeValue(y))
	}
	if !a.c.positive(a.at(1), d) {
		return poison{}
	}
	return a.c.checked(a.call.Span, n.Div(d))
}

// array is a tensor of a number, or of a list of numbers or of lists of equal
// lengths.
func (c *context) array(at Span, v value, d ir.DType) value {
	items, ok := v.(list)
	if !ok {
		x, ok := c.operand(at, v, d)
		if !ok {
			return poison{}
		}
		return x
	}
	parts := make([]mlx.Value, len(items))
	for i, item := range items {
		if parts[i], ok = c.array(at, item, d).(mlx.Value); !ok {
			return poison{}
		}
	}
	if len(parts) == 0 {
		return c.errorf(at, "an array of no elements")
	}
	return c.built(at, func() mlx.Value { return mlx.Stack(0, parts...) })
}

func sizeList(shape []ir.Size) list {
	out := list{}
	for _, n := range shape {
		out = append(out, n)
	}
	return out
}

// isBuiltin reports whether a name is a function of the language.
func isBuiltin(name string) bool {
	_, ok := builtins[name]
	return ok || elementwiseOp(name) != nil || slices.Contains(notYet, name)
}

// elementwiseOp is the elementwise op of a name or an alias; nil if there is
// none. A conversion is not called by the name of its op, but as `to`.
func elementwiseOp(name string) *ir.Op {
	if a, ok := aliases[name]; ok {
		name = a
	}
	op := ir.LookupOp(name)
	if op == nil || op.Kind != ir.KindElementwise || op.Attrs != nil {
		return nil
	}
	return op
}

// builtinNames are all names that isBuiltin knows.
func builtinNames() []string {
	names := append(keys(builtins), notYet...)
	for _, op := range ir.Ops() {
		if elementwiseOp(op.Name) != nil {
			names = append(names, op.Name)
		}
	}
	return append(names, keys(aliases)...)
}

func (c *context) callBuiltin(e *Call, fn builtin, args []argument) value {
	name := string(fn)
	for _, a := range args {
		if isPoison(a.value) {
			return poison{}
		}
	}
	if b, ok := builtins[name]; ok {
		a := &builtinArgs{c: c, call: e, name: name}
		if !a.match(b.params, args) {
			return poison{}
		}
		return b.run(a)
	}
	if slices.Contains(notYet, name) {
		return c.unsupported(e.Span, "`"+name+"`")
	}
	op := elementwiseOp(name)
	if op == nil {
		return c.hintf(e.Span, didYouMean(name, builtinNames()), "there is no function `%s`", name)
	}
	values, spans := make([]value, len(args)), make([]Span, len(args))
	for i, a := range args {
		if a.name != "" {
			return c.errorf(a.at, "`%s` has no parameter `%s`", name, a.name)
		}
		values[i], spans[i] = a.value, a.at
	}
	if len(args) != len(op.Operands) {
		return c.hintf(e.Span, usage(name, op.Operands), "`%s` takes %s, got %d", name, count(len(op.Operands), "argument"), len(args))
	}
	if !isTensor(values...) {
		return c.compileTime(e, op.Name, values)
	}
	return c.elementwise(e.Span, op.Name, spans, values...)
}
