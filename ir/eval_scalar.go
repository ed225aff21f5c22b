package ir

import "fmt"

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
		for _, g := range v.Guard {
			i, err := size(g.Index)
			if err != nil {
				return number{}, err
			}
			n, err := size(g.Extent)
			if err != nil {
				return number{}, err
			}
			if i < 0 || i >= n {
				return number{}, nil
			}
		}
		return number{i: 1}, nil
	case ScalarCast:
		return convert(args[0], v.Args[0].DType, v.DType), nil
	case ScalarApply:
		return v.Fn.eval(v, args)
	}
	return number{}, fmt.Errorf("scalar %d cannot be evaluated alone", v.ID)
}

func (fn Fn) eval(v *Scalar, args []number) (number, error) {
	if fn == Select {
		if args[0].i != 0 {
			return args[1], nil
		}
		return args[2], nil
	}
	row, t := fnTable[fn], v.Args[0].DType
	switch {
	case t.IsFloat() && row.float != nil:
		var x [3]float64
		for i, a := range args {
			x[i] = a.f
		}
		y := row.float(x[:len(args)])
		if v.DType == Bool {
			return number{i: int64(y)}, nil
		}
		return number{f: y}, nil
	case t == Bool && row.bool != nil:
		var x [3]int64
		for i, a := range args {
			x[i] = a.i
		}
		return number{i: row.bool(x[:len(args)])}, nil
	case t.IsInt() && row.int != nil:
		var x [3]int64
		for i, a := range args {
			x[i] = a.i
		}
		return number{i: wrap(row.int(x[:len(args)], t), v.DType)}, nil
	}
	return number{}, fmt.Errorf("%s is not defined on %s", fn, t)
}
