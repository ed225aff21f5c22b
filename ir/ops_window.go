package ir

import (
	"fmt"
	"math"
)

// PoolAttrs describe a window that moves over the spatial axes of [B, ...S, C].
// Each list has one entry per spatial axis.
type PoolAttrs struct {
	Size, Stride, Pad []int
}

var windowOps = []*Op{
	pool("max_pool", "the largest element of each window; NaN if one is; padding takes no part", Max, exact),
	pool("avg_pool", "the mean of each window; padding counts as zeros", Add, cancelling(4)),
}

// room is how far a window of extent k, spread by dilation, can move within n
// elements with pad on both sides: n + 2*pad - (k-1)*dilation - 1.
func room(n, k Size, pad, dilation int) Size {
	spread := k.Sub(N(1)).Mul(N(int64(dilation)))
	return n.Add(N(int64(pad)).Mul(N(2))).Sub(spread).Sub(N(1))
}

// windowSize is the number of places of the window: room/stride, rounded down, + 1.
func windowSize(n, k Size, stride, pad, dilation int) Size {
	return room(n, k, pad, dilation).Div(N(int64(stride))).Add(N(1))
}

func pool(name, doc string, fn Fn, tol Tolerance) *Op {
	return &Op{
		Name: name, Kind: KindWindow, Operands: []string{"x"}, Attrs: PoolAttrs{}, Doc: doc, Grad: GradPending, Tolerance: tol,
		Rules: []Rule{operands(name, 1), dtypeOf(name, 0, floats), {name + "/window", "each spatial axis of [B, ...S, C] has a size and a stride of at least 1, and a padding of at most half the size", func(in *Instr) error {
			x, a := in.Args[0].Type, in.Attrs.(PoolAttrs)
			if n := x.Rank() - 2; n < 1 || len(a.Size) != n || len(a.Stride) != n || len(a.Pad) != n {
				return fmt.Errorf("windows %v, strides %v and paddings %v do not fit the spatial axes of %s", a.Size, a.Stride, a.Pad, x)
			}
			for i := range a.Size {
				if a.Size[i] < 1 || a.Stride[i] < 1 || a.Pad[i] < 0 || a.Pad[i] > a.Size[i]/2 {
					return fmt.Errorf("window %d with stride %d and padding %d is not possible", a.Size[i], a.Stride[i], a.Pad[i])
				}
				if room(x.Shape[1+i], N(int64(a.Size[i])), a.Pad[i], 1).negative() {
					return fmt.Errorf("window %d is larger than axis %d of %s", a.Size[i], 1+i, x)
				}
			}
			return nil
		}}},
		Type: func(in *Instr) ([]Type, error) {
			x, a := in.Args[0].Type, in.Attrs.(PoolAttrs)
			s := []Size{x.Shape[0]}
			for i := range a.Size {
				s = append(s, windowSize(x.Shape[1+i], N(int64(a.Size[i])), a.Stride[i], a.Pad[i], 1))
			}
			return typed(x.DType, append(s, x.Shape[x.Rank()-1]))
		},
		Pull: func(p *Puller, in *Instr, at []Size) *Scalar {
			x, a := in.Args[0].Type, in.Attrs.(PoolAttrs)
			from := append([]Size{}, at...)
			var over []*Axis
			var guard []Bound
			count := 1.0
			for i := range a.Size {
				k := p.Axis(N(int64(a.Size[i])))
				over = append(over, k)
				from[1+i] = at[1+i].Mul(N(int64(a.Stride[i]))).Add(k.Index()).Sub(N(int64(a.Pad[i])))
				guard = append(guard, Bound{from[1+i], x.Shape[1+i]})
				count *= float64(a.Size[i])
			}
			outside := 0.0
			if fn == Max {
				outside = math.Inf(-1)
			}
			v := p.Guarded(guard, p.Num(x.DType, outside), func() *Scalar { return p.Arg(in.Args[0], from) })
			v = p.Reduce(fn, over, v)
			if fn == Add {
				v = p.Apply(Mul, v, p.Num(x.DType, 1/count))
			}
			return p.Cast(x.DType, v)
		},
		Eval: func(in *Instr, args []*Tensor, env *Env) (*Tensor, error) {
			a, x := in.Attrs.(PoolAttrs), args[0]
			return env.fill(in.Result().Type, func(out *Tensor, n int, at []int) {
				best, sum, count := math.Inf(-1), 0.0, 0
				from := append([]int{}, at...)
				eachIndex(a.Size, func(k []int) {
					count++
					for i := range k {
						from[1+i] = at[1+i]*a.Stride[i] + k[i] - a.Pad[i]
						if from[1+i] < 0 || from[1+i] >= x.Shape[1+i] {
							return
						}
					}
					v := x.F[x.offset(from)]
					best, sum = max(best, v), sum+v
				})
				if fn == Max {
					out.F[n] = best
				} else {
					out.F[n] = sum * (1 / float64(count)) // as kernels do
				}
			})
		},
	}
}
