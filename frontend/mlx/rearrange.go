package mlx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// Axes are sizes of named axes of a pattern.
type Axes map[string]Dim

// Rearrange reorders, splits and joins axes by an einops pattern, such as
// "b t (h d) -> b h t d"; axes give the sizes that the shape leaves open.
func (v Value) Rearrange(text string, axes Axes) Value {
	if v.b == nil || v.Poisoned() {
		return v
	}
	p, err := parsePattern(text)
	if err != nil {
		v.b.errorf(nil, "", "rearrange %q: %v", text, err)
		return v.b.poison()
	}
	return v.b.rearranged(v, p, axes, nil)
}

// A pattern is both sides of an arrow; each side has a group per axis.
type pattern struct {
	text        string
	left, right []group
	axes        Axes // sizes given with the pattern of a param
}

// A group is the named axes that one axis of a tensor consists of. The name "..."
// stands for any number of axes: each a group of its own, unless parentheses join
// them.
type group struct {
	names  []string
	joined bool
}

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
	if p.right, err = parseSide(right, len(left)+2); err != nil {
		return nil, err
	}
	in, out := names(p.left), names(p.right)
	for _, n := range in {
		if !slices.Contains(out, n) {
			return nil, fmt.Errorf("%s stands on the left only", n)
		}
	}
	for _, n := range out {
		if !slices.Contains(in, n) {
			return nil, fmt.Errorf("%s stands on the right only", n)
		}
	}
	return p, nil
}

// parseSide reads "b (h d) 1 ..."; offset is for columns in messages.
func parseSide(s string, offset int) ([]group, error) {
	var side []group
	var open group
	inside := false
	seen := map[string]bool{}
	for i := 0; i < len(s); {
		c := s[i]
		col := offset + i + 1
		switch {
		case c == ' ':
			i++
		case c == '(' && !inside:
			inside, open = true, group{joined: true}
			i++
		case c == ')' && inside:
			inside = false
			side = append(side, open)
			i++
		case strings.HasPrefix(s[i:], "...") || isName(c):
			n := 3
			if c != '.' {
				for n = 1; i+n < len(s) && isName(s[i+n]); n++ {
				}
			}
			name := s[i : i+n]
			i += n
			if name == "1" {
				if !inside {
					side = append(side, group{})
				}
				continue
			}
			if name[0] >= '0' && name[0] <= '9' {
				return nil, fmt.Errorf("column %d: %s is no name; only 1 may stand for a size", col, name)
			}
			if seen[name] {
				return nil, fmt.Errorf("column %d: %s stands twice on one side", col, name)
			}
			seen[name] = true
			if inside {
				open.names = append(open.names, name)
			} else {
				side = append(side, group{names: []string{name}})
			}
		default:
			return nil, fmt.Errorf("column %d: unexpected %q", col, c)
		}
	}
	if inside {
		return nil, fmt.Errorf("a ( is not closed")
	}
	return side, nil
}

func isName(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func names(side []group) []string {
	var all []string
	for _, g := range side {
		all = append(all, g.names...)
	}
	return all
}

// rearranged applies a pattern: split the axes of the left side, reorder, join
// those of the right. want, if not nil, is the shape that must come out.
func (b *Builder) rearranged(v Value, p *pattern, axes Axes, want []Dim) Value {
	if axes == nil {
		axes = p.axes
	}
	left, right, sizes, err := p.solve(v.Type().Shape, axes)
	if err != nil {
		b.errorf(nil, "", "rearrange %q of %s: %v", p.text, v.Type(), err)
		return b.poison()
	}
	from, to := names(left), names(right)
	split := make([]Dim, len(from))
	for i, n := range from {
		split[i] = sizes[n]
	}
	perm := make([]int, len(to))
	for i, n := range to {
		perm[i] = slices.Index(from, n)
	}
	out := v
	if !ir.EqualShapes(split, v.Type().Shape) {
		out = out.Reshape(split...)
	}
	if !slices.IsSorted(perm) {
		out = apply("transpose", ir.PermAttrs{Perm: perm}, out)
	}
	if joined := shapeOf(right, sizes); !ir.EqualShapes(joined, out.Type().Shape) {
		out = out.Reshape(joined...)
	}
	if want != nil && !out.Poisoned() && !ir.EqualShapes(out.Type().Shape, want) {
		b.errorf(nil, "", "rearrange %q gives %s", p.text, out.Type())
		return b.poison()
	}
	return out
}

func shapeOf(side []group, sizes map[string]Dim) []Dim {
	shape := make([]Dim, len(side))
	for i, g := range side {
		shape[i] = N(1)
		for _, n := range g.names {
			shape[i] = shape[i].Mul(sizes[n])
		}
	}
	return shape
}

// source is the shape before the pattern that gives shape after it.
func (p *pattern) source(shape []Dim, axes Axes) ([]Dim, error) {
	p.axes = axes
	back := &pattern{text: p.text, left: p.right, right: p.left}
	_, right, sizes, err := back.solve(shape, axes)
	if err != nil {
		return nil, err
	}
	return shapeOf(right, sizes), nil
}

// solve matches the left side with a shape: it gives each name its size, and both
// sides with "..." replaced by the axes that it stands for.
func (p *pattern) solve(shape []Dim, axes Axes) (left, right []group, sizes map[string]Dim, err error) {
	sizes = map[string]Dim{}
	for n, s := range axes {
		if !slices.Contains(names(p.left), n) {
			return nil, nil, nil, fmt.Errorf("there is no axis %s", n)
		}
		sizes[n] = s
	}
	extra := len(shape) - len(p.left)
	var rest []string // the axes of "..."
	if slices.Contains(names(p.left), "...") {
		extra++
		for i := range extra {
			rest = append(rest, fmt.Sprintf("...%d", i))
		}
	}
	if extra != len(rest) {
		return nil, nil, nil, fmt.Errorf("the pattern has %d axes, the tensor %d", len(p.left), len(shape))
	}
	left, right = spread(p.left, rest), spread(p.right, rest)
	if len(left) != len(shape) {
		return nil, nil, nil, fmt.Errorf("... within parentheses on the left")
	}
	for i, g := range left {
		known := N(1)
		open := ""
		for _, n := range g.names {
			s, ok := sizes[n]
			switch {
			case ok:
				known = known.Mul(s)
			case open != "":
				return nil, nil, nil, fmt.Errorf("the sizes of %s and %s are both open", open, n)
			default:
				open = n
			}
		}
		if open == "" {
			if !known.Equal(shape[i]) {
				return nil, nil, nil, fmt.Errorf("axis %d has size %s, the pattern %s", i, shape[i], known)
			}
			continue
		}
		s, ok := shape[i].Exact(known)
		if !ok {
			return nil, nil, nil, fmt.Errorf("size %s does not divide by %s", shape[i], known)
		}
		sizes[open] = s
	}
	return left, right, sizes, nil
}

// spread replaces "..." by names: outside parentheses by an axis each.
func spread(side []group, rest []string) []group {
	var out []group
	for _, g := range side {
		if !g.joined && len(g.names) == 1 && g.names[0] == "..." {
			for _, n := range rest {
				out = append(out, group{names: []string{n}})
			}
			continue
		}
		if i := slices.Index(g.names, "..."); i >= 0 {
			g.names = slices.Replace(slices.Clone(g.names), i, i+1, rest...)
		}
		out = append(out, g)
	}
	return out
}
