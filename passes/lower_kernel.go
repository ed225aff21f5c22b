package passes

import (
	"fmt"
	"slices"

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
	dropGuards(k)
	mergeAxes(k)
	chooseInner(k)
	renameAxes(k)
	recogniseContract(k)
	k.Dims = usedDims(l.module, k)
	return k, dropArgs(k, append(args, out))
}

// dropArgs removes the arguments that are never read; args are the buffers for
// them, of which those that are left come back.
func dropArgs(k *ir.Kernel, args []*ir.Buffer) []*ir.Buffer {
	var left []*ir.Buffer
	var kept []ir.KernelArg
	to := make([]int, len(args))
	for i, a := range k.Args {
		to[i] = len(kept)
		if a.Write || slices.ContainsFunc(k.Values, func(v *ir.Scalar) bool { return v.Kind == ir.ScalarLoad && v.Arg == i }) {
			kept, left = append(kept, a), append(left, args[i])
		}
	}
	for _, v := range k.Values {
		if v.Kind == ir.ScalarLoad {
			v.Arg = to[v.Arg]
		}
	}
	for i := range k.Stores {
		k.Stores[i].Arg = to[k.Stores[i].Arg]
	}
	k.Args = kept
	return left
}
