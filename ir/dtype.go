package ir

// A DType is the type of a tensor's elements. A quantised one is a Format of params: what a
// kernel reads of them are its planes, whose elements have other dtypes.
type DType uint8

// The dtypes, in the order of the language reference.
const (
	Invalid DType = iota
	F64
	F32
	F16
	BF16
	I64
	I32
	I16
	I8
	U64
	U32
	U16
	U8
	Bool
	Q4G32
	Q4G64
	Q4G128
	Q8G32
	Q8G64
	Q8G128
	Q4_0
	Q8_0
	Q4_K
	Q6_K
)

// A Class groups dtypes by what arithmetic means for them.
type Class uint8

const (
	Float Class = iota
	Signed
	Unsigned
	Boolean
	Quantised
)

var dtypes = [...]struct {
	name  string
	size  int
	class Class
}{
	Invalid: {"invalid", 0, Float},
	F64:     {"f64", 8, Float},
	F32:     {"f32", 4, Float},
	F16:     {"f16", 2, Float},
	BF16:    {"bf16", 2, Float},
	I64:     {"i64", 8, Signed},
	I32:     {"i32", 4, Signed},
	I16:     {"i16", 2, Signed},
	I8:      {"i8", 1, Signed},
	U64:     {"u64", 8, Unsigned},
	U32:     {"u32", 4, Unsigned},
	U16:     {"u16", 2, Unsigned},
	U8:      {"u8", 1, Unsigned},
	Bool:    {"bool", 1, Boolean},
	Q4G32:   {"q4g32", 0, Quantised},
	Q4G64:   {"q4g64", 0, Quantised},
	Q4G128:  {"q4g128", 0, Quantised},
	Q8G32:   {"q8g32", 0, Quantised},
	Q8G64:   {"q8g64", 0, Quantised},
	Q8G128:  {"q8g128", 0, Quantised},
	Q4_0:    {"q4_0", 0, Quantised},
	Q8_0:    {"q8_0", 0, Quantised},
	Q4_K:    {"q4_k", 0, Quantised},
	Q6_K:    {"q6_k", 0, Quantised},
}

// DTypes lists the dtypes that elements have.
func DTypes() []DType { return dtypeRange(F64, Bool) }

// QuantisedDTypes lists those that only params have.
func QuantisedDTypes() []DType { return dtypeRange(Q4G32, Q6_K) }

func dtypeRange(first, last DType) []DType {
	var ds []DType
	for d := first; d <= last; d++ {
		ds = append(ds, d)
	}
	return ds
}

// ParseDType finds the dtype called name, which may be quantised.
func ParseDType(name string) (DType, bool) {
	for d := F64; int(d) < len(dtypes); d++ {
		if d.String() == name {
			return d, true
		}
	}
	return Invalid, false
}

func (d DType) String() string { return dtypes[d].name }

// Size is the number of bytes of one element; 0 of a quantised dtype.
func (d DType) Size() int { return dtypes[d].size }

// Class tells what arithmetic means for d.
func (d DType) Class() Class { return dtypes[d].class }

// IsFloat reports whether d is a floating-point dtype.
func (d DType) IsFloat() bool { return d != Invalid && d.Class() == Float }

// IsInt reports whether d is a signed or unsigned integer dtype.
func (d DType) IsInt() bool { return d.Class() == Signed || d.Class() == Unsigned }

// IsQuantised reports whether d is a Format of params.
func (d DType) IsQuantised() bool { return d.Class() == Quantised }

// Compute is the dtype in which kernels compute with elements of d: f16 and
// bf16 are widened to f32 and rounded where a value is stored.
func (d DType) Compute() DType {
	if d == F16 || d == BF16 {
		return F32
	}
	return d
}
