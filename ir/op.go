package ir

// A Kind is what the passes know an op by; they never look at names.
type Kind uint8

const (
	KindSource      Kind = iota // const, iota, weight, read: no tensor operands
	KindElementwise             // a function of the elements at one index
	KindView                    // other indices of the same elements; with pad and concat, chosen by guards
	KindGather                  // elements chosen by an integer operand
	KindDequant                 // elements of a quantised tensor, of its planes
	KindSearch                  // the index of an element that is searched for
	KindReduce                  // a fold over whole axes
	KindWindow                  // a fold over a moving window
	KindContract                // a sum of products
	KindComposite               // an expansion into other ops
	KindLoop                    // a body that is run several times
	KindKernel                  // a kernel that the model has written by hand
	KindSink                    // write
)

// An Op is one entry of the op table: everything mlxc knows about an operation.
//
// What it computes is said in one of three ways. A Body is a scalar expression at
// each index; the operands have one shape. An Expand writes the op in terms of
// others that have none. All other ops have a Pull, by which kernels are made, and
// an Eval, which says the same a second time, slowly and obviously, for the
// reference. A weight has no Pull: lowering loads it as it does inputs. A loop, whose
// instruction has a body, and a kernel that is written by hand have none of these.
type Op struct {
	Name     string
	Kind     Kind
	Operands []string // names, for messages and the reference; the last may end in "..."
	Attrs    any      // zero value of the attribute struct; nil: no attributes
	Doc      string   // what it computes; no full stop

	Commutative bool

	Rules []Rule                          // checked in order up to the first that is broken
	Type  func(in *Instr) ([]Type, error) // types of the results; the rules hold already

	Body   func(x ...S) S
	Expand func(b *Emit, in *Instr) ([]*Value, error)
	Pull   func(p *Puller, in *Instr, at []Size) *Scalar
	Eval   func(in *Instr, args []*Tensor, env *Env) (*Tensor, error)

	Grad      Grad
	Tolerance Tolerance // of the result in f32, against the reference evaluator
	Sample    Sampler   // what tests draw float operands from
}

// A Rule is one thing that must hold for an instruction. Its id is shared by the
// verifier, the reference and the tests: matmul/inner.
type Rule struct {
	ID    string
	Text  string
	Check func(in *Instr) error // nil if it holds; the error says what was found
}

// Grad says how an op is differentiated.
type Grad uint8

const (
	GradNone    Grad = iota // the result does not depend smoothly on the operands
	GradBody                // derived from the scalar body
	GradExpand              // that of the expansion
	GradPending             // has one, not written yet
)

// Accumulates is what attributes implement that name the dtype of a sum.
type Accumulates interface {
	// Accumulate is the attributes with t as the accumulator, if they name none.
	Accumulate(t DType) any
}

var kindNames = [...]string{"source", "elementwise", "view", "gather", "dequant", "search", "reduce", "window", "contract", "composite", "loop", "kernel", "sink"}

func (k Kind) String() string { return kindNames[k] }
