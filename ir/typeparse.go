package ir

import (
	"fmt"
	"slices"
)

// MaxRank is the largest number of axes of a tensor.
const MaxRank = 16

// A Scope finds what a name in a size stands for.
type Scope func(name string) (Size, bool)

// ParseType reads a type such as f32[B, 28, 2*T + 1]. Names of sizes are looked
// up in scope; known lists them for "did you mean" and may be nil.
func ParseType(text string, scope Scope, known []string) (Type, error) {
	s := newScanner("type", text)
	t, err := s.typ(scope, known)
	if err == nil && s.tok != "" {
		err = s.errorf("unexpected %s after the type", s.found())
	}
	return t, err
}

// ParseSize reads a size such as 2*B*T + div(T, 2) - 1.
func ParseSize(text string, scope Scope, known []string) (Size, error) {
	s := newScanner("size", text)
	e, err := s.size(scope, known)
	if err == nil && s.tok != "" {
		err = s.errorf("unexpected %s after the size", s.found())
	}
	return e, err
}

func dtypeNames() []string {
	var names []string
	for _, d := range DTypes() {
		names = append(names, d.String())
	}
	return names
}

func (s *scanner) dtype() (DType, error) {
	at := *s
	name, err := s.name()
	if err != nil {
		return Invalid, err
	}
	d, ok := ParseDType(name)
	if ok {
		return d, nil
	}
	return Invalid, at.errorf("there is no dtype %s%s", name, didYouMean(name, dtypeNames()))
}

func (s *scanner) typ(scope Scope, known []string) (Type, error) {
	d, err := s.dtype()
	if err != nil {
		return Type{}, err
	}
	t := Type{DType: d}
	if s.tok != "[" {
		return t, nil
	}
	t.Shape, err = s.sizes(scope, known)
	if err == nil && len(t.Shape) > MaxRank {
		err = s.errorf("more than %d axes", MaxRank)
	}
	return t, err
}

// sizes reads [a, b, c].
func (s *scanner) sizes(scope Scope, known []string) ([]Size, error) {
	if err := s.expect("["); err != nil {
		return nil, err
	}
	var out []Size
	for !s.accept("]") {
		if len(out) > 0 {
			if err := s.expect(","); err != nil {
				return nil, err
			}
		}
		e, err := s.size(scope, known)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// size reads a sum of products.
func (s *scanner) size(scope Scope, known []string) (Size, error) {
	if err := s.enter(); err != nil {
		return Size{}, err
	}
	defer s.leave()
	neg := s.accept("-")
	sum, err := s.product(scope, known)
	if neg {
		sum = Size{}.Sub(sum)
	}
	for err == nil && (s.tok == "+" || s.tok == "-") {
		neg := s.tok == "-"
		s.next()
		var t Size
		if t, err = s.product(scope, known); err == nil {
			if neg {
				sum = sum.Sub(t)
			} else {
				sum = sum.Add(t)
			}
		}
	}
	if err == nil && sum.Overflow() {
		err = s.errorf("the size leaves the range of 64 bits")
	}
	return sum, err
}

func (s *scanner) product(scope Scope, known []string) (Size, error) {
	p, err := s.factor(scope, known)
	for err == nil && (s.tok == "*" || s.tok == "/") {
		div := s.tok == "/"
		at := *s
		s.next()
		var f Size
		if f, err = s.factor(scope, known); err != nil {
			break
		}
		if !div {
			p = p.Mul(f)
			continue
		}
		q, ok := p.Exact(f)
		if !ok {
			return p, at.errorf("%s does not divide by %s; div(a, b) rounds down", p, f)
		}
		p = q
	}
	return p, err
}

func (s *scanner) factor(scope Scope, known []string) (Size, error) {
	at := *s
	switch {
	case s.accept("("):
		e, err := s.size(scope, known)
		if err == nil {
			err = s.expect(")")
		}
		return e, err
	case s.tok == "div" || s.tok == "mod":
		op := s.tok
		s.next()
		if err := s.expect("("); err != nil {
			return Size{}, err
		}
		x, err := s.size(scope, known)
		if err == nil {
			err = s.expect(",")
		}
		var d Size
		if err == nil {
			d, err = s.size(scope, known)
		}
		if err == nil {
			err = s.expect(")")
		}
		if n, ok := d.Int(); err == nil && ok && n <= 0 {
			err = at.errorf("division by %s", d)
		}
		if err != nil {
			return Size{}, err
		}
		if op == "div" {
			return x.Div(d), nil
		}
		return x.Mod(d), nil
	case s.tok != "" && s.tok[0] >= '0' && s.tok[0] <= '9':
		n, err := s.int()
		return N(n), err
	}
	name, err := s.name()
	if err != nil {
		return Size{}, at.errorf("unexpected %s, expected a size", at.found())
	}
	if e, ok := scope(name); ok {
		return e, nil
	}
	return Size{}, at.errorf("size %s is not declared%s", name, didYouMean(name, known))
}

// Suggest finds the candidate that a misspelt name most likely means; empty if
// none is near.
func Suggest(name string, candidates []string) string {
	limit := 1 + len(name)/3
	best, found := limit+1, ""
	sorted := slices.Clone(candidates)
	slices.Sort(sorted)
	for _, c := range sorted {
		if d := distance(name, c); d < best && d < len(name) {
			best, found = d, c
		}
	}
	return found
}

// common are what people call dtypes elsewhere.
var common = map[string]string{"float32": "f32", "float16": "f16", "bfloat16": "bf16", "int32": "i32", "int64": "i64", "float": "f32", "half": "f16", "double": "f64", "float64": "f64"}

// ForeignDType is the dtype that has another name elsewhere: float32, bfloat16, half.
func ForeignDType(name string) (DType, bool) {
	return ParseDType(common[name])
}

func didYouMean(name string, candidates []string) string {
	if c, ok := common[name]; ok {
		return fmt.Sprintf("; did you mean %s?", c)
	}
	if c := Suggest(name, candidates); c != "" {
		return fmt.Sprintf("; did you mean %s?", c)
	}
	return ""
}

// distance counts insertions, deletions and replacements, after Levenshtein.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		left := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := left
			if a[i-1] != b[j-1] {
				cost++
			}
			left = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
