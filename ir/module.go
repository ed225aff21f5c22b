package ir

import "slices"

// A Module is one model: its dims, parameters, and one function per entry.
// Up to the pass lower a function is tensor SSA in Body; lower replaces the body
// by Variants, whose steps launch Kernels.
type Module struct {
	Name       string
	Target     Target // set by place; empty while the module is for all targets
	Dims       []*Dim
	Params     []*Param
	Sources    []*Source
	Funcs      []*Func
	Kernels    []*Kernel   // after lower; identical kernels are here once
	Load       *Variant    // after pack: computes the packed tensors from params, once for a model; nil: there are none
	Checkpoint *Checkpoint // nil: the model names none
}

// A Target is what a module is compiled for.
type Target string

const (
	CPU   Target = "cpu"
	Metal Target = "metal"
)

// A Checkpoint is the file that a model names for its parameters.
type Checkpoint struct {
	Format string // one of CheckpointFormats
	File   string // relative to the model
}

// CheckpointFormats are the formats that the runtime reads.
var CheckpointFormats = []string{"safetensors", "npz", "gguf"}

// A Param is a tensor that comes from a checkpoint. Its type is that of the
// file; what a model does to it first (a transposition, say) is part of the
// program. A State is a param that lives in the session, and whose sizes may be dims of
// it: what a call writes the next one reads. A Local is a state that lives in a call, from
// the pass cut to lower: what one piece of code leaves to the next, or to its next round.
type Param struct {
	Name  string // unique in the module, without the @
	State bool
	Local bool
	Type  Type
	Path  string // name in the checkpoint
	Of    *Plane // of what quantised tensor it is a plane; nil: of none
	Init  *Init  // what serves when the checkpoint lacks it; nil: it must be there
	Pos   *Pos
}

// A Func is one entry. Between the passes variants and lower several functions of one
// name stand one after another, one for each variant; the last has no guard.
type Func struct {
	Name    string
	Inputs  []*Value // their Instr is nil
	Dims    []*Dim   // that a call gives as numbers, behind the inputs; not among the inputs' sizes
	Guard   []Fact   // from pass variants to lower: it serves the calls for which they hold; in its sizes they are put to use
	Where   []Fact   // checked at each call
	Split   []Fact   // guards that the source asks for; those before it do not hold where one does
	Body    []*Instr // in SSA order; nil after lower
	Results []Result
	Writes  []Write // of states, each once at most
	Pos     *Pos

	Variants []*Variant // after lower; the last has no guard
}

// A Result is a named output of an entry.
type Result struct {
	Name  string
	Type  Type
	Value *Value // nil after lower
}

// A Write is the value that a state has after a call.
type Write struct {
	State *Param
	Value *Value // nil after lower
}

// Kept are the values that are there after a call: the results, and what is written.
func (f *Func) Kept() []*Value {
	var kept []*Value
	for _, r := range f.Results {
		kept = append(kept, r.Value)
	}
	for _, w := range f.Writes {
		kept = append(kept, w.Value)
	}
	return kept
}

// A Relation compares two sizes.
type Relation string

const (
	EQ Relation = "=="
	LE Relation = "<="
	LT Relation = "<"
)

// A Fact is a relation between sizes that holds, or that a variant needs.
// Y % 8 == 0 is {mod(Y, 8), EQ, 0}.
type Fact struct {
	Left  Size
	Rel   Relation
	Right Size
	Pos   *Pos
}

func (f Fact) String() string { return f.Left.String() + " " + string(f.Rel) + " " + f.Right.String() }

// A Value is a tensor: a result of an instruction, or an input of a function.
type Value struct {
	Name  string // from the source where there is one, else empty; unique names are given on printing
	Type  Type
	Instr *Instr // nil for inputs and the arguments of regions
}

// A Device is where an instruction runs.
type Device string

const (
	OnAny Device = "" // not placed yet
	OnCPU Device = "cpu"
	OnGPU Device = "gpu"
)

// An Instr is one operation of a body.
type Instr struct {
	Op      *Op
	Args    []*Value
	Attrs   any // the op's attribute struct, by value; nil if it has none
	Results []*Value
	Body    *Func // of a loop: one round
	Device  Device
	Facts   []Fact // of the function: what its rules may rely on
	Kernel  int    // number, from 1, of the kernel that stores the result; 0: every reader computes it
	Parts   bool   // the kernels that store its operands store it, each its part; Kernel is the last of them
	Why     string // it is stored, and not computed by its readers; empty: it is not
	Pos     *Pos
}

// InMemory reports that an instruction is a tensor that is there before a call: a weight or
// a state.
func (in *Instr) InMemory() bool {
	switch in.Attrs.(type) {
	case WeightAttrs, ReadAttrs:
		return true
	}
	return false
}

// Result is the only result of an instruction that has one.
func (in *Instr) Result() *Value { return in.Results[0] }

// Dim finds a dim by name; nil if there is none.
func (m *Module) Dim(name string) *Dim {
	for _, d := range m.Dims {
		if d.Name == name {
			return d
		}
	}
	return nil
}

// Source finds a source by name; nil if there is none.
func (m *Module) Source(name string) *Source {
	for _, s := range m.Sources {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Param finds a param by name; nil if there is none.
func (m *Module) Param(name string) *Param {
	for _, p := range m.Params {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Weights are the params that come from the checkpoint, in order.
func (m *Module) Weights() []*Param { return m.params(false) }

// States are the params that live in the session, in order.
func (m *Module) States() []*Param { return m.params(true) }

// Locals are the params that live in a call, in order.
func (m *Module) Locals() []*Param {
	return slices.DeleteFunc(slices.Clone(m.Params), func(p *Param) bool { return !p.Local })
}

func (m *Module) params(states bool) []*Param {
	var some []*Param
	for _, p := range m.Params {
		if p.State == states && !p.Local {
			some = append(some, p)
		}
	}
	return some
}

// SessionDims are the dims that have one value for the life of a session, in order.
func (m *Module) SessionDims() []*Dim {
	var dims []*Dim
	for _, d := range m.Dims {
		if d.Session {
			dims = append(dims, d)
		}
	}
	return dims
}

// Entries are the functions without a guard: one for each entry.
func (m *Module) Entries() []*Func {
	var entries []*Func
	for _, f := range m.Funcs {
		if len(f.Guard) == 0 {
			entries = append(entries, f)
		}
	}
	return entries
}

// Bodies are the functions and, each before what it is part of, the bodies of their loops.
func (m *Module) Bodies() []*Func {
	var all []*Func
	for _, f := range m.Funcs {
		all = append(all, f.Bodies()...)
	}
	return all
}

// Bodies are the bodies of the loops of a function, inner ones first, and the function.
func (f *Func) Bodies() []*Func {
	var all []*Func
	for _, in := range f.Body {
		if in.Body != nil {
			all = append(all, in.Body.Bodies()...)
		}
	}
	return append(all, f)
}

// Straight are the loops of a function, up to the last of them, and what stands behind.
func (f *Func) Straight() (loops, rest []*Instr) {
	n := 0
	for i, in := range f.Body {
		if in.Body != nil {
			n = i + 1
		}
	}
	return f.Body[:n:n], f.Body[n:]
}

// Func finds an entry by name, its function without a guard; nil if there is none.
func (m *Module) Func(name string) *Func {
	for _, f := range m.Entries() {
		if f.Name == name {
			return f
		}
	}
	return nil
}
