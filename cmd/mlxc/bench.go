package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/internal/explain"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime/bench"
)

type benchFlags struct {
	src            sourceFlags
	entry          string
	device, format string
	threads        []int
	count          int
	kernels        bool
}

func benchCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench MODEL",
		Short: "Time a model beside the limits of the machine",
		Long: `Compile a model, build it, and time its entries and, with --kernels, each launch.

All is measured in one process and in turns: in each round, for each number of threads,
the multiply-adds that the processor does without memory, the bytes that it reads and
copies, and the calls of each entry. Printed are medians over the rounds, and how far
the middle half of them spreads. GFLOP/s and GB/s are of the work that mlxc explain
counts; the limit is the least time of that work on this machine in the same round, of
each launch by its operations or its bytes, whichever takes longer. What stays in caches
can be faster.

Inputs are random: floats from -1 to 1, integers from 0 to 1023. Weights are those of
the model's checkpoint, or random where there is none.`,
		Example: "  mlxc bench digits.mlx --dim B=16 --threads 1,2 --kernels\n  mlxc bench digits.mlx --format benchstat > new.txt && benchstat old.txt new.txt",
		Args:    exactly(1, "one model"),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.src.register(cmd)
	both := []int{1}
	if n := runtime.GOMAXPROCS(0); n > 1 {
		both = append(both, n)
	}
	cmd.Flags().StringVar(&f.entry, "entry", "", "time the entry of this `name` only")
	f.src.registerONNX(cmd, "NAME=SIZE of a dim (default: its upper bound)")
	cmd.Flags().IntSliceVar(&f.threads, "threads", both, "numbers of `threads` to time with")
	cmd.Flags().IntVar(&f.count, "count", 11, "number of rounds")
	cmd.Flags().BoolVar(&f.kernels, "kernels", false, "time each launch of a kernel too")
	cmd.Flags().StringVar(&f.device, "device", "auto", "auto (metal where there is one, else cpu), cpu or metal")
	cmd.Flags().StringVar(&f.format, "format", "text", "text, or benchstat: a line for each measurement, in the format of Go benchmarks")
	return cmd
}

// benchFormats print what is measured.
var benchFormats = map[string]func(w io.Writer, r *benchReport) benchPrinter{
	"text":      func(w io.Writer, r *benchReport) benchPrinter { return &benchText{w: w, report: r} },
	"benchstat": func(w io.Writer, r *benchReport) benchPrinter { return &benchLines{w: w, report: r} },
}

// A benchPrinter gets the samples one by one.
type benchPrinter interface {
	sample(s bench.Sample)
	end() error
}

func (f *benchFlags) run(cmd *cobra.Command, model string) error {
	target, err := targetOf(f.device)
	if err != nil {
		return err
	}
	format, ok := benchFormats[f.format]
	if !ok {
		return usageError{fmt.Errorf("there is no format %q; the formats are text and benchstat", f.format)}
	}
	if f.count < 1 || slices.ContainsFunc(f.threads, func(n int) bool { return n < 1 }) {
		return usageError{fmt.Errorf("--count and --threads are 1 or more")}
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
	defer stop()
	m, err := f.src.load(model, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	weights, done, err := f.src.checkpoint(m, model)
	if err != nil {
		return err
	}
	defer done()
	report, config, err := f.prepare(cmd, m, model, weights, target)
	if err != nil {
		return err
	}
	built := func() {}
	b, err := mlxc.BuildBench(ctx, m, model, target, func() { built = spinner(cmd, "building the model, once") })
	built()
	if err != nil {
		return show(device(err), cmd.ErrOrStderr())
	}
	return f.measure(ctx, cmd, b, config, format(cmd.OutOrStdout(), report))
}

// prepare says what is measured, and what work that is.
func (f *benchFlags) prepare(cmd *cobra.Command, m *ir.Module, model, weights string, target ir.Target) (*benchReport, bench.Config, error) {
	c := bench.Config{Threads: f.threads, Count: f.count, Kernels: f.kernels, Machine: target == ir.CPU}
	if f.entry != "" && m.Func(f.entry) == nil {
		return nil, c, unknownEntry(m, f.entry)
	}
	dims, err := parseDims(m, f.src.onnx.dims)
	if err != nil {
		return nil, c, err
	}
	if dims == nil {
		dims = map[string]int64{}
	}
	plans, err := explain.Explain(m, target, explain.Machines[target], f.entry, dims)
	if err != nil {
		return nil, c, show(err, cmd.ErrOrStderr())
	}
	for _, p := range plans {
		c.Entries = append(c.Entries, p.Entry)
	}
	for _, d := range m.Dims {
		n, ok := dims[d.Name]
		if !ok {
			n = d.Max
		}
		c.Dims = append(c.Dims, int(n))
	}
	c.Weights = weights
	if _, err := os.Stat(c.Weights); err != nil && f.src.weights == "" {
		c.Weights = ""
	}
	r := &benchReport{model: m.Name, target: target, plans: plans, threads: f.threads, count: f.count, weights: "random"}
	if c.Weights != "" && f.src.weights == "" && f.src.onnx.imported != nil {
		r.weights = model
	} else if c.Weights != "" {
		r.weights = c.Weights
	} else if len(m.Weights()) == 0 {
		r.weights = "none"
	}
	return r, c, nil
}

// measure runs the program, and shows on a terminal how far it is.
func (f *benchFlags) measure(ctx context.Context, cmd *cobra.Command, b *mlxc.Bench, c bench.Config, to benchPrinter) error {
	var bar *progressbar.ProgressBar
	if file, ok := terminal(cmd); ok {
		bar = progressbar.NewOptions(c.Count*len(c.Threads), progressbar.OptionSetDescription("measuring"), progressbar.OptionSetWriter(file), progressbar.OptionClearOnFinish())
	}
	err := b.Run(ctx, c, nil, func(s bench.Sample) {
		to.sample(s)
		if s.What == bench.Round && bar != nil {
			bar.Add(1)
		}
	})
	if bar != nil {
		bar.Finish()
	}
	if err != nil {
		return device(err)
	}
	return to.end()
}
