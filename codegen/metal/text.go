package metal

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// text is the function of a kernel that the model has written by hand: its body as it
// stands, after the names that it may use. It is launched as any other: as threadgroups
// of one dimension, from which the positions that it asks for are computed.
func text(k *ir.Kernel, name string) (string, error) {
	w := k.Written
	if together := meeting.FindString(w.Source.Text); together != "" && !w.Whole() {
		return "", fmt.Errorf("a grid of %s threads has a threadgroup with threads outside it, and %s waits for all: make it a multiple of the threadgroup", sizesText(w.Grid), together)
	}
	t := &textPrinter{kernel: k, words: wordsOf(w.Source.Text), used: words()}
	if err := t.distinct(); err != nil {
		return "", err
	}
	maps.Copy(t.used, t.words)
	t.used[name] = true
	var params []string
	for i, a := range k.Args {
		typ, ok := storage[a.DType]
		if !ok {
			return "", fmt.Errorf("%s is %s, which Metal does not have", a.Name, a.DType)
		}
		mode := "device const "
		if a.Write {
			mode = "device "
		}
		params = append(params, fmt.Sprintf("%s%s *%s [[buffer(%d)]]", mode, typ, a.Name, i))
		t.used[a.Name] = true
	}
	dims := t.used.unique("dims")
	index := "int"
	if LongDims(k) {
		index = "long"
	}
	if len(k.Dims) > 0 {
		params = append(params, fmt.Sprintf("constant %s *%s [[buffer(%d)]]", index, dims, len(k.Args)))
	}
	if len(params) > maxBuffers {
		return "", fmt.Errorf("%d buffers are more than %d", len(params), maxBuffers)
	}
	t.group, t.thread = t.used.unique("group"), t.used.unique("tid")
	params = append(params, "uint "+t.group+" [[threadgroup_position_in_grid]]", "uint "+t.thread+" [[thread_index_in_threadgroup]]")
	for _, attribute := range []string{"simdgroup_index_in_threadgroup", "thread_index_in_simdgroup"} {
		if t.words[attribute] {
			params = append(params, fmt.Sprintf("uint %s [[%s]]", attribute, attribute))
		}
	}
	size := map[string]string{} // of dims, as numbers of the text
	for _, d := range k.Dims {
		size[d.Name] = t.used.unique(d.Name + "_dim")
	}
	p := &printer{kernel: k, names: &names{used: t.used, dim: size, axis: map[string]string{}}, index: index, mentioned: map[string]bool{}}
	for i, n := range w.Source.Sizes {
		if t.words[n] {
			t.size(n, w.Sizes[i], p)
		}
	}
	for i, n := range w.Source.Numbers {
		if t.words[n] {
			t.line("constexpr float %s = %s;", n, floatLiteral(w.Numbers[i]))
		}
	}
	if w.Source.Shared > 0 {
		t.line("threadgroup float shared[%d];", w.Source.Shared)
	}
	t.positions(p)
	var known strings.Builder
	for i, d := range k.Dims {
		if p.mentioned[d.Name] {
			fmt.Fprintf(&known, "    const %s %s = %s[%d];\n", index, size[d.Name], dims, i)
		}
	}
	body, _ := withDTypes(w)
	return fmt.Sprintf("// %s computes %s; the model has written its body by hand.\nkernel void %s(\n    %s) {\n%s%s%s\n}\n",
		name, summary(k), name, strings.Join(params, ",\n    "), known.String(), t.b.String(), body), p.err
}

// meeting is what all threads of a threadgroup or a simdgroup call.
var meeting = regexp.MustCompile(`\b(threadgroup_barrier|simdgroup_(barrier|load|store|multiply\w*)|simd_\w+)\b`)

func sizesText(sizes []ir.Size) string {
	var parts []string
	for _, s := range sizes {
		parts = append(parts, s.String())
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// A textPrinter prints what a body may use.
type textPrinter struct {
	kernel        *ir.Kernel
	words         map[string]bool // of the body
	used          used
	group, thread string
	b             strings.Builder
}

// distinct reports names of the model that Metal, or the model, has given to something else.
func (t *textPrinter) distinct() error {
	s := t.kernel.Written.Source
	known, buffers := strings.Fields(taken), map[string]bool{}
	for _, n := range slices.Concat(s.In, s.Out, s.Sizes, s.Numbers) {
		number := len(buffers) == len(s.In)+len(s.Out)
		switch {
		case number && !t.words[n]: // it is not declared
		case slices.Contains(known, n) || n == "shared" && s.Shared > 0:
			return fmt.Errorf("%s means something else in Metal: give it another name", n)
		case buffers[n]:
			return fmt.Errorf("it calls two things %s", n)
		case !number:
			buffers[n] = true
		}
	}
	return nil
}

func (t *textPrinter) line(format string, args ...any) {
	fmt.Fprintf(&t.b, "    "+format+"\n", args...)
}

// size declares a number that is not negative: a constant where it is one.
func (t *textPrinter) size(name string, s ir.Size, p *printer) {
	if n, ok := s.Int(); ok && n <= math.MaxUint32 {
		t.line("constexpr uint %s = %du;", name, n)
		return
	}
	t.line("const uint %s = uint(%s);", name, p.size(s))
}

var letters = []string{"x", "y", "z"}

// positions declares those of a thread that the body asks for, all of three dimensions but
// indices. Threads outside the grid leave: then no barrier may follow.
func (t *textPrinter) positions(p *printer) {
	w := t.kernel.Written
	vector := func(name string, of func(axis int) string) {
		if !t.words[name] {
			return
		}
		var parts []string
		for axis := range letters {
			parts = append(parts, of(axis))
		}
		t.line("const uint3 %s = uint3(%s);", name, strings.Join(parts, ", "))
	}
	group := func(axis int) int64 {
		if axis >= len(w.Group) {
			return 1
		}
		n, _ := w.Group[axis].Int()
		return n
	}
	size := func(s ir.Size) string {
		if n, ok := s.Int(); ok {
			return fmt.Sprintf("%du", n)
		}
		return "uint(" + p.size(s) + ")"
	}
	grid := func(axis int) ir.Size {
		if axis >= len(w.Grid) {
			return ir.N(1)
		}
		return w.Grid[axis]
	}
	groups := func(axis int) ir.Size { return grid(axis).CeilDiv(group(axis)) }
	// of is the coordinate of number n along an axis, where axes have the given extents.
	of := func(n string, axis int, extent func(axis int) ir.Size) string {
		if axis >= len(w.Grid) {
			return "0u"
		}
		inner := ir.N(1)
		for a := range axis {
			inner = inner.Mul(extent(a))
		}
		if !inner.Is(1) {
			n += " / " + size(inner)
		}
		if axis < len(w.Grid)-1 {
			n += " % " + size(extent(axis))
		}
		return n
	}
	threadsOf := func(axis int) ir.Size { return ir.N(group(axis)) }
	inGroup := func(axis int) string { return of(t.thread, axis, threadsOf) }
	inGrid := func(axis int) string { return of(t.group, axis, groups) }
	position := func(axis int) string {
		switch {
		case axis >= len(w.Grid):
			return "0u"
		case group(axis) == 1:
			return inGrid(axis)
		case len(w.Grid) == 1:
			return fmt.Sprintf("%s * %du + %s", t.group, group(axis), t.thread)
		}
		return fmt.Sprintf("(%s) * %du + %s", inGrid(axis), group(axis), inGroup(axis))
	}
	vector("thread_position_in_grid", position)
	vector("thread_position_in_threadgroup", inGroup)
	vector("threadgroup_position_in_grid", inGrid)
	vector("threads_per_threadgroup", func(axis int) string { return fmt.Sprintf("%du", group(axis)) })
	vector("threads_per_grid", func(axis int) string { return size(grid(axis)) })
	vector("threadgroups_per_grid", func(axis int) string { return size(groups(axis)) })
	for _, n := range []struct {
		name, value string
	}{
		{"thread_index_in_threadgroup", t.thread},
		{"threads_per_simdgroup", fmt.Sprintf("%du", ir.SimdWidth)},
		{"simdgroups_per_threadgroup", fmt.Sprintf("%du", w.Threads()/ir.SimdWidth)},
	} {
		if t.words[n.name] {
			t.line("const uint %s = %s;", n.name, n.value)
		}
	}
	if w.Whole() {
		return
	}
	var outside []string
	for axis := range w.Grid {
		if !grid(axis).Equal(groups(axis).Mul(threadsOf(axis))) {
			outside = append(outside, fmt.Sprintf("%s >= %s", position(axis), size(grid(axis))))
		}
	}
	t.line("if (%s) { // outside the grid", strings.Join(outside, " || "))
	t.line("    return;")
	t.line("}")
}

// token finds words, and what is none although it has letters: comments and numbers.
var token = regexp.MustCompile(`(?s)//[^\n]*|/\*.*?\*/|\.?[0-9][\w.]*|[A-Za-z_]\w*`)

func isWord(s string) bool { return s[0] == '_' || s[0] >= 'A' && s[0] <= 'z' }

// wordsOf is the words of a body.
func wordsOf(body string) map[string]bool {
	all := map[string]bool{}
	for _, w := range token.FindAllString(body, -1) {
		all[w] = isWord(w)
	}
	return all
}

// An edit is where a dtype stands for its name: at a byte of the body, with so many bytes
// more than the name has.
type edit struct{ at, more int }

// withDTypes is the body with dtypes in the place of their names.
func withDTypes(w *ir.KernelAttrs) (string, []edit) {
	body := w.Source.Text
	var b strings.Builder
	var edits []edit
	last := 0
	for _, m := range token.FindAllStringIndex(body, -1) {
		n := slices.Index(w.Source.DTypes, body[m[0]:m[1]])
		if n < 0 {
			continue
		}
		typ := storage[w.DTypes[n]]
		b.WriteString(body[last:m[0]] + typ)
		edits = append(edits, edit{b.Len() - len(typ), len(typ) - (m[1] - m[0])})
		last = m[1]
	}
	return b.String() + body[last:], edits
}

// TextPos finds what stands at a line and a column, both from 1, of the function that
// Kernel has printed of a kernel written by hand: its place in the model's source, and in
// which line of the body that is. ok is false where it is none of the body.
func TextPos(k *ir.Kernel, printed string, line, col int) (pos ir.Pos, in int, ok bool) {
	body, edits := withDTypes(k.Written)
	line -= strings.Count(strings.TrimSuffix(printed, body+"\n}\n"), "\n")
	lines := strings.SplitAfter(body, "\n")
	pos = *k.Written.Source.Pos
	if line < 1 || line > len(lines) {
		return pos, 0, false
	}
	if pos.Col == 0 { // the source is not the model's
		return pos, line, true
	}
	start := len(strings.Join(lines[:line-1], ""))
	for _, e := range edits {
		if e.at >= start && e.at < start+col-1 {
			col -= e.more
		}
	}
	if line == 1 {
		col += pos.Col // of the quote
	}
	pos.Line, pos.Col, pos.End = pos.Line+line-1, max(col, 1), 0
	return pos, line, true
}
