// Command peers compares mlxc with other programs on the models of bench/models, or with
// ONNX Runtime on files of ONNX that are named, each with the sizes of its dynamic axes and
// the values of inputs that decide on sizes behind it:
//
//	bench/peers/run ddpm.onnx N=4 vad.onnx batch=1 sequence=576 sr=16000
//
// It is started by the script run beside it, which installs the peers.
//
// All are measured in turns: in each round and for each number of threads mlxc, with
// the limits of the machine, and then each peer. A ratio is the median over the rounds
// of a peer's time by mlxc's of the same round.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/internal/explain"
	"github.com/mlxc/mlxc/internal/stats"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime/bench"
)

// cases are the models, in the order of the table.
var cases = []string{"sgemm1024", "sgemm2048", "linear_gelu", "conv3x3", "conv1x1", "softmax", "layer_norm", "gelu_chain", "attention", "squeezenet"}

func main() {
	python := flag.String("python", "python3", "interpreter that has the peers")
	models := flag.String("models", "../models", "folder of the models")
	only := flag.String("cases", "", "regular expression of the cases to run: "+strings.Join(cases, ", "))
	rounds := flag.Int("count", 11, "number of rounds")
	list := flag.String("threads", "1,2", "numbers of threads")
	flag.Parse()
	files, err := onnxFiles(flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var all []benchmark
	if len(files) > 0 {
		all = files
	} else {
		all, err = chosen(*models, *only)
	}
	if err == nil {
		err = run(ctx, os.Stdout, *python, all, *rounds, *list)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// A benchmark is one row of the table.
type benchmark struct {
	name  string
	entry string
	load  func() (m *ir.Module, weights string, err error) // no weights: random ones
	ask   map[string]any                                   // what the peers are asked for, besides the peer and the threads
	peers []string                                         // nil: those that have the case of the name
}

// chosen are the models of a folder whose names a regular expression wants.
func chosen(models, only string) (all []benchmark, err error) {
	wanted, err := regexp.Compile("^(" + only + ")")
	if err != nil {
		return nil, err
	}
	for _, name := range cases {
		if wanted.MatchString(name) {
			all = append(all, benchmark{name: name, entry: "run", ask: map[string]any{"case": name}, load: func() (*ir.Module, string, error) {
				m, err := mlxc.Load(filepath.Join(models, name+".mlx"), mlxc.Source{})
				return m, "", err
			}})
		}
	}
	return all, nil
}

func run(ctx context.Context, w io.Writer, python string, all []benchmark, rounds int, list string) error {
	var threads []int
	for _, text := range strings.Split(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no number of threads", text)
		}
		threads = append(threads, n)
	}
	if rounds < 1 {
		return fmt.Errorf("-count is %d", rounds)
	}
	p, err := startPeers(ctx, python)
	if err != nil {
		return err
	}
	defer p.close()
	fmt.Fprintf(w, "mlxc, %s; medians of %d rounds, ± half of what the middle half covers\n\n", p.versions(), rounds)
	width := 12
	for _, b := range all {
		width = max(width, len(b.name))
	}
	fmt.Fprintf(w, "%-*s %7s  %9s  %8s  %8s  %8s   %s\n", width, "", "threads", "mlxc", "GFLOP/s", "of FMA", "of copy", "time of each peer by mlxc's")
	for _, b := range all {
		if err := b.compare(ctx, w, width, p, rounds, threads); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			fmt.Fprintf(w, "%-*s %v\n", width, b.name, err)
		}
	}
	fmt.Fprint(w, "\nof FMA: of the multiply-adds that the processor does without memory; of copy: of a\ncopy past the caches of as many bytes. torch makes new memory for its results, the\nothers have it; torch takes pictures channels last, as mlxc does.\n")
	return nil
}

// compare measures one case and prints its rows.
func (b benchmark) compare(ctx context.Context, w io.Writer, width int, p *peers, rounds int, threads []int) error {
	m, weights, err := b.load()
	if weights != "" {
		defer os.Remove(weights)
	}
	if err != nil {
		return err
	}
	names := b.peers
	if names == nil {
		names = p.of[b.name]
	}
	plans, err := explain.Explain(m, ir.CPU, explain.Machines[ir.CPU], b.entry, nil)
	if err != nil {
		return err
	}
	own, err := startOwn(ctx, m, b.name, bench.Config{Entries: []string{b.entry}, Weights: weights, Threads: threads, Count: rounds, Machine: true, Paced: true})
	if err != nil {
		return err
	}
	defer own.close()
	rates := map[int][]rate{} // by threads, of each round
	for range rounds {
		for _, n := range threads {
			r, err := own.next(n)
			if err != nil {
				return err
			}
			for _, peer := range names {
				t, err := p.time(b.ask, peer, n)
				if err != nil {
					return fmt.Errorf("%s: %w", peer, err)
				}
				r.peers = append(r.peers, t)
			}
			rates[n] = append(rates[n], r)
		}
	}
	title := b.name
	for _, n := range threads {
		row(w, width, title, n, plans[0].Total, names, rates[n])
		title = ""
	}
	return own.close()
}

// A rate is what was measured in one round, in seconds and in units a second.
type rate struct {
	own       float64
	fma, copy float64
	peers     []float64
}

func row(w io.Writer, width int, name string, threads int, work explain.Total, peers []string, rates []rate) {
	of := func(f func(r rate) float64) stats.Spread {
		var xs []float64
		for _, r := range rates {
			xs = append(xs, f(r))
		}
		return stats.Of(xs)
	}
	own := of(func(r rate) float64 { return r.own })
	fmt.Fprintf(w, "%-*s %7d  %9s  %8.1f  %7.0f%%  %7.0f%%  ", width, name, threads, explain.Seconds(own.Median), work.FLOPs/own.Median/1e9,
		100*of(func(r rate) float64 { return work.FLOPs / r.own / r.fma }).Median,
		100*of(func(r rate) float64 { return float64(work.Least) / r.own / r.copy }).Median)
	for i, peer := range peers {
		ratio := of(func(r rate) float64 { return r.peers[i] / r.own })
		fmt.Fprintf(w, " %s %.2f %s", peer, ratio.Median, ratio.Percent())
	}
	fmt.Fprintln(w)
}
