// Command fit computes the polynomials of passes/legalise_*.go: interpolations at
// Chebyshev nodes, which are nearly the best there are, of functions that Go's
// library has in float64, and one quotient of two polynomials. It prints the
// coefficients, highest power first, and the largest relative error on the interval.
//
//	go run ./scripts/fit
//
// Those of gelu are where a search begins, which takes hours and has an end that depends on
// the order of its tries:
//
//	go run ./scripts/fit gelu
package main

import (
	"fmt"
	"math"
	"os"
)

// A fit is a function on an interval and the degree of the polynomial for it.
type fit struct {
	name   string
	f      func(v float64) float64
	lo, hi float64
	degree int
}

var fits = []fit{
	{"erf(x)/x, in x² for |x| <= 1 (the last, less 1)", func(s float64) float64 {
		if s == 0 {
			return 2 / math.Sqrt(math.Pi)
		}
		return math.Erf(math.Sqrt(s)) / math.Sqrt(s)
	}, 0, 1, 6},
	{"erfc(x)*exp(x²)/t, in t = 1/(1 + x/2) for x <= 10.5", func(t float64) float64 {
		x := 2/t - 2
		return math.Erfc(x) * math.Exp(x*x) / t
	}, 0.16, 1, 9},
	{"(exp(r) - 1 - r)/r², in r for |r| <= ln(2)/2", expQuotient, -math.Ln2 / 2 * 1.01, math.Ln2 / 2 * 1.01, 5},
	geluExp,
	{"erfinv(x)/x, in w - 2.5 for w = -log(1 - x²) <= 5", func(v float64) float64 { return erfinvQuotient(v + 2.5) }, -2.5, 2.5, 9},
	{"erfinv(x)/x, in sqrt(w) - 3 for w = -log(1 - x²) from 5 to 17", func(v float64) float64 {
		return erfinvQuotient((v + 3) * (v + 3))
	}, math.Sqrt(5) - 3, math.Sqrt(17) - 3, 9},
	{"(exp(r) - 1 - r)/r², in r for |r| <= ln(2)/2, for exp alone", expQuotient, -math.Ln2 / 2 * 1.01, math.Ln2 / 2 * 1.01, 4},
	{"(2^r - 1)/r, in r for |r| <= 1/2", func(r float64) float64 {
		if r == 0 {
			return math.Ln2
		}
		return math.Expm1(r*math.Ln2) / r
	}, -0.505, 0.505, 5},
	{"(log(1 + f) - f)/f², in f from sqrt(1/2)-1 to sqrt(2)-1", func(f float64) float64 {
		if math.Abs(f) < 1e-4 {
			return -0.5 + f/3 - f*f/4
		}
		return (math.Log1p(f) - f) / (f * f)
	}, math.Sqrt(0.5) - 1, math.Sqrt2 - 1, 8},
	{"log2(1 + f)/f, in f from sqrt(1/2)-1 to sqrt(2)-1", func(f float64) float64 {
		if f == 0 {
			return math.Log2E
		}
		return math.Log1p(f) / f * math.Log2E
	}, math.Sqrt(0.5) - 1, math.Sqrt2 - 1, 8},
	{"(sin(r) - r)/r³, in r² for |r| <= 0.8", odd(math.Sin, -1./6, 1./120), 0, 0.64, 3},
	{"(cos(r) - 1 + r²/2)/r⁴, in r² for |r| <= 0.8", func(s float64) float64 {
		if s < 1e-3 {
			return 1./24 - s/720 + s*s/40320
		}
		return (math.Cos(math.Sqrt(s)) - 1 + s/2) / (s * s)
	}, 0, 0.64, 2},
	{"(tan(r) - r)/r³, in r² for |r| <= 0.8", odd(math.Tan, 1./3, 2./15), 0, 0.64, 6},
	{"(asin(x) - x)/x³, in x² for |x| <= 1/2", odd(math.Asin, 1./6, 3./40), 0, 0.25, 5},
	{"(atan(x) - x)/x³, in x² for |x| <= 1", odd(math.Atan, -1./3, 1./5), 0, 1, 9},
	{"(sinh(x) - x)/x³, in x² for |x| <= 1", odd(math.Sinh, 1./6, 1./120), 0, 1, 3},
	{"(tanh(x) - x)/x³, in x² for |x| <= 0.6", odd(math.Tanh, -1./3, 2./15), 0, 0.36, 5},
}

// A quotient is a function of x from 0 on by two polynomials, whose highest powers have the
// coefficient 1, and a factor. The nodes lie in x/(1 + bend*x) as those of a polynomial do.
type quotient struct {
	name         string
	f            func(x float64) float64
	hi, bend     float64
	above, below int // degrees
}

func expQuotient(r float64) float64 {
	if math.Abs(r) < 1e-3 { // where the quotient loses digits
		return 0.5 + r/6 + r*r/24 + r*r*r/120
	}
	return (math.Expm1(r) - r) / (r * r)
}

// odd is (f(x) - x)/x³ in s = x², with the first two terms of its series.
func odd(f func(float64) float64, c0, c1 float64) func(s float64) float64 {
	return func(s float64) float64 {
		if s < 1e-5 {
			return c0 + c1*s
		}
		x := math.Sqrt(s)
		return (f(x) - x) / (x * s)
	}
}

func erfinvQuotient(w float64) float64 {
	if w < 1e-12 {
		return math.Sqrt(math.Pi) / 2
	}
	x := math.Sqrt(-math.Expm1(-w))
	if w > 3 { // from the other side, where 1-x is small
		return math.Erfcinv(1-x) / x
	}
	return math.Erfinv(x) / x
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "gelu" {
		searchGelu()
		return
	}
	geluTail.print()
	for _, f := range fits {
		c := f.polynomial()
		worst := 0.0
		for i := range 100001 {
			v := f.lo + (f.hi-f.lo)*float64(i)/100000
			worst = max(worst, math.Abs(horner(c, v)/f.f(v)-1))
		}
		fmt.Printf("%s: %.1e\n", f.name, worst)
		printCoefficients(c)
	}
}

// printCoefficients takes them lowest power first.
func printCoefficients(c []float64) {
	for i := range c {
		fmt.Printf(" %.9g,", c[len(c)-1-i])
	}
	fmt.Println()
}

// horner evaluates coefficients, lowest power first.
func horner(c []float64, v float64) float64 {
	y := 0.0
	for i := len(c) - 1; i >= 0; i-- {
		y = y*v + c[i]
	}
	return y
}

// polynomial interpolates f by a sum of Chebyshev polynomials and multiplies it
// out; the coefficients come lowest power first.
func (f fit) polynomial() []float64 {
	n := f.degree + 1
	mid, half := (f.lo+f.hi)/2, (f.hi-f.lo)/2
	at := make([]float64, n)
	for k := range at {
		at[k] = f.f(mid + half*math.Cos(math.Pi*(float64(k)+0.5)/float64(n)))
	}
	u := []float64{-mid / half, 1 / half} // v, brought to [-1, 1]
	before, now := []float64{1}, u
	sum := make([]float64, n)
	for j := range n {
		c := 0.0
		for k := range at {
			c += 2 / float64(n) * at[k] * math.Cos(math.Pi*float64(j)*(float64(k)+0.5)/float64(n))
		}
		if j == 0 {
			c /= 2
		}
		for i, b := range before {
			sum[i] += c * b
		}
		next := times(now, u) // T[j+1] = 2u T[j] - T[j-1]
		for i := range next {
			next[i] *= 2
			if i < len(before) {
				next[i] -= before[i]
			}
		}
		before, now = now, next
	}
	return sum
}

// at is the x of v from 0 to 1.
func (q quotient) at(v float64) float64 {
	v *= q.hi / (1 + q.bend*q.hi)
	return v / (1 - q.bend*v)
}

// rational interpolates f: above(x)*factor - f(x)*below(x) is 0 at as many nodes as there
// are coefficients, which makes a system of linear equations.
func (q quotient) rational() (above, below []float64, factor float64) {
	n := q.above + 1 + q.below
	rows := make([][]float64, n)
	for k := range rows {
		x := q.at((1 + math.Cos(math.Pi*(float64(k)+0.5)/float64(n))) / 2)
		y := q.f(x)
		for i := range q.above + 1 {
			rows[k] = append(rows[k], math.Pow(x, float64(i)))
		}
		for i := range q.below {
			rows[k] = append(rows[k], -y*math.Pow(x, float64(i)))
		}
		rows[k] = append(rows[k], y*math.Pow(x, float64(q.below)))
		scale := rows[k][n]
		for i := range rows[k] {
			rows[k][i] /= scale
		}
	}
	c := solve(rows)
	factor = c[q.above]
	for _, v := range c[:q.above+1] {
		above = append(above, v/factor)
	}
	return above, append(c[q.above+1:], 1), factor
}

func (q quotient) print() {
	above, below, factor := q.rational()
	worst := 0.0
	for i := range 100001 {
		x := q.at(float64(i) / 100000)
		worst = max(worst, math.Abs(factor*horner(above, x)/horner(below, x)/q.f(x)-1))
	}
	fmt.Printf("%s, a quotient times %.9g: %.1e\n", q.name, factor, worst)
	printCoefficients(above)
	printCoefficients(below)
}

// solve eliminates the unknowns one by one; the last column is the right side.
func solve(rows [][]float64) []float64 {
	n := len(rows)
	for i := range n {
		for k := i + 1; k < n; k++ {
			if math.Abs(rows[k][i]) > math.Abs(rows[i][i]) {
				rows[i], rows[k] = rows[k], rows[i]
			}
		}
		for k := range n {
			if m := rows[k][i] / rows[i][i]; k != i {
				for j := i; j <= n; j++ {
					rows[k][j] -= m * rows[i][j]
				}
			}
		}
	}
	x := make([]float64, n)
	for i := range x {
		x[i] = rows[i][n] / rows[i][i]
	}
	return x
}

func times(a, b []float64) []float64 {
	out := make([]float64, len(a)+len(b)-1)
	for i, x := range a {
		for j, y := range b {
			out[i+j] += x * y
		}
	}
	return out
}
