package ir

// A Tensor is a value of the reference evaluator: floats of every width in
// float64, integers and bool in int64 (u64 by its bits), row-major.
type Tensor struct {
	DType DType
	Shape []int
	F     []float64 // floats
	I     []int64   // integers and bool
}
