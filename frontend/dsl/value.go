package dsl

import (
	"fmt"
	"math"
	"strconv"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// A value is what an expression evaluates to. Its dynamic type is one of:
//
//	ir.Size       an integer, or a size that only a call knows
//	float64, bool, string, ir.DType
//	none          the absence of an optional argument
//	poison        what an error left; operations on it are silent
//	list, *tuple
//	facts         a comparison that only a call can decide
//	mlx.Value     a tensor
//	*weight       a param or state; it becomes a tensor where it is read
//	*instance     a block with its members
//	*blockType, *function, *kernel, builtin, *module, *ir.Init
//	*arrayFile, *closeness in a test
type value any

type (
	none   struct{}
	poison struct{}
	list   []value
	facts  []ir.Fact

	// A tuple is what a function returns when it returns several values.
	tuple struct {
		names []string // of named results, else empty
		items []value
	}
	// A weight is a declared param or state.
	weight struct {
		decl  *TensorDecl
		path  string
		value mlx.Value
		state *mlx.State // nil: a param
	}
	// A blockType is a block, and the file scope that its body sees.
	blockType struct {
		decl  *BlockDecl
		annos []*Anno
		file  *source
	}
	// An instance is a block that was made, with its members.
	instance struct {
		typ    *blockType
		path   string
		scope  *scope
		policy policy
	}
	// A function is a fn or an entry, with the instance that it is a member of
	// (nil at the top level of a file).
	function struct {
		decl  *FnDecl
		annos []*Anno
		file  *source
		owner *instance
		scope *scope
	}
	// A module is what an import gives.
	module struct{ file *source }
	// A builtin is a function of the language itself.
	builtin string
	// A namespace is a builtin with fields: init.
	namespace string
	// A dimName is a declared dim. A parameter's type binds its name afresh.
	// Only the main file's own are known without that.
	dimName struct {
		dim *ir.Dim
		own bool
	}
	// A kernel is Metal code, how it is launched, and its reference.
	kernel struct {
		decl   *Kernel
		launch map[string]Expr // of launchWords
		ref    *function
	}
)

// A scope maps names to values, and looks further out for others.
type scope struct {
	vars map[string]value
	up   *scope
}

func (s *scope) inner() *scope { return &scope{map[string]value{}, s} }

func (s *scope) find(name string) (value, bool) {
	for ; s != nil; s = s.up {
		if v, ok := s.vars[name]; ok {
			return v, true
		}
	}
	return nil, false
}

// describeValue says what a value is, for messages: an int, a list.
func describeValue(v value) string {
	switch v := v.(type) {
	case ir.Size:
		if n, ok := v.Int(); ok {
			return fmt.Sprintf("the int %d", n)
		}
		return fmt.Sprintf("the size %s", v)
	case float64:
		return "the float " + formatFloat(v)
	case bool:
		return fmt.Sprintf("the bool %v", v)
	case string:
		return "the string " + strconv.Quote(v)
	case ir.DType:
		return "the dtype " + v.String()
	case none:
		return "none"
	case list:
		return fmt.Sprintf("a list of %d", len(v))
	case *tuple:
		return fmt.Sprintf("%d values", len(v.items))
	case facts:
		return "a comparison that only a call can decide"
	case mlx.Value:
		return "a tensor " + v.Type().String()
	case *weight:
		return "the " + v.decl.Kind + " " + v.path
	case *instance:
		return "a block " + v.typ.decl.Name.Name
	case *blockType:
		return "the block " + v.decl.Name.Name
	case *function:
		return "the function " + v.decl.Name.Name
	case builtin:
		return "the function " + string(v)
	case *module, namespace:
		return "a library"
	case *arrayFile:
		return "the file " + v.name
	case *closeness:
		return "a comparison by `close`"
	case *ir.Init:
		return "an init"
	case *kernel:
		return "the kernel " + v.decl.Name.Name
	}
	return "nothing"
}

func formatFloat(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// number is a value as a float64, if it is a number that is known.
func number(v value) (float64, bool) {
	switch v := v.(type) {
	case ir.Size:
		n, ok := v.Int()
		return float64(n), ok
	case float64:
		return v, true
	}
	return 0, false
}

// size is a value as a size: an integer, or a float without a fraction.
func size(v value) (ir.Size, bool) {
	switch v := v.(type) {
	case ir.Size:
		return v, true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return ir.N(int64(v)), true
		}
	}
	return ir.Size{}, false
}

// equal reports whether two compile-time values are equal; ok is false where
// only a call, or nobody, can tell.
func equal(a, b value) (eq, ok bool) {
	x, isNum := number(a)
	y, alsoNum := number(b)
	switch a := a.(type) {
	case ir.Size:
		if n, isSize := b.(ir.Size); isSize {
			return a.Equal(n), a.Equal(n) || isNum && alsoNum
		}
		return isNum && alsoNum && x == y, true
	case float64:
		return alsoNum && x == y, true
	case mlx.Value, *weight, facts, poison:
		_, isNone := b.(none)
		return false, isNone
	case none:
		_, eq = b.(none)
		return eq, true
	case bool, string, ir.DType:
		return a == b, true
	case list:
		b, isList := b.(list)
		if !isList || len(a) != len(b) {
			return false, true
		}
		for i := range a {
			if eq, ok := equal(a[i], b[i]); !eq || !ok {
				return false, ok
			}
		}
		return true, true
	}
	return false, true
}
