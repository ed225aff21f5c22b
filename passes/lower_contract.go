package passes

import "github.com/mlxc/mlxc/ir"

// recogniseContract finds a sum of products whose factors vary with axes of the
// grid of their own. The last axis of the grid that is no batch belongs to the
// right factor, so that the columns of the product are stored next to each other.
func recogniseContract(k *ir.Kernel) {
	for _, v := range k.Values {
		if v.Kind != ir.ScalarReduce || v.Fn != ir.Add || v.Args[0].Kind != ir.ScalarApply || v.Args[0].Fn != ir.Mul {
			continue
		}
		if c := contractOf(k.Grid(), v); c != nil {
			k.Contract = c
			return
		}
	}
}

// contractOf sorts the axes of the grid by the factors of sum that vary with them;
// nil: a factor has none of its own, or an axis no factor.
func contractOf(grid []*ir.Axis, sum *ir.Scalar) *ir.Contract {
	c := &ir.Contract{A: sum.Args[0].Args[0], B: sum.Args[0].Args[1], Sum: sum}
	last := c.B
	for _, a := range grid {
		switch inA, inB := c.A.Varies(a), c.B.Varies(a); {
		case !inA && !inB:
			return nil
		case !inB:
			c.M = append(c.M, a)
			last = c.A
		case !inA:
			c.N = append(c.N, a)
			last = c.B
		}
	}
	if len(c.M) == 0 || len(c.N) == 0 {
		return nil
	}
	if last == c.A {
		c.A, c.B, c.M, c.N = c.B, c.A, c.N, c.M
	}
	return c
}
