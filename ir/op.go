package ir

// A Kind is what the passes know an op by; they never look at names.
type Kind uint8

const (
	KindSource      Kind = iota // const, iota, weight, read: no tensor operands
	KindElementwise             // a scalar Body at each index
	KindView                    // other indices of the same elements; with pad and concat, chosen by guards
	KindGather                  // elements chosen by an integer operand
	KindReduce                  // a fold over whole axes
	KindWindow                  // a fold over a moving window
	KindContract                // a sum of products
	KindComposite               // an expansion into other ops
	KindSink                    // write
)

// An Op is one entry of the op table: everything mlxc knows about an operation.
// An elementwise op has a Body; a composite an Expand; every other op a Pull, by
// which kernels are made, and an Eval, which says the same a second time, slowly
// and obviously, for the reference.
type Op struct {
	Name     string
	Kind     Kind
	Operands []string // names, for messages and the reference; the last may end in "..."
	Attrs    any      // zero value of the attribute struct; nil: no attributes
	Doc      string   // one sentence, and the formula

	Commutative bool

	Rules []Rule
	Type  func(in *Instr) ([]Type, error) // types of the results; the rules hold already

	Body   func(x ...S) S
	Expand func(b *Emit, in *Instr) ([]*Value, error)
	Pull   func(p *Puller, in *Instr, at []Size) *Scalar
	Eval   func(in *Instr, args []*Tensor, env *Env) (*Tensor, error)

	Grad      Grad
	Tolerance Tolerance
	Sample    Sampler
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

// Tolerance bounds |got - want| <= Abs + Rel*|want| for f32. A reduction of n
// terms multiplies Rel by sqrt(n); f16 and bf16 add half a unit of their last place.
type Tolerance struct {
	Rel, Abs float64
}

// A Sampler names the distribution that tests draw an op's operands from.
type Sampler uint8

const (
	SampleNormal   Sampler = iota // mean 0, variance 1
	SamplePositive                // (0.1, 4)
	SampleUnit                    // (-1, 1)
	SampleIndex                   // valid indices for integer operands
	SampleBool
)

// Accumulates is what attributes implement that name the dtype of a sum.
type Accumulates interface {
	// Accumulate is the attributes with t as the accumulator, if they name none.
	Accumulate(t DType) any
}

// LookupOp finds an op by name; nil if there is none.
func LookupOp(name string) *Op { return opByName[name] }

var kindNames = [...]string{"source", "elementwise", "view", "gather", "reduce", "window", "contract", "composite", "sink"}

func (k Kind) String() string { return kindNames[k] }

// Ops lists the op table in its order.
func Ops() []*Op { return opTable }
