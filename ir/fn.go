package ir

// A Fn is a scalar function: the vocabulary in which the bodies of elementwise
// ops are written. One row of the table below is all that is known of one.
type Fn uint8

const (
	NoFn Fn = iota

	// Arithmetic on equal dtypes. Integers wrap; Div rounds down for integers
	// and gives 0 for a zero divisor; Mod has the divisor's sign.
	Add
	Sub
	Mul
	Div
	Mod
	Max // NaN wins
	Min // NaN wins
	Neg
	Abs
	Sign

	// Floats only.
	Sqrt
	Rsqrt
	Exp
	Exp2
	Expm1
	Log
	Log2
	Log1p
	Sin
	Cos
	Tan
	Asin
	Acos
	Atan
	Sinh
	Cosh
	Tanh
	Asinh
	Acosh
	Atanh
	Erf
	Erfc // 1 - erf, without the cancellation for large x
	Erfinv
	Gelu // x*(1 + erf(x/sqrt(2)))/2, without the cancellation for negative x
	Pow
	Floor
	Ceil
	Round // half to even
	Trunc

	// Comparisons and classification give bool.
	Eq
	Ne
	Lt
	Le
	IsNaN
	IsInf

	// On bool and, bit by bit, on integers.
	And
	Or
	Xor
	Not
	Shl // by the width or more: 0
	Shr // arithmetic for signed; by the width or more: 0, or -1 for a negative
	Popcount

	Select // Args: bool, then, else

	// Folds that give the index (i32) of an extreme element, in row-major order
	// of the reduced axes: the first wins, NaN wins over numbers.
	ArgMax
	ArgMin

	// Only in kernels: made by lowering and legalisation.
	FMA       // x*y + z, rounded once where the target can
	Ldexp     // x * 2**n for integral n, both floats
	CopySign  // magnitude of the first, sign of the second
	Bits      // of an f32, as i32
	FromBits  // the f32 with the bits of an i32
	RoundF16  // f32 to the nearest f16, as f32
	RoundBF16 // f32 to the nearest bf16, as f32
)

// Result is the dtype of fn applied to operands whose last one is of dtype t.
func (fn Fn) Result(t DType) DType {
	switch fn {
	case Eq, Ne, Lt, Le, IsNaN, IsInf:
		return Bool
	case ArgMax, ArgMin, Bits:
		return I32
	case FromBits:
		return F32
	}
	return t
}

// Floats applies fn, which takes floats and is no fold, to some in float64, as the
// evaluator does; what compares gives 0 or 1.
func (fn Fn) Floats(x ...float64) float64 { return fnTable[fn].float(x) }

// Ints applies fn, which is no fold, to integers or bools of dtype t.
func (fn Fn) Ints(t DType, x ...int64) int64 {
	args := make([]number, len(x))
	for i, n := range x {
		args[i] = number{i: n}
	}
	y, err := fn.eval(t, args)
	if err != nil {
		panic(err) // the verifier lets none through
	}
	return y.i
}

// Convert is a number of one dtype in another, by the rules of casts: x where it is a float,
// n where it is none.
func Convert(x float64, n int64, from, to DType) (float64, int64) {
	y := convert(number{x, n}, from, to)
	return y.f, y.i
}
