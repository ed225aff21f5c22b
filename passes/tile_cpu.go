package passes

import (
	"github.com/mlxc/mlxc/ir"
)

// A tile of a product on the CPU, from measurements: the panels of its columns and the
// rows of the left factor stay in the caches of a core while K terms are added, and so
// few tiles would leave workers idle that it is made smaller.
const (
	tileRows, leastRows       = 192, 12
	tileColumns, leastColumns = 256, 2 * ir.PanelCols
	tileTerms                 = 1024
	minTiles                  = 32
)

// cpuSchedule is the schedule of a kernel that the workers of the CPU share.
func cpuSchedule(k *ir.Kernel) *ir.Schedule {
	s := &ir.Schedule{Grain: max(1, grainWork/pointWork(k)), Vec: 1, Align: ir.Align, Over: overwrites(k)}
	p, err := k.Panels()
	if err != nil {
		return s
	}
	s.Form, s.Grain = ir.FormPanels, 1
	s.Tile = ir.Tile{M: tileRows, N: tileColumns, K: tileTerms}
	rows, columns, batch := most(p.Rows), most([]*ir.Axis{p.Column}), most(p.Batch)
	few := func() bool {
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

// makePanels gives each product on the CPU that is worth it factors as FormPanels wants
// them: the right one in panels, and the left one, unless it lies as rows of f32, as
// such, with zeros around where it is padded. Kernels of their own compute these, so
// that what depends on nothing but weights can be computed once.
func makePanels(m *ir.Module) {
	on := devices(m)
	made := map[*ir.Kernel]*prepared{}
	once, names := map[string]*ir.Kernel{}, map[string]bool{}
	for _, k := range m.Kernels {
		names[k.Name] = true
	}
	for _, k := range m.Kernels {
		if on[k] != ir.OnCPU {
			continue
		}
		if p := prepare(k); p != nil {
			p.main.Dims = usedDims(m, p.main)
			p.main.Guard = about(k.Guard, p.main.Dims)
			made[k] = p
		}
	}
	for i, k := range m.Kernels {
		if p := made[k]; p != nil {
			m.Kernels[i] = p.main
		}
	}
	for _, f := range m.Funcs {
		for _, v := range f.Variants {
			var steps []*ir.Step
			used := map[string]bool{}
			for _, b := range v.Buffers {
				used[b.Name] = true
			}
			for _, s := range v.Steps {
				p := made[s.Kernel]
				if p == nil {
					steps = append(steps, s)
					continue
				}
				for _, f := range p.factors {
					b := &ir.Buffer{Name: unique(used, f.suffix), Place: ir.InArena, Type: f.shape}
					v.Buffers = append(v.Buffers, b)
					step := &ir.Step{Kernel: f.kernel, Device: s.Device, Pos: s.Pos}
					for _, n := range f.args {
						step.Args = append(step.Args, s.Args[n])
					}
					step.Args = append(step.Args, b)
					f.kernel.Dims = usedDims(m, f.kernel)
					f.kernel.Guard = about(s.Kernel.Guard, f.kernel.Dims)
					step.Sizes = sizesOf(f.kernel)
					key := kernelKey(step)
					if once[key] == nil {
						f.kernel.Name = unique(names, f.kernel.Name)
						once[key] = f.kernel
						m.Kernels = append(m.Kernels, f.kernel)
					}
					step.Kernel = once[key]
					steps = append(steps, step)
					s.Args = append(s.Args, b)
				}
				args := make([]*ir.Buffer, len(p.args))
				for i, n := range p.args {
					args[i] = s.Args[n]
				}
				s.Kernel, s.Args, s.Sizes = p.main, args, sizesOf(p.main)
				steps = append(steps, s)
			}
			for i, s := range steps {
				s.Epoch = i
			}
			v.Steps = steps
		}
	}
}

func sizesOf(k *ir.Kernel) []ir.Size {
	var sizes []ir.Size
	for _, d := range k.Dims {
		sizes = append(sizes, d.Size())
	}
	return sizes
}
