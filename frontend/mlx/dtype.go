package mlx

import "github.com/mlxc/mlxc/ir"

// A DType is the type of a tensor's elements.
type DType = ir.DType

// The dtypes.
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
)
