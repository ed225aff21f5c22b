// Package explain says what became of a model: for each launch of a kernel what it
// does and costs, and what lies where in memory meanwhile. Explain computes it,
// Text prints it for people; as JSON it is documented in docs/explain.md.
package explain

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/codegen"
	"github.com/mlxc/mlxc/ir"
)

// Schema is the version of the JSON form. Fields are added without a new version.
const Schema = 1

// An Explanation is of a model for some targets.
type Explanation struct {
	Schema int     `json:"schema"`
	Model  string  `json:"model"`
	Plans  []*Plan `json:"plans"`
}

// A Plan is one variant of an entry, for a target, at some dims.
type Plan struct {
	Target   string   `json:"target"`
	Entry    string   `json:"entry"`
	Variant  int      `json:"variant"` // index among the entry's
	Guard    []string `json:"guard"`   // what must hold for it to run
	Dims     []Dim    `json:"dims"`
	Machine  Machine  `json:"machine"`
	Host     *Machine `json:"host,omitempty"` // of the launches on the CPU, where others run on the GPU
	Packed   []Packed `json:"packed"`         // tensors that are computed of weights when the model is loaded
	Launches []Launch `json:"launches"`       // in order
	Total    Total    `json:"total"`
	Memory   Memory   `json:"memory"`
}

// A Dim is a dim of the model and the size that the figures are for.
type Dim struct {
	Name  string `json:"name"`
	Value int64  `json:"value"`
}

// A Launch is one step.
type Launch struct {
	Step     int       `json:"step"`
	Kernel   string    `json:"kernel"`
	Rounds   int64     `json:"rounds"` // how often a call launches it: the cost is that of all
	Shared   []int     `json:"shared"` // the other steps that launch the same kernel
	Device   string    `json:"device"` // cpu or gpu
	Source   string    `json:"source"` // line of the model; empty: none
	Values   []string  `json:"values"` // ops that it computes
	Stored   []Stored  `json:"stored"` // what it stores of them
	Reads    []string  `json:"reads"`  // buffers
	Writes   []string  `json:"writes"`
	InPlace  []InPlace `json:"in_place"`
	Code     string    `json:"code"`               // metal, go, or assembly
	Portable string    `json:"portable,omitempty"` // why it is not in assembly
	Schedule Schedule  `json:"schedule"`
	Cost
	Live    int64     `json:"live"` // bytes of arena that are alive during the step
	Barrier *Barrier  `json:"barrier,omitempty"`
	Waits   []Barrier `json:"waits,omitempty"` // of a step on the CPU: for those of the GPU
}

// A Schedule says how the work of a launch is dealt out.
type Schedule struct {
	Form    string `json:"form"`   // cpu, points, simd, group, tile, panels or stream
	Points  int64  `json:"points"` // of the grid
	Vector  int    `json:"vector"` // points computed together
	Grain   int64  `json:"grain,omitempty"`
	Groups  int64  `json:"groups,omitempty"` // threadgroups, or tiles of the CPU
	Threads int    `json:"threads,omitempty"`
	Tile    []int  `json:"tile,omitempty"` // m, n, k
}

// An InPlace is a buffer computed over another one, which dies.
type InPlace struct {
	Buffer string `json:"buffer"`
	Over   string `json:"over"`
}

// A Barrier is what the first step of an epoch waits for, or a step on the CPU.
type Barrier struct {
	Hazard string `json:"hazard"` // raw, war, waw, reuse or turn
	Buffer string `json:"buffer"`
	After  int    `json:"after"` // the step that must have ended
}

// A Total sums up the launches of a plan.
type Total struct {
	Launches int   `json:"launches"`
	Kernels  int   `json:"kernels"` // different ones
	Barriers int   `json:"barriers"`
	Weights  int64 `json:"weights"` // bytes of params that are used
	Least    int64 `json:"least"`   // bytes of inputs, used params and results: what any plan moves
	Cost
}

// Explain takes a module through all passes for a target and explains the result on a
// machine. An error of the passes is as of mlxc.Plan. dims, if not nil, fixes dims by
// name, and all others have their upper bounds: of each entry the variant that is run
// there is explained. With nil all are, each at the largest dims of its own. entry ""
// is all entries.
func Explain(m *ir.Module, target ir.Target, machine Machine, entry string, dims map[string]int64) ([]*Plan, error) {
	g := &groups{}
	m, err := mlxc.Plan(m, target, g.observe)
	if err != nil {
		return nil, err
	}
	return explainAll(m, g, machine, entry, dims)
}

func explainAll(m *ir.Module, g *groups, machine Machine, entry string, dims map[string]int64) ([]*Plan, error) {
	var plans []*Plan
	for _, f := range m.Funcs {
		if entry != "" && f.Name != entry {
			continue
		}
		for i, v := range f.Variants {
			at := v.Plan.Report[0].Dims
			if dims != nil {
				chosen, values, err := choose(m, f, dims)
				if err != nil {
					return nil, err
				}
				if at = values; chosen != i {
					continue
				}
			}
			p, err := explain(m, f, i, at, machine, g)
			if err != nil {
				return nil, err
			}
			plans = append(plans, p)
		}
	}
	return plans, nil
}

// choose checks dims and finds the variant that is run there.
func choose(m *ir.Module, f *ir.Func, fixed map[string]int64) (variant int, dims []int64, err error) {
	at := map[string]int64{}
	for _, d := range m.Dims {
		n, ok := fixed[d.Name]
		if !ok {
			n = d.Max
		}
		if n < d.Min || n > d.Max {
			return 0, nil, fmt.Errorf("%s is %d, and lies in %d..%d", d.Name, n, d.Min, d.Max)
		}
		at[d.Name] = n
		dims = append(dims, n)
	}
	for _, w := range f.Where {
		if ok, err := w.Holds(at); err != nil || !ok {
			return 0, nil, fmt.Errorf("entry %s needs %s", f.Name, w)
		}
	}
	for i, v := range f.Variants {
		if !slices.ContainsFunc(v.Guard, func(g ir.Fact) bool { ok, err := g.Holds(at); return err != nil || !ok }) {
			return i, dims, nil
		}
	}
	return 0, nil, fmt.Errorf("entry %s has no variant for these dims", f.Name)
}

func explain(m *ir.Module, f *ir.Func, variant int, dims []int64, machine Machine, g *groups) (*Plan, error) {
	v := f.Variants[variant]
	p := &Plan{Target: string(m.Target), Entry: f.Name, Variant: variant, Guard: []string{}, Dims: []Dim{}, Machine: machine}
	for _, g := range v.Guard {
		p.Guard = append(p.Guard, g.String())
	}
	at := map[string]int64{}
	for i, d := range m.Dims {
		if !d.Counter {
			p.Dims = append(p.Dims, Dim{d.Name, dims[i]})
		}
		at[d.Name] = dims[i]
	}
	block := map[*ir.Buffer]*ir.Block{}
	for _, b := range v.Plan.Blocks {
		for _, buffer := range b.Buffers {
			block[buffer] = b
		}
	}
	if m.Target == ir.Metal && slices.ContainsFunc(v.Steps, func(s *ir.Step) bool { return s.Device == ir.OnCPU }) {
		host := Machines[ir.CPU]
		p.Host = &host
	}
	first := map[*ir.Kernel]bool{}
	used := map[*ir.Buffer]bool{}
	awaits := v.Awaits()
	for i, s := range v.Steps {
		on := machine
		if p.Host != nil && s.Device == ir.OnCPU {
			on = *p.Host
		}
		l, err := launch(v, i, at, on)
		if err != nil {
			return nil, err
		}
		for _, h := range awaits[i] {
			l.Waits = append(l.Waits, *barrier(&h))
		}
		l.inPlace(s, block)
		l.values(s, g)
		p.Launches = append(p.Launches, l)
		p.Total.Launches += int(l.Rounds)
		first[s.Kernel] = true
		for _, b := range s.Args {
			if n, ok := b.Type.Bytes().Eval(lookup(at)); ok && !used[b] && b.Place != ir.InArena {
				p.Total.Least += n
				if b.Place == ir.InParam || b.Place == ir.InPacked {
					p.Total.Weights += n
				}
			}
			used[b] = true
		}
		if s.Barrier != nil {
			p.Total.Barriers++
		}
	}
	p.Total.Kernels = len(first)
	p.Total.Cost = sum(p.Launches)
	p.Packed = packed(m, v)
	p.memory(m, v, dims)
	return p, nil
}

// launch explains a step but for its memory.
func launch(v *ir.Variant, i int, dims map[string]int64, machine Machine) (Launch, error) {
	s := v.Steps[i]
	l := Launch{Step: i, Kernel: s.Kernel.Name, Device: string(s.Device), Source: source(s.Pos), Code: "go", Shared: []int{}, Reads: []string{}, Writes: []string{}, InPlace: []InPlace{}}
	switch {
	case s.Device == ir.OnGPU:
		l.Code = "metal"
	case codegen.InAssembly(s.Kernel):
		l.Code = "assembly"
	default:
		l.Portable = codegen.WhyPortable(s.Kernel)
	}
	for j, other := range v.Steps {
		if j != i && other.Kernel == s.Kernel {
			l.Shared = append(l.Shared, j)
		}
	}
	for n, b := range s.Args {
		list := &l.Reads
		if s.Kernel.Args[n].Write {
			list = &l.Writes
		}
		if !slices.Contains(*list, b.Name) {
			*list = append(*list, b.Name)
		}
	}
	rounds, known := v.Rounds(i).Eval(lookup(dims))
	if !known {
		return l, fmt.Errorf("kernel %s: nobody knows how often it runs", s.Kernel.Name)
	}
	l.Rounds = rounds
	w, ok := s.Work(dims)
	w = w.Times(rounds)
	points, fits := s.Points().Eval(lookup(dims))
	if !ok || !fits {
		return l, fmt.Errorf("kernel %s has more than int64 holds at these dims; choose others", s.Kernel.Name)
	}
	l.Cost = machine.roofline(w)
	l.Schedule = schedule(s, points, dims)
	if h := s.Barrier; h != nil {
		l.Barrier = barrier(h)
	}
	return l, nil
}

func barrier(h *ir.Hazard) *Barrier {
	return &Barrier{Hazard: string(h.Kind), Buffer: h.Buffer.Name, After: h.After}
}

func schedule(s *ir.Step, points int64, dims map[string]int64) Schedule {
	from := s.Kernel.Schedule
	to := Schedule{Form: "cpu", Points: points, Vector: from.Vec, Grain: from.Grain, Threads: from.Threads}
	if from.Form != "" {
		to.Form = string(from.Form)
		to.Groups, _ = s.Grid().Eval(lookup(dims))
	}
	if t := from.Tile; from.Form.Tiled() {
		to.Tile = []int{t.M, t.N, t.K}
	}
	return to
}

// inPlace finds what the step writes in the memory of what it reads.
func (l *Launch) inPlace(s *ir.Step, block map[*ir.Buffer]*ir.Block) {
	for n, out := range s.Args {
		for j, in := range s.Args {
			if s.Kernel.Args[n].Write && !s.Kernel.Args[j].Write && in != out && block[in] != nil && block[in] == block[out] {
				l.InPlace = append(l.InPlace, InPlace{out.Name, in.Name})
			}
		}
	}
}

func lookup(dims map[string]int64) func(string) (int64, bool) {
	return func(name string) (int64, bool) { n, ok := dims[name]; return n, ok }
}

// source is the line of the user's text, without the folder of the file.
func source(pos *ir.Pos) string {
	if pos == nil {
		return ""
	}
	own := *pos.Own()
	own.File = filepath.Base(own.File)
	return own.String()
}
