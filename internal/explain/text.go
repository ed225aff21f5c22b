package explain

import (
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"
)

// width is that of the text, but for names that are longer.
const width = 100

// Text prints an explanation for people.
func Text(w io.Writer, e *Explanation) error {
	var b strings.Builder
	for i, p := range e.Plans {
		if i > 0 {
			b.WriteString("\n\n")
		}
		p.text(&b, e.Model)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *Plan) text(b *strings.Builder, model string) {
	fmt.Fprintf(b, "%s: %s\n", model, p.title())
	t, m := p.Total, p.Machine
	fmt.Fprintf(b, "  %s of %s, %s\n", plural(t.Launches, "launch", "launches"), plural(t.Kernels, "kernel", "kernels"), plural(t.Barriers, "barrier", "barriers"))
	fmt.Fprintf(b, "  %s, %s read, %s written; inputs, weights and results are %s\n",
		operations(t.FLOPs), bytes(t.Read), bytes(t.Written), bytes(float64(t.Least)))
	fmt.Fprintf(b, "  at least %s with %s", Seconds(t.Time), m.text())
	if p.Host != nil {
		fmt.Fprintf(b, "  and, on the CPU, %s", p.Host.text())
	}

	name := len("kernel")
	for _, l := range p.Launches {
		name = max(name, len(l.Kernel))
	}
	name = min(name, 44)
	fmt.Fprintf(b, "\n  #  %-*s  %7s  %9s  %9s  %6s  %15s\n", name, "kernel", "FLOP", "read", "written", "FLOP/B", "at least")
	for _, l := range p.Launches {
		fmt.Fprintf(b, "%3d  %-*s  %7s  %9s  %9s  %6s  %7s %s\n", l.Step, name, l.Kernel,
			decimal(l.FLOPs, ""), bytes(l.Read), bytes(l.Written), number(l.Intensity), Seconds(l.Time), l.Bound)
		for _, line := range l.details() {
			wrap(b, "     ", "       ", line)
		}
	}
	p.packedText(b)
	p.Memory.text(b, p)
}

// title says what a plan is of.
func (p *Plan) title() string {
	text := fmt.Sprintf("entry %s on %s", p.Entry, p.Target)
	if p.Variant > 0 || len(p.Guard) > 0 {
		text += fmt.Sprintf(", variant %d", p.Variant)
	}
	if len(p.Guard) > 0 {
		text += " where " + strings.Join(p.Guard, ", ")
	}
	if at := p.at(); at != "" {
		text += ", at " + at
	}
	return text
}

// at lists the dims.
func (p *Plan) at() string {
	var dims []string
	for _, d := range p.Dims {
		dims = append(dims, fmt.Sprintf("%s = %d", d.Name, d.Value))
	}
	return strings.Join(dims, ", ")
}

func (m Machine) text() string {
	return fmt.Sprintf("%s/s and %s/s,\n  %s\n", operations(m.FLOPs), decimal(m.Bandwidth, "B"), m.Name)
}

// details are what a launch says below its figures.
func (l *Launch) details() []string {
	from := strings.Join(l.Reads, ", ")
	if from == "" {
		from = "nothing"
	}
	lines := []string{fmt.Sprintf("%s  %s -> %s", l.Source, from, strings.Join(l.Writes, ", "))}
	if len(l.Values) > 0 {
		lines = append(lines, "computes "+strings.Join(l.Values, ", "))
	}
	for _, s := range l.Stored {
		lines = append(lines, fmt.Sprintf("stores %s: %s", s.Buffer, s.Why))
	}
	if l.Rounds != 1 {
		lines = append(lines, fmt.Sprintf("%s of a loop, with the figures of all", plural(l.Rounds, "round", "rounds")))
	}
	lines = append(lines, l.code())
	for _, p := range l.InPlace {
		lines = append(lines, fmt.Sprintf("in place: %s over %s", p.Buffer, p.Over))
	}
	if len(l.Shared) > 0 {
		lines = append(lines, "same kernel as "+steps(l.Shared))
	}
	if h := l.Barrier; h != nil {
		lines = append(lines, "barrier: "+h.text())
	}
	for _, h := range l.Waits {
		lines = append(lines, "waits for the GPU: "+h.text())
	}
	return lines
}

// code says how a kernel is printed and its work dealt out.
func (l *Launch) code() string {
	s := l.Schedule
	how := codes[l.Code]
	if l.Portable != "" {
		how += " (" + l.Portable + ")"
	}
	text := how + ": " + plural(s.Points, "point", "points")
	switch s.Form {
	case "cpu":
		return text + fmt.Sprintf(", %d or more to a thread", s.Grain)
	case "panels":
		return text + fmt.Sprintf(" in %s of %dx%d, terms %d at a time", plural(s.Groups, "tile", "tiles"), s.Tile[0], s.Tile[1], s.Tile[2])
	case "points":
		if text += ", a thread each"; s.Vector > 1 {
			text = strings.TrimSuffix(text, " each") + fmt.Sprintf(" to %d neighbours", s.Vector)
		}
	case "simd":
		text += ", a simdgroup each"
	case "group":
		text += ", a threadgroup each"
	case "tile":
		text += fmt.Sprintf(" in tiles of %dx%d, terms %d at a time", s.Tile[0], s.Tile[1], s.Tile[2])
	case "stream":
		text += fmt.Sprintf(" in tiles of %dx%d, keys %d at a time", s.Tile[0], s.Tile[1], s.Tile[2])
		if s.Threads == 0 {
			return text
		}
	}
	return text + fmt.Sprintf("; %s of %d threads", plural(s.Groups, "threadgroup", "threadgroups"), s.Threads)
}

// codes says how kernels are printed.
var codes = map[string]string{"go": "CPU, portable Go", "assembly": "CPU, assembly or portable Go", "metal": "GPU, Metal"}

func (h *Barrier) text() string {
	switch h.Hazard {
	case "raw":
		return fmt.Sprintf("step %d writes %s, which is read", h.After, h.Buffer)
	case "war":
		return fmt.Sprintf("step %d reads %s, which is written", h.After, h.Buffer)
	case "waw":
		return fmt.Sprintf("step %d writes %s, which is written again", h.After, h.Buffer)
	case "turn":
		return fmt.Sprintf("step %d ends a turn of the device", h.After)
	}
	return fmt.Sprintf("%s takes memory that is in use up to step %d", h.Buffer, h.After)
}

func steps(list []int) string {
	text := "step"
	if len(list) > 1 {
		text = "steps"
	}
	for i, n := range list {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %d", n)
	}
	return text
}

func plural[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// wrap prints text with breaks at spaces.
func wrap(b *strings.Builder, first, next, text string) {
	line, empty := first, true
	for _, word := range strings.Fields(text) {
		if !empty && len(line)+1+len(word) > width {
			fmt.Fprintln(b, line)
			line, empty = next, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	fmt.Fprintln(b, line)
}

func bytes(n float64) string { return humanize.IBytes(uint64(n)) }

func operations(n float64) string { return decimal(n, "FLOP") }

// decimal is three digits with a prefix: 12.3 kFLOP.
func decimal(x float64, unit string) string {
	v, prefix := humanize.ComputeSI(x)
	return strings.TrimSpace(number(v) + " " + prefix + unit)
}

// number has three digits.
func number(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x < 9.995:
		return fmt.Sprintf("%.2f", x)
	case x < 99.95:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

// Seconds is a time with three digits and its unit: 1.50 µs.
func Seconds(t float64) string {
	for _, u := range []struct {
		name string
		unit float64
	}{{"s", 1}, {"ms", 1e-3}, {"µs", 1e-6}} {
		if t >= 0.9995*u.unit {
			return number(t/u.unit) + " " + u.name
		}
	}
	return number(t/1e-9) + " ns"
}
