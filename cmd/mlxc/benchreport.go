package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"unicode"

	"github.com/mlxc/mlxc/internal/explain"
	"github.com/mlxc/mlxc/internal/stats"
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
	if s.What == bench.Round {
		return
	}
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
	samples []roundSample
	round   int // of the samples to come
	width   int // of names
}

// A roundSample is a sample of a round, which counts the numbers of threads too.
type roundSample struct {
	bench.Sample
	round int
}

func (b *benchText) sample(s bench.Sample) {
	if s.What == bench.Round {
		b.round++
		return
	}
	b.samples = append(b.samples, roundSample{s, b.round})
}

// of gives the samples of one thing, in the order of the rounds.
func (b *benchText) of(what, entry string, launch, threads int) []roundSample {
	var list []roundSample
	for _, s := range b.samples {
		if s.What == what && s.Entry == entry && s.Launch == launch && s.Threads == threads {
			list = append(list, s)
		}
	}
	return list
}

// spreadOf is the spread of some number of each sample.
func spreadOf(samples []roundSample, number func(s roundSample) float64) stats.Spread {
	var xs []float64
	for _, s := range samples {
		xs = append(xs, number(s))
	}
	return stats.Of(xs)
}

func seconds(s roundSample) float64 { return s.Seconds }

func rate(s roundSample) float64 { return s.Amount / s.Seconds }

func (b *benchText) end() error {
	r := b.report
	var out strings.Builder
	fmt.Fprintf(&out, "%s on %s; weights: %s\n%s, %s/%s; medians of %s, ± half of what the middle half covers\n",
		r.model, r.target, r.weights, machineName(), runtime.GOOS, runtime.GOARCH, count(r.count, "round", "rounds"))
	b.width = len("machine")
	for _, p := range r.plans {
		b.width = max(b.width, len(title(p)))
		for i, l := range p.Launches {
			if len(b.of(bench.Launch, p.Entry, i, r.threads[0])) > 0 {
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

// machine prints the limits of the machine, and returns those of each round; those of
// a GPU are not measured.
func (b *benchText) machine(out io.Writer) map[int]explain.Machine {
	if b.report.target != ir.CPU {
		return nil
	}
	limits := map[int]explain.Machine{}
	fmt.Fprintf(out, "\n%-*s  threads  %14s  %14s  %14s\n", b.width, "machine", "FMA GFLOP/s", "read GB/s", "copy GB/s")
	for _, threads := range b.report.threads {
		fmt.Fprintf(out, "%*s  %7d", b.width, "", threads)
		for _, what := range []string{bench.FMA, bench.Read, bench.Copy} {
			samples := b.of(what, "", 0, threads)
			s := spreadOf(samples, rate)
			fmt.Fprintf(out, "  %8.1f %5s", s.Median/1e9, s.Percent())
			for _, s := range samples {
				m := limits[s.round]
				switch what {
				case bench.FMA:
					m.FLOPs = rate(s)
				case bench.Copy:
					m.Bandwidth = rate(s)
				}
				limits[s.round] = m
			}
		}
		fmt.Fprintln(out)
	}
	return limits
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
		samples := b.of(what, entry, launch, threads)
		if len(samples) == 0 {
			continue
		}
		s := spreadOf(samples, seconds)
		fmt.Fprintf(out, "%-*s  %7d  %8s %5s  %8.3g  %8.3g", b.width, name, threads, explain.Seconds(s.Median), s.Percent(), flops/s.Median/1e9, bytes/s.Median/1e9)
		if limits != nil {
			part := spreadOf(samples, func(s roundSample) float64 {
				least := 0.0
				for _, l := range launches {
					least += limits[s.round].Least(l.Cost)
				}
				return least / s.Seconds
			})
			fmt.Fprintf(out, "  %7.0f%%", 100*part.Median)
		}
		fmt.Fprintln(out)
		name = ""
	}
}
