package mlx

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// Axes are sizes of named axes of a pattern.
type Axes map[string]Dim

// A pattern is both sides of the arrow of an einops pattern; each side has a
// group per axis.
type pattern struct {
	text        string
	left, right []group
}

// A group is the named axes that one axis of a tensor consists of; 1 is of none.
type group struct {
	axes   []patternAxis
	joined bool // by parentheses
	col    int  // in the pattern, from 1
}

// A patternAxis is a name in a pattern. "..." stands for any number of axes: each
// a group of its own, unless parentheses join them.
type patternAxis struct {
	name string
	col  int
}

const ellipsis = "..."

func parsePattern(text string) (*pattern, error) {
	left, right, ok := strings.Cut(text, "->")
	if !ok {
		return nil, fmt.Errorf("the pattern has no ->")
	}
	p := &pattern{text: text}
	var err error
	if p.left, err = parseSide(left, 0); err != nil {
		return nil, err
	}
	if p.right, err = parseSide(right, len(left)+len("->")); err != nil {
		return nil, err
	}
	if err := covered(p.left, p.right, "left"); err != nil {
		return nil, err
	}
	if err := covered(p.right, p.left, "right"); err != nil {
		return nil, err
	}
	for _, g := range p.left {
		if g.joined && slices.Contains(names(g), ellipsis) {
			return nil, fmt.Errorf("column %d: ... within parentheses on the left", g.col)
		}
	}
	return p, nil
}

// covered reports an axis that only one side has.
func covered(side, other []group, where string) error {
	have := names(other...)
	for _, g := range side {
		for _, a := range g.axes {
			if !slices.Contains(have, a.name) {
				return fmt.Errorf("column %d: %s stands on the %s only", a.col, a.name, where)
			}
		}
	}
	return nil
}

// parseSide reads "b (h d) 1 ..."; offset is for columns in messages.
func parseSide(s string, offset int) ([]group, error) {
	var side []group
	var open *group
	seen := map[string]bool{}
	for i := 0; i < len(s); {
		c := s[i]
		col := offset + i + 1
		n := token(s[i:])
		word := s[i : i+max(n, 1)]
		i += max(n, 1)
		switch {
		case c == ' ':
		case c == '(' && open == nil:
			open = &group{joined: true, col: col}
		case c == ')' && open != nil:
			side = append(side, *open)
			open = nil
		case n == 0:
			return nil, fmt.Errorf("column %d: unexpected %q", col, c)
		case word == "1" && open == nil:
			side = append(side, group{col: col})
		case word == "1":
		case c >= '0' && c <= '9':
			return nil, fmt.Errorf("column %d: %s is no name; only 1 may stand for a size", col, word)
		case seen[word]:
			return nil, fmt.Errorf("column %d: %s stands twice on one side", col, word)
		default:
			seen[word] = true
			if a := (patternAxis{word, col}); open != nil {
				open.axes = append(open.axes, a)
			} else {
				side = append(side, group{axes: []patternAxis{a}, col: col})
			}
		}
	}
	if open != nil {
		return nil, fmt.Errorf("column %d: the ( is not closed", open.col)
	}
	return side, nil
}

// token is the length of the name, number or ellipsis that s begins with; 0: of
// none.
func token(s string) int {
	if strings.HasPrefix(s, ellipsis) {
		return len(ellipsis)
	}
	n := 0
	for n < len(s) && isName(s[n]) {
		n++
	}
	return n
}

// names are those of all axes of groups, in order.
func names(side ...group) []string {
	var all []string
	for _, g := range side {
		for _, a := range g.axes {
			all = append(all, a.name)
		}
	}
	return all
}

// solve matches the left side with a shape: it gives each name its size, and both
// sides with "..." replaced by the axes that it stands for.
func (p *pattern) solve(shape []Dim, axes Axes) (left, right []group, sizes map[string]Dim, err error) {
	sizes = map[string]Dim{}
	have := names(p.left...)
	for _, n := range slices.Sorted(maps.Keys(axes)) {
		if n == ellipsis || !slices.Contains(have, n) {
			return nil, nil, nil, fmt.Errorf("there is no axis %s", n)
		}
		if k, ok := axes[n].Int(); ok && k < 0 {
			return nil, nil, nil, fmt.Errorf("axis %s cannot have the size %d", n, k)
		}
		sizes[n] = axes[n]
	}
	more := len(shape) - len(p.left) // axes that "..." stands for
	if slices.Contains(have, ellipsis) {
		more++
	} else if more != 0 {
		return nil, nil, nil, fmt.Errorf("the pattern has %d axes, the tensor %d", len(p.left), len(shape))
	}
	if more < 0 {
		return nil, nil, nil, fmt.Errorf("the pattern has at least %d axes, the tensor %d", len(p.left)-1, len(shape))
	}
	left, right = spread(p.left, more), spread(p.right, more)
	for i, g := range left {
		if err := g.solve(shape[i], sizes); err != nil {
			return nil, nil, nil, fmt.Errorf("column %d: %w", g.col, err)
		}
	}
	return left, right, sizes, nil
}

// solve gives the one axis of the group that has no size yet what is left of the
// group's size.
func (g group) solve(size Dim, sizes map[string]Dim) error {
	known := N(1)
	open := ""
	for _, n := range names(g) {
		s, ok := sizes[n]
		switch {
		case ok:
			known = known.Mul(s)
		case open != "":
			return fmt.Errorf("the sizes of %s and %s are both open", open, n)
		default:
			open = n
		}
	}
	if open == "" {
		if !known.Equal(size) {
			return fmt.Errorf("the axis has size %s, the pattern %s", size, known)
		}
		return nil
	}
	s, ok := size.Exact(known)
	if !ok {
		return fmt.Errorf("size %s does not divide by %s", size, known)
	}
	sizes[open] = s
	return nil
}

// spread replaces "..." by the axes ...0, ...1 and so on: outside parentheses by a
// group each.
func spread(side []group, more int) []group {
	var out []group
	for _, g := range side {
		i := slices.Index(names(g), ellipsis)
		if i < 0 {
			out = append(out, g)
			continue
		}
		axes := make([]patternAxis, more)
		for k := range axes {
			axes[k] = patternAxis{fmt.Sprint(ellipsis, k), g.axes[i].col}
			if !g.joined {
				out = append(out, group{axes: axes[k : k+1], col: g.col})
			}
		}
		if g.joined {
			g.axes = slices.Concat(g.axes[:i], axes, g.axes[i+1:])
			out = append(out, g)
		}
	}
	return out
}

// shapeOf is the shape of a side whose axes all have sizes.
func shapeOf(side []group, sizes map[string]Dim) []Dim {
	shape := make([]Dim, len(side))
	for i, g := range side {
		shape[i] = ir.Product(sizesOf(names(g), sizes))
	}
	return shape
}

func sizesOf(names []string, sizes map[string]Dim) []Dim {
	out := make([]Dim, len(names))
	for i, n := range names {
		out[i] = sizes[n]
	}
	return out
}

// source is the shape before the pattern that gives shape after it, and the sizes
// of all named axes.
func (p *pattern) source(shape []Dim, axes Axes) ([]Dim, Axes, error) {
	back := &pattern{left: p.right, right: p.left}
	_, right, sizes, err := back.solve(shape, axes)
	if err != nil {
		return nil, nil, err
	}
	all := Axes{}
	for _, n := range names(p.left...) {
		if n != ellipsis {
			all[n] = sizes[n]
		}
	}
	return shapeOf(right, sizes), all, nil
}

// keepsMatrix reports that a tensor of this rank after the pattern is, as a matrix of its first
// axis and of all others, the tensor before it, or its transpose, with rows and columns in some
// order.
func (p *pattern) keepsMatrix(rank int) bool {
	more := rank - len(p.right) + 1
	left, right := spread(p.left, more), spread(p.right, more)
	if len(left) == 0 || len(right) == 0 {
		return false
	}
	rows := slices.Sorted(slices.Values(names(left[0])))
	is := func(side ...group) bool { return slices.Equal(rows, slices.Sorted(slices.Values(names(side...)))) }
	return is(right[0]) || is(right[1:]...)
}
