package mlx

import "github.com/mlxc/mlxc/ir"

// A DType is the type of a tensor's elements.
type DType = ir.DType

// The dtypes, those of elements before those that only params have.
const (
	F64  = ir.F64
	F32  = ir.F32
	F16  = ir.F16
	BF16 = ir.BF16
	I64  = ir.I64
	I32  = ir.I32
	I16  = ir.I16
	I8   = ir.I8
	U64  = ir.U64
	U32  = ir.U32
	U16  = ir.U16
	U8   = ir.U8
	Bool = ir.Bool

	Q4G32  = ir.Q4G32
	Q4G64  = ir.Q4G64
	Q4G128 = ir.Q4G128
	Q8G32  = ir.Q8G32
	Q8G64  = ir.Q8G64
	Q8G128 = ir.Q8G128
	Q4_0   = ir.Q4_0
	Q8_0   = ir.Q8_0
	Q4_K   = ir.Q4_K
	Q6_K   = ir.Q6_K
)
