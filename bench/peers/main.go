// Command peers compares mlxc with other programs on the models of bench/models. It
// is started by the script run beside it, which installs them.
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *python, *models, *only, *rounds, *list); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, python, models, only string, rounds int, list string) error {
	wanted, err := regexp.Compile("^(" + only + ")")
	if err != nil {
		return err
	}
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
	fmt.Fprintf(w, "%-12s %7s  %9s  %8s  %8s  %8s   %s\n", "", "threads", "mlxc", "GFLOP/s", "of FMA", "of copy", "time of each peer by mlxc's")
	for _, name := range cases {
		if !wanted.MatchString(name) {
			continue
		}
		if err := compare(ctx, w, p, name, filepath.Join(models, name+".mlx"), rounds, threads); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			fmt.Fprintf(w, "%-12s %v\n", name, err)
		}
	}
	fmt.Fprint(w, "\nof FMA: of the multiply-adds that the processor does without memory; of copy: of a\ncopy past the caches of as many bytes. torch makes new memory for its results, the\nothers have it; torch takes pictures channels last, as mlxc does.\n")
	return nil
}

// compare measures one case and prints its rows.
func compare(ctx context.Context, w io.Writer, p *peers, name, model string, rounds int, threads []int) error {
	m, err := mlxc.Load(model, mlxc.Source{})
	if err != nil {
		return err
	}
	plans, err := explain.Explain(m, ir.CPU, explain.Machines[ir.CPU], "run", nil)
	if err != nil {
		return err
	}
	own, err := startOwn(ctx, m, model, bench.Config{Entries: []string{"run"}, Threads: threads, Count: rounds, Machine: true, Paced: true})
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
			for _, peer := range p.of[name] {
				t, err := p.time(name, peer, n)
				if err != nil {
					return fmt.Errorf("%s: %w", peer, err)
				}
				r.peers = append(r.peers, t)
			}
			rates[n] = append(rates[n], r)
		}
	}
	title := name
	for _, n := range threads {
		row(w, title, n, plans[0].Total, p.of[name], rates[n])
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

func row(w io.Writer, name string, threads int, work explain.Total, peers []string, rates []rate) {
	of := func(f func(r rate) float64) stats.Spread {
		var xs []float64
		for _, r := range rates {
			xs = append(xs, f(r))
		}
		return stats.Of(xs)
	}
	own := of(func(r rate) float64 { return r.own })
	fmt.Fprintf(w, "%-12s %7d  %9s  %8.1f  %7.0f%%  %7.0f%%  ", name, threads, explain.Seconds(own.Median), work.FLOPs/own.Median/1e9,
		100*of(func(r rate) float64 { return work.FLOPs / r.own / r.fma }).Median,
		100*of(func(r rate) float64 { return float64(work.Least) / r.own / r.copy }).Median)
	for i, peer := range peers {
		ratio := of(func(r rate) float64 { return r.peers[i] / r.own })
		fmt.Fprintf(w, " %s %.2f %s", peer, ratio.Median, ratio.Percent())
	}
	fmt.Fprintln(w)
}
