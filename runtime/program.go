package runtime

import "github.com/mlxc/mlxc/runtime/cpu"

// A Version is the form of the tables below. A generated package mentions the
// constant of its own form, so that it does not compile with a runtime that reads
// another.
type Version int

// Version1 is the form that this runtime reads.
const Version1 Version = 1

// A Program is a compiled model: the tables that mlxc generates. Indices in them
// refer to the lists of the same Program. It is only read, so that models share it.
type Program struct {
	Name    string
	Version Version
	Dims    []Dim
	Params  []Param
	States  []State // of each session
	Entries []Entry
	Key     string       // differs where what Load computes does; for packed files
	Packed  []Packed     // what Load computes from params, in the memory of the model
	Load    []Step       // once, when a model is loaded
	Kernels []cpu.Kernel // of the CPU
	Backend Backend      // what runs the steps, by WithCPU if not all; nil: the CPU
	Align   int          // bytes that the address of each input and param must divide by on Backend; others are copied
}

// A Dim is a size that each call fixes by the shapes of its inputs or gives, or that a
// session has all its life, within inclusive bounds.
type Dim struct {
	Name     string
	Min, Max int64
	Session  bool
}

// A Param is a tensor of the checkpoint.
type Param struct {
	Name   string // in the file
	DType  DType  // as kernels read it; floats in the file are converted
	Shape  []int
	Format string    // of the quantised tensor that it is a plane of, such as q4g64 or q8_0; empty: of none
	Init   []float64 // one number for all elements, or one for each, if the file lacks the tensor; nil: it must be there
	Pos    string    // in the model's source
}

// A State is a tensor that a session keeps from call to call.
type State struct {
	Name  string // in files
	DType DType
	Shape []Size    // over dims of the session
	Init  []float64 // one number for all elements, or one for each, if the checkpoint has no tensor of that name
}

// A Packed is a tensor that depends on params alone, as kernels want it.
type Packed struct {
	DType DType
	Shape []int
}

// An Entry is a function of the model.
type Entry struct {
	Name            string
	Inputs, Outputs []Port
	Given           []int     // the dims that a call gives as numbers, in order
	Where           []Fact    // what its dims must satisfy besides their bounds
	Writes          bool      // some state
	Variants        []Variant // a call takes the first whose guard holds; the last has none
}

// A Port is an input or an output of an entry.
type Port struct {
	Name  string
	DType DType
	Shape []Size
}

// A Fact is a relation between sizes. That T is a multiple of 8 is T mod 8 == 0.
type Fact struct {
	Left  Size
	Rel   Relation
	Right Size
	Text  string // for messages: T <= S
}

// A Relation compares two sizes.
type Relation uint8

// The relations.
const (
	EQ Relation = iota // ==
	LE                 // <=
	LT                 // <
)

// A Variant is one whole plan of an entry.
type Variant struct {
	Guard  []Fact
	Blocks []Block
	Plans  []Plan // a session takes the one with the lowest peak at its dims
	Steps  []Step // in order
	Loops  []Loop // of them, outer ones before those in them
}

// A Loop is steps that a call runs several times, one round after another.
type Loop struct {
	First, End int // the end not included
	Count      Size
	Counter    int  // the dim that is the number of rounds that are done
	Ends       bool // rounds after one that makes Going, a bool, false change nothing
	Going      Ref
}

// A Block is a piece of the session's arena, which one value after another may
// have.
type Block struct{ Bytes Size }

// A Plan places the blocks of a variant for all dims. The offset of a block is the
// highest end, rounded up to 256 bytes, of the blocks it rests on.
type Plan struct {
	Order []int   // the blocks, from the bottom up
	On    [][]int // of each block, those it rests on; nil: the bottom
}

// A Step launches a kernel.
type Step struct {
	Kernel  int    // of the program's or, if Backend runs the step, of the backend's
	OnCPU   bool   // where there is a Backend: it does not run the step
	Args    []Ref  // the kernel's buffers
	Sizes   []Size // the kernel's dims
	Grid    Size   // points, or threadgroups on a GPU, in any order; none: no launch
	Grain   int    // least points that are worth a thread of their own
	Barrier bool   // what runs before on its device must have ended; on the CPU it always has
	Await   []int  // the steps of Backend that must have ended the last time that they began: of one OnCPU, which runs beside all others
	Pos     string // in the model's source
}

// A Ref is the memory of an argument. For each Place it counts something else.
type Ref struct {
	Where Place
	Index int
}

// A Place says whose memory it is.
type Place uint8

// The places, and what an index counts there.
const (
	Input  Place = iota // the caller's array: the entry's inputs
	Output              // the session's memory of a result: the entry's outputs
	Weight              // the model's: the program's params
	Pack                // the model's: the program's packed tensors
	Arena               // the session's arena: the variant's blocks
	Kept                // the session's: the program's states
)

// At is the i-th memory of its place.
func (p Place) At(i int) Ref { return Ref{p, i} }
