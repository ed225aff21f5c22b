package passes

import (
	"fmt"

	"github.com/mlxc/mlxc/ir"
)

// A pull gives the scalar of a value at an index.
type pull func(p *ir.Puller, at []ir.Size) *ir.Scalar

// load pulls v as its readers do: from its buffer, or through it.
func (l *lowering) load(v *ir.Value) pull {
	return func(p *ir.Puller, at []ir.Size) *ir.Scalar { return p.Arg(v, at) }
}

// compute pulls an instruction's operands and applies the instruction.
func (l *lowering) compute(in *ir.Instr) pull {
	return func(p *ir.Puller, at []ir.Size) *ir.Scalar {
		if in.Op.Body == nil {
			return in.Op.Pull(p, in, at)
		}
		x := make([]ir.S, len(in.Args))
		for i, a := range in.Args {
			x[i] = p.Wrap(p.Arg(a, at))
		}
		return in.Op.Body(x...).V
	}
}

// kernel makes the kernel that fills out with what root pulls at each index. args
// are the buffers that it reads, in the order of its arguments, and then out.
func (l *lowering) kernel(out *ir.Buffer, root pull) (k *ir.Kernel, args []*ir.Buffer) {
	k = &ir.Kernel{}
	number := map[*ir.Buffer]int{}
	p := &ir.Puller{DAG: ir.NewDAG()}
	axes := 0
	p.Axis = func(extent ir.Size) *ir.Axis {
		axes++
		return &ir.Axis{Name: fmt.Sprintf("r%d", axes), Extent: extent}
	}
	p.Arg = func(v *ir.Value, at []ir.Size) *ir.Scalar {
		b := l.buffers[v]
		if b == nil {
			a, isWeight := v.Instr.Attrs.(ir.WeightAttrs)
			if !isWeight {
				return l.compute(v.Instr)(p, at)
			}
			b = l.param(a.Param)
		}
		n, ok := number[b]
		if !ok {
			n = len(args)
			number[b] = n
			args = append(args, b)
			k.Args = append(k.Args, ir.KernelArg{Name: b.Name, DType: b.Type.DType, Len: b.Type.Elems()})
		}
		return p.Load(n, b.Type.DType, ir.Linear(at, b.Type.Shape))
	}
	at := make([]ir.Size, out.Type.Rank())
	for i, e := range out.Type.Shape {
		if !e.Is(1) { // of an axis of size 1 the index is 0
			a := &ir.Axis{Name: fmt.Sprintf("i%d", i), Extent: e}
			k.Par = append(k.Par, a)
			at[i] = a.Index()
		}
	}
	value := root(p, at)
	k.Stores = []ir.Store{{Arg: len(args), Index: ir.Linear(at, out.Type.Shape), Value: value}}
	k.Args = append(k.Args, ir.KernelArg{Name: out.Name, DType: out.Type.DType, Len: out.Type.Elems(), Write: true})
	k.Values = p.Values

	prune(k)
	dropUnitAxes(k)
	splitAxes(k)
	mergeAxes(k)
	chooseInner(k)
	renameAxes(k)
	recogniseContract(k)
	k.Dims = l.dims(k)
	return k, append(args, out)
}

// dims are the dims that a kernel mentions, in the module's order.
func (l *lowering) dims(k *ir.Kernel) []*ir.Dim {
	used := map[*ir.Dim]bool{}
	eachSize(k, func(s ir.Size) {
		s.Walk(func(a *ir.Atom) {
			if a.Kind == ir.AtomDim {
				used[a.Dim] = true
			}
		})
	})
	var dims []*ir.Dim
	for _, d := range l.module.Dims {
		if used[d] {
			dims = append(dims, d)
		}
	}
	return dims
}
