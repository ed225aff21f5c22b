package passes

import (
	"github.com/mlxc/mlxc/ir"
)

// A tile of a product on the CPU, from measurements: K terms of the panels of its columns
// stay in the second cache of a core while the rows of the left factor, which are many,
// come past them one behind the other. So few tiles would leave workers idle that it is
// made smaller, but not so small that what is done for each tile takes longer than its
// multiply-adds.
const (
	tileRows, leastRows       = 512, 12
	tileColumns, leastColumns = 64, 2 * ir.PanelCols
	tileTerms                 = 2048
	minTiles                  = 32
	leastTileWork             = 1 << 16
)

// The keys of a stream whose scores are computed together: more, and the sums are scaled
// less often, fewer, and the scores take less of a cache.
const (
	streamKeys      = 128
	streamPanelKeys = 256
	streamRows      = 96 // with panels
)

// cpuSchedule is the schedule of a kernel that the workers of the CPU share.
func cpuSchedule(k *ir.Kernel) *ir.Schedule {
	s := &ir.Schedule{Grain: max(1, grainWork/pointWork(k)), Vec: 1, Align: ir.Align, Over: overwrites(k)}
	if k.Stream != nil {
		s.Form, s.Grain, s.Tile = ir.FormStream, 1, streamTile(k)
		return s
	}
	p, err := k.Panels()
	if err != nil {
		return s
	}
	s.Form, s.Grain = ir.FormPanels, 1
	s.Tile = ir.Tile{M: tileRows, N: tileColumns, K: tileTerms}
	rows, columns, batch := most(p.Rows), most([]*ir.Axis{p.Column}), most(p.Batch)
	terms := min(most(p.Terms), leastTileWork)
	few := func() bool {
		if int64(s.Tile.M)*min(columns, int64(s.Tile.N))*terms < 2*leastTileWork {
			return false
		}
		down, across := (rows-1)/int64(s.Tile.M)+1, (columns-1)/int64(s.Tile.N)+1
		return down < minTiles && across < minTiles && batch < minTiles && down*across*batch < minTiles
	}
	for few() && s.Tile.N > leastColumns {
		s.Tile.N /= 2
	}
	for few() && s.Tile.M > leastRows {
		s.Tile.M /= 2
	}
	return s
}

// streamTile is a row of a stream in portable Go. For micro-kernels it is many, which read
// the panels of a block of keys while these are in a cache, and are fewer where that would
// leave workers idle.
func streamTile(k *ir.Kernel) ir.Tile {
	tile := ir.Tile{M: 1, N: int(most(k.Stream.N)), K: streamKeys}
	p, err := k.StreamPanels()
	if err != nil {
		return tile
	}
	tile.M, tile.K = streamRows, streamPanelKeys
	rows, batch := most(p.Rows), most(p.Batch)
	for tile.M > leastRows && batch < minTiles && batch*((rows-1)/int64(tile.M)+1) < minTiles {
		tile.M /= 2
	}
	return tile
}

// makePanels gives each product on the CPU that is worth it factors as FormPanels wants
// them, and each stream those of both of its products: the right one in panels, and the left
// one, unless it lies as rows of f32, as such, with zeros around where it is padded. Kernels of
// their own compute these, so that what depends on nothing but weights can be computed once.
func makePanels(m *ir.Module) {
	on, planes := devices(m), planesOf(m)
	f := &factoring{module: m, made: map[*ir.Kernel]*prepared{}, once: map[string]*ir.Kernel{}, names: map[string]bool{}}
	for _, k := range m.Kernels {
		f.names[k.Name] = true
	}
	for i, k := range m.Kernels {
		if on[k] != ir.OnCPU {
			continue
		}
		var p *prepared
		if planes[k] != nil {
			p = preparePlanes(k, func(arg int) bool { return planes[k][arg] })
		} else if p = prepare(k); p == nil {
			p = prepareChannels(k)
		}
		if p != nil {
			p.main.Dims = usedDims(m, p.main)
			p.main.Guard = about(k.Guard, p.main.Dims)
			f.made[k], m.Kernels[i] = p, p.main
		}
	}
	for _, fn := range m.Funcs {
		for _, v := range fn.Variants {
			f.variant(v)
		}
	}
}

// planesOf are the arguments of kernels that are planes of quantised params.
func planesOf(m *ir.Module) map[*ir.Kernel]map[int]bool {
	of := map[*ir.Kernel]map[int]bool{}
	for _, f := range m.Funcs {
		for _, v := range f.Variants {
			for _, s := range v.Steps {
				for n, b := range s.Args {
					if b.Place != ir.InParam || m.Params[b.Index].Of == nil {
						continue
					}
					if of[s.Kernel] == nil {
						of[s.Kernel] = map[int]bool{}
					}
					of[s.Kernel][n] = true
				}
			}
		}
	}
	return of
}

// A factoring puts prepared products in the place of others.
type factoring struct {
	module *ir.Module
	made   map[*ir.Kernel]*prepared
	once   map[string]*ir.Kernel // kernels of factors, by their key
	names  map[string]bool       // of kernels
}

// variant puts the steps of factors before those of products, and within their loops.
func (f *factoring) variant(v *ir.Variant) {
	buffers := map[string]bool{}
	for _, b := range v.Buffers {
		buffers[b.Name] = true
	}
	var steps []*ir.Step
	at := make([]int, len(v.Steps)+1) // where each step and its factors begin
	for i, s := range v.Steps {
		at[i] = len(steps)
		if p := f.made[s.Kernel]; p != nil {
			all := s.Args
			for _, factor := range p.factors {
				b := &ir.Buffer{Name: unique(buffers, factor.suffix), Place: ir.InArena, Type: factor.shape}
				steps = append(steps, f.step(s, all, factor, b))
				v.Buffers, all = append(v.Buffers, b), append(all[:len(all):len(all)], b)
			}
			s.Kernel, s.Args, s.Sizes = p.main, pick(all, p.args), sizesOf(p.main)
		}
		steps = append(steps, s)
	}
	at[len(v.Steps)] = len(steps)
	for i, l := range v.Loops {
		v.Loops[i].First, v.Loops[i].End = at[l.First], at[l.End]
	}
	for i, s := range steps {
		s.Epoch = i
	}
	v.Steps = steps
}

// step computes a factor of the product s into b, of its arguments and of factors before
// it. Equal factors share a kernel.
func (f *factoring) step(s *ir.Step, args []*ir.Buffer, of *factor, b *ir.Buffer) *ir.Step {
	k := of.kernel
	k.Dims = usedDims(f.module, k)
	k.Guard = about(s.Kernel.Guard, k.Dims)
	step := &ir.Step{Kernel: k, Args: append(pick(args, of.args), b), Sizes: sizesOf(k), Device: s.Device, Pos: s.Pos}
	key := kernelKey(step)
	if f.once[key] == nil {
		k.Name = unique(f.names, k.Name)
		f.once[key] = k
		f.module.Kernels = append(f.module.Kernels, k)
	}
	step.Kernel = f.once[key]
	return step
}

func pick(all []*ir.Buffer, which []int) []*ir.Buffer {
	picked := make([]*ir.Buffer, len(which))
	for i, n := range which {
		picked[i] = all[n]
	}
	return picked
}

func sizesOf(k *ir.Kernel) []ir.Size {
	var sizes []ir.Size
	for _, d := range k.Dims {
		sizes = append(sizes, d.Size())
	}
	return sizes
}
