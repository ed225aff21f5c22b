package explain

import (
	"fmt"
	"slices"
	"strings"
)

// bandSteps is how many steps stand beside each other in the chart.
const bandSteps = 50

// text draws the blocks over the steps, in bands where there are many steps.
func (m *Memory) text(b *strings.Builder, p *Plan) {
	fmt.Fprintf(b, "\n  arena %s; %s alive at once; %s in any order\n", bytes(float64(m.Arena)), bytes(float64(m.Live)), bytes(float64(m.Bound)))
	if len(m.Blocks) == 0 {
		return
	}
	b.WriteString("  w written, r read, x both, - alive; below, what is alive as a part of the arena\n")
	for from := 0; from < len(p.Launches); from += bandSteps {
		m.band(b, p, from, min(from+bandSteps, len(p.Launches)))
	}
}

// band draws the steps from from up to to, and the blocks that are alive there.
func (m *Memory) band(b *strings.Builder, p *Plan, from, to int) {
	fmt.Fprintf(b, "\n%12s  %9s  %s\n", "offset", "size", ruler(from, to))
	for _, block := range m.Blocks {
		if block.Last < from || block.First >= to {
			continue
		}
		row := make([]byte, to-from)
		for i := range row {
			row[i] = block.mark(from + i)
		}
		line := fmt.Sprintf("%12d  %9s  %s  ", block.Offset, bytes(float64(block.Bytes)), row)
		b.WriteString(line + shorten(strings.Join(block.Buffers, ", "), width-len(line)) + "\n")
	}
	fmt.Fprintf(b, "%12s  %9s  %s\n", "", "alive", m.profile(p, from, to))
}

// ruler numbers every tenth step.
func ruler(from, to int) string {
	line := ""
	for n := from; n < to; n++ {
		if n%10 == 0 && len(line) <= n-from {
			line += strings.Repeat(" ", n-from-len(line)) + fmt.Sprint(n)
		}
	}
	return line
}

func (b *Block) mark(step int) byte {
	reads, writes := slices.Contains(b.Reads, step), slices.Contains(b.Writes, step)
	switch {
	case reads && writes:
		return 'x'
	case reads:
		return 'r'
	case writes:
		return 'w'
	case step >= b.First && step <= b.Last:
		return '-'
	}
	return '.'
}

// profile is a bar for each step.
func (m *Memory) profile(p *Plan, from, to int) string {
	bars := []rune(" ▁▂▃▄▅▆▇█")
	line := make([]rune, 0, to-from)
	for _, l := range p.Launches[from:to] {
		n := 0
		if m.Arena > 0 {
			n = int((int64(len(bars)-1)*min(l.Live, m.Arena) + m.Arena - 1) / m.Arena)
		}
		line = append(line, bars[n])
	}
	return strings.TrimRight(string(line), " ")
}

// shorten cuts text to n bytes.
func shorten(text string, n int) string {
	if n = max(n, 12); len(text) <= n {
		return text
	}
	return text[:n-3] + "..."
}
