package ir

import "slices"

// Work is what a launch has to do at some dims, however it does it. It is counted in
// floats, which hold what leaves int64 at the bounds of dims.
type Work struct {
	FLOPs   float64 // see Kernel.Work
	Read    float64 // bytes
	Written float64 // bytes
}

// Add is the work of both.
func (w Work) Add(v Work) Work {
	return Work{w.FLOPs + v.FLOPs, w.Read + v.Read, w.Written + v.Written}
}

// Times is the work done so often.
func (w Work) Times(n int64) Work {
	return Work{w.FLOPs * float64(n), w.Read * float64(n), w.Written * float64(n)}
}

// functionFLOPs is what a function counts that stands for itself in a kernel, such
// as exp: about what its arithmetic takes with a reduction of the range and a
// polynomial of degree 6. Where legalise has written it as arithmetic, that counts.
const functionFLOPs = 20

// flopsOf is the floating-point operations of a function on floats. It counts as the
// hardware events FP_ARITH_INST_RETIRED of Intel's processors do: sums, products,
// quotients, extremes and roots one, a fused multiply-add two; comparisons, signs,
// selections, conversions and roundings none.
var flopsOf = [...]float64{
	Add: 1, Sub: 1, Mul: 1, Div: 1, Max: 1, Min: 1, Sqrt: 1, Rsqrt: 1,
	Mod: 3, // x - y*floor(x/y)
	FMA: 2,

	Exp: functionFLOPs, Exp2: functionFLOPs, Expm1: functionFLOPs,
	Log: functionFLOPs, Log2: functionFLOPs, Log1p: functionFLOPs,
	Sin: functionFLOPs, Cos: functionFLOPs, Tan: functionFLOPs,
	Asin: functionFLOPs, Acos: functionFLOPs, Atan: functionFLOPs,
	Sinh: functionFLOPs, Cosh: functionFLOPs, Tanh: functionFLOPs,
	Asinh: functionFLOPs, Acosh: functionFLOPs, Atanh: functionFLOPs,
	Erf: functionFLOPs, Erfc: functionFLOPs, Erfinv: functionFLOPs, Gelu: functionFLOPs,
	Pow: 2 * functionFLOPs, // a logarithm and an exponential

	ArgMax: 1, ArgMin: 1, // folds of extremes

	len(fnTable) - 1: 0,
}

// Work is what a kernel has to do at some dims.
//
// Each scalar counts once for each point of the axes it varies with, a reduction
// once for each element, and a contraction of 2·M·N·K is that: what a schedule
// computes again or leaves out, as at the padding of a convolution, makes no
// difference. Operations on integers do not count.
//
// Of an argument those bytes count that are touched, once, as if all that is read
// twice came from a cache: the elements of all loads or stores, but no more than the
// argument has. That is exact where no two points touch one element and where all
// are touched, and else an upper bound.
//
// ok is false where a size is not known from dims, or leaves int64.
func (k *Kernel) Work(dims map[string]int64) (w Work, ok bool) {
	c := &workCount{dims: dims, ok: true}
	if k.Written != nil {
		return k.textWork(c), c.ok
	}
	read, written := make([]float64, len(k.Args)), make([]float64, len(k.Args))
	for _, v := range k.Values {
		switch v.Kind {
		case ScalarApply:
			if v.DType.IsFloat() {
				w.FLOPs += flopsOf[v.Fn] * c.points(v.Free)
			}
		case ScalarReduce:
			if v.Args[0].DType.IsFloat() {
				w.FLOPs += flopsOf[v.Fn] * c.points(slices.Concat(v.Free, v.Over))
			}
		case ScalarLoad:
			read[v.Arg] += c.points(v.touched())
		}
	}
	for _, s := range k.Stores {
		written[s.Arg] += c.points(axesOf(s.Index))
	}
	for i, a := range k.Args {
		n := c.size(a.Len)
		w.Read += min(read[i], n) * float64(a.DType.Size())
		w.Written += min(written[i], n) * float64(a.DType.Size())
	}
	return w, c.ok
}

// textWork is that of a kernel that is written by hand: its arguments, and no operations,
// which nobody has counted.
func (k *Kernel) textWork(c *workCount) (w Work) {
	for _, a := range k.Args {
		bytes := c.size(a.Len) * float64(a.DType.Size())
		if a.Write {
			w.Written += bytes
		} else {
			w.Read += bytes
		}
	}
	return w
}

// touched is the axes along which a load reads one element after another.
func (v *Scalar) touched() []*Axis {
	var axes []*Axis
	for _, a := range axesOf(v.Index) {
		i := slices.IndexFunc(v.Bind, func(b *Axis) bool { return b.Name == a.Name })
		if i < 0 {
			axes = append(axes, a)
		} else { // an element for each value of the scalar
			axes = append(axes, v.Args[i].Free...)
		}
	}
	return axes
}

func axesOf(s Size) []*Axis {
	var axes []*Axis
	s.Walk(func(a *Atom) {
		if a.Kind == AtomAxis {
			axes = append(axes, a.Axis)
		}
	})
	return axes
}

// workCount evaluates sizes at some dims.
type workCount struct {
	dims map[string]int64
	ok   bool
}

func (c *workCount) size(s Size) float64 {
	n, ok := s.Eval(func(name string) (int64, bool) { v, ok := c.dims[name]; return v, ok })
	c.ok = c.ok && ok
	return float64(n)
}

// points is how many there are on the axes, each of which counts once.
func (c *workCount) points(axes []*Axis) float64 {
	n := 1.0
	for i, a := range axes {
		if !hasAxis(axes[:i], a) {
			n *= c.size(a.Extent)
		}
	}
	return n
}

// Work is what the kernel of a step does at some dims of the module.
func (s *Step) Work(dims map[string]int64) (w Work, ok bool) {
	own := map[string]int64{}
	for i, d := range s.Kernel.Dims {
		n, ok := s.Sizes[i].Eval(func(name string) (int64, bool) { v, ok := dims[name]; return v, ok })
		if !ok {
			return Work{}, false
		}
		own[d.Name] = n
	}
	return s.Kernel.Work(own)
}
