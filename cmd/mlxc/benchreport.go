package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"unicode"

	"github.com/mlxc/mlxc/internal/explain"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime/bench"
)

// A benchReport is what was measured and how much work it is.
type benchReport struct {
	model   string
	target  ir.Target
	plans   []*explain.Plan // one for each entry
	threads []int
	count   int
	weights string
}

func (r *benchReport) plan(entry string) *explain.Plan {
	return r.plans[slices.IndexFunc(r.plans, func(p *explain.Plan) bool { return p.Entry == entry })]
}

// cost is the work of what a sample is of.
func (r *benchReport) cost(s bench.Sample) explain.Cost {
	p := r.plan(s.Entry)
	if s.What == bench.Launch {
		return p.Launches[s.Launch].Cost
	}
	return p.Total.Cost
}

// machineName is what the processor says of itself.
func machineName() string {
	switch runtime.GOOS {
	case "linux":
		text, _ := os.ReadFile("/proc/cpuinfo")
		for line := range strings.Lines(string(text)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	case "darwin":
		if text, err := exec.Command("sysctl", "-n", "machdep.cpu.brand_string").Output(); err == nil {
			return strings.TrimSpace(string(text))
		}
	}
	return "unknown processor"
}

// benchLines prints each sample in the format of Go benchmarks, which is documented in
// golang.org/design/14313-benchmark-format, and which benchstat reads.
type benchLines struct {
	w       io.Writer
	report  *benchReport
	started bool
	err     error
}

func (l *benchLines) sample(s bench.Sample) {
	if !l.started {
		l.started = true
		l.print("goos: %s\ngoarch: %s\ncpu: %s\ndevice: %s\nweights: %s\n", runtime.GOOS, runtime.GOARCH, machineName(), l.report.target, l.report.weights)
	}
	name, rates := "Machine/"+s.What, ""
	switch s.What {
	case bench.FMA:
		rates = fmt.Sprintf("%.4g GFLOP/s", s.Amount/s.Seconds/1e9)
	case bench.Read, bench.Copy:
		rates = fmt.Sprintf("%.4g GB/s", s.Amount/s.Seconds/1e9)
	default:
		c := l.report.cost(s)
		name = l.name(s)
		rates = fmt.Sprintf("%.4g GFLOP/s %.4g GB/s", c.FLOPs/s.Seconds/1e9, (c.Read+c.Written)/s.Seconds/1e9)
	}
	l.print("Benchmark%s/threads=%d %d %.5g ns/op %s\n", name, s.Threads, s.Times, s.Seconds*1e9, rates)
}

// name is that of an entry or a launch: Digits/read/B=16, Digits/read/B=16/kernel=03_conv.
func (l *benchLines) name(s bench.Sample) string {
	p := l.report.plan(s.Entry)
	letters := []rune(l.report.model)
	letters[0] = unicode.ToUpper(letters[0])
	name := string(letters) + "/" + s.Entry
	for _, d := range p.Dims {
		name += fmt.Sprintf("/%s=%d", d.Name, d.Value)
	}
	if s.What == bench.Launch {
		name += fmt.Sprintf("/kernel=%02d_%s", s.Launch, p.Launches[s.Launch].Kernel)
	}
	return strings.ReplaceAll(name, " ", "_")
}

func (l *benchLines) print(format string, args ...any) {
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.w, format, args...)
	}
}

func (l *benchLines) end() error { return l.err }

// benchText gathers samples and prints a table of their medians.
type benchText struct {
	w       io.Writer
	report  *benchReport
	samples []bench.Sample
	width   int // of names
}

func (b *benchText) sample(s bench.Sample) { b.samples = append(b.samples, s) }

// A spread is the median of some measurements, and half of what their middle half
// covers as a part of it.
type spread struct{ median, half float64 }

// spreadOf is the spread of the times of equal samples, if there are some.
func (b *benchText) spreadOf(what, entry string, launch, threads int) (s spread, ok bool) {
	var times []float64
	for _, s := range b.samples {
		if s.What == what && s.Entry == entry && s.Launch == launch && s.Threads == threads {
			times = append(times, s.Seconds)
		}
	}
	if len(times) == 0 {
		return spread{}, false
	}
	slices.Sort(times)
	median := quantile(times, 0.5)
	return spread{median, (quantile(times, 0.75) - quantile(times, 0.25)) / 2 / median}, true
}

// quantile interpolates between sorted numbers, of which there is one at least.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

func (s spread) percent() string { return fmt.Sprintf("±%.0f%%", 100*s.half) }

func (b *benchText) end() error {
	r := b.report
	var out strings.Builder
	fmt.Fprintf(&out, "%s on %s; weights: %s\n%s, %s/%s; medians of %s, ± half of what the middle half covers\n",
		r.model, r.target, r.weights, machineName(), runtime.GOOS, runtime.GOARCH, count(r.count, "round", "rounds"))
	b.width = len("machine")
	for _, p := range r.plans {
		b.width = max(b.width, len(title(p)))
		if _, ok := b.spreadOf(bench.Launch, p.Entry, 0, r.threads[0]); ok {
			for _, l := range p.Launches {
				b.width = max(b.width, len(launchName(l)))
			}
		}
	}
	limits := b.machine(&out)
	for _, p := range r.plans {
		fmt.Fprintf(&out, "\n%-*s  threads  %14s  %8s  %8s", b.width, title(p), "time", "GFLOP/s", "GB/s")
		if limits != nil {
			out.WriteString("  of limit")
		}
		out.WriteString("\n")
		b.rows(&out, "", bench.Entry, p.Entry, 0, p.Launches, limits)
		for i, l := range p.Launches {
			b.rows(&out, launchName(l), bench.Launch, p.Entry, i, p.Launches[i:i+1], limits)
		}
	}
	_, err := io.WriteString(b.w, out.String())
	return err
}

// title is an entry and its dims.
func title(p *explain.Plan) string {
	text := p.Entry
	for i, d := range p.Dims {
		if i == 0 {
			text += " at"
		}
		text += fmt.Sprintf(" %s=%d", d.Name, d.Value)
	}
	return text
}

func launchName(l explain.Launch) string { return fmt.Sprintf("%3d %s", l.Step, l.Kernel) }

// machine prints the limits of the machine, and returns them by the number of threads;
// those of a GPU are not measured.
func (b *benchText) machine(out io.Writer) map[int]explain.Machine {
	if b.report.target != ir.CPU {
		return nil
	}
	limits := map[int]explain.Machine{}
	fmt.Fprintf(out, "\n%-*s  threads  %14s  %14s  %14s\n", b.width, "machine", "FMA GFLOP/s", "read GB/s", "copy GB/s")
	for _, threads := range b.report.threads {
		fmt.Fprintf(out, "%*s  %7d", b.width, "", threads)
		rate := map[string]float64{}
		for _, what := range []string{bench.FMA, bench.Read, bench.Copy} {
			s, _ := b.spreadOf(what, "", 0, threads)
			rate[what] = b.amount(what, threads) / s.median
			fmt.Fprintf(out, "  %8.1f %5s", rate[what]/1e9, s.percent())
		}
		fmt.Fprintln(out)
		limits[threads] = explain.Machine{FLOPs: rate[bench.FMA], Bandwidth: rate[bench.Copy]}
	}
	return limits
}

func (b *benchText) amount(what string, threads int) float64 {
	i := slices.IndexFunc(b.samples, func(s bench.Sample) bool { return s.What == what && s.Threads == threads })
	if i < 0 {
		return math.NaN()
	}
	return b.samples[i].Amount
}

// rows print what some launches take together, for each number of threads. What was
// not measured has none.
func (b *benchText) rows(out io.Writer, name, what, entry string, launch int, launches []explain.Launch, limits map[int]explain.Machine) {
	flops, bytes := 0.0, 0.0
	for _, l := range launches {
		flops += l.FLOPs
		bytes += l.Read + l.Written
	}
	for _, threads := range b.report.threads {
		s, ok := b.spreadOf(what, entry, launch, threads)
		if !ok {
			continue
		}
		fmt.Fprintf(out, "%-*s  %7d  %8s %5s  %8.3g  %8.3g", b.width, name, threads, explain.Seconds(s.median), s.percent(), flops/s.median/1e9, bytes/s.median/1e9)
		if m, ok := limits[threads]; ok {
			least := 0.0
			for _, l := range launches {
				least += m.Least(l.Cost)
			}
			fmt.Fprintf(out, "  %7.0f%%", 100*least/s.median)
		}
		fmt.Fprintln(out)
		name = ""
	}
}
