package ir

import (
	"fmt"
	"math"
)

// evalScalar computes v, which is neither a load nor a reduction, from its
// operands' numbers. Floats are float64, rounded only where a cast or a rounding
// function says so; integers have their own width.
func evalScalar(v *Scalar, args []number, size func(Size) (int64, error)) (number, error) {
	switch v.Kind {
	case ScalarConst:
		return number{f: v.Float, i: v.Int}, nil
	case ScalarSize:
		n, err := size(v.Index)
		return numberOf(v.DType, float64(n)), err
	case ScalarInside:
		ok, err := inside(v.Guard, size)
		return number{i: bit(ok)}, err
	case ScalarCast:
		return convert(args[0], v.Args[0].DType, v.DType), nil
	case ScalarApply:
		return v.Fn.eval(v.Args[0].DType, args)
	}
	return number{}, fmt.Errorf("scalar v%d cannot be evaluated alone", v.ID)
}

// inside reports whether all bounds hold.
func inside(guard []Bound, size func(Size) (int64, error)) (bool, error) {
	for _, g := range guard {
		i, err := size(g.Index)
		if err != nil {
			return false, err
		}
		n, err := size(g.Extent)
		if err != nil || i < 0 || i >= n {
			return false, err
		}
	}
	return true, nil
}

// eval applies fn to operands of dtype t.
func (fn Fn) eval(t DType, args []number) (number, error) {
	switch {
	case fn == Select && args[0].i != 0:
		return args[1], nil
	case fn == Select:
		return args[2], nil
	case fn == Bits && t == F32:
		return number{i: int64(int32(math.Float32bits(float32(args[0].f))))}, nil
	case fn == FromBits && t == I32:
		return number{f: float64(math.Float32frombits(uint32(args[0].i)))}, nil
	}
	row := fnTable[fn]
	if t.IsFloat() && row.float != nil {
		var x [3]float64
		for i, a := range args {
			x[i] = a.f
		}
		y := row.float(x[:len(args)])
		if fn.Result(t) == Bool {
			return number{i: int64(y)}, nil
		}
		return number{f: y}, nil
	}
	var x [3]int64
	for i, a := range args {
		x[i] = a.i
	}
	switch {
	case t == Bool && row.bool != nil:
		return number{i: row.bool(x[:len(args)])}, nil
	case t.IsInt() && row.int != nil:
		return number{i: wrap(row.int(x[:len(args)], t), fn.Result(t))}, nil
	}
	return number{}, fmt.Errorf("%s is not defined on %s", fn, t)
}

// identity is what a fold of nothing gives.
func (fn Fn) identity(t DType) number {
	switch fn {
	case Mul, And:
		return numberOf(t, 1)
	}
	return number{}
}
