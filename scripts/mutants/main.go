//go:build linux && mlxc_metal

// Command mutants breaks the kernels and launches of the models here, each mutant in
// one place, and runs them all:
//
//	go run -tags mlxc_metal ./scripts/mutants [-kernels N] [-launches N] [-seed S]
//
// It prints who killed how many, and fails if one survives that
// internal/mutants/survivors.txt does not prove to be none. It needs clang-19 and
// takes some minutes.
package main

import (
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/internal/mutants"
)

// models are mutated; those without weights only their kernels.
var models = []struct{ path, weights string }{
	{"codegen/metal/testdata/forms.mlxir", ""},
	{"testdata/digits/digits.mlx", "testdata/digits/digits.safetensors"},
	{"testdata/mnist/mnist.mlx", ""},
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("mutants: ")
	kernels := flag.Int("kernels", 1<<30, "at most so many mutants of the kernels of each model")
	launches := flag.Int("launches", 1<<30, "at most so many mutants of its launches")
	seed := flag.Uint64("seed", 1, "which are drawn then, and all operands")
	flag.Parse()
	var all []mutants.Mutant
	for _, m := range models {
		module, err := mlxc.Load(m.path, mlxc.Source{})
		if err != nil {
			log.Fatal(err)
		}
		found, err := mutants.Kernels(module, mutants.Sizes, *kernels, *seed, progress("kernels of "+module.Name))
		if err != nil {
			log.Fatal(err)
		}
		all = append(all, found...)
		if m.weights == "" && len(module.Params) > 0 {
			continue
		}
		if module, err = mlxc.Load(m.path, mlxc.Source{}); err != nil {
			log.Fatal(err)
		}
		if found, err = mutants.Launches(module, m.weights, mutants.LaunchSizes, *launches, *seed, progress("launches of "+module.Name)); err != nil {
			log.Fatal(err)
		}
		all = append(all, found...)
	}
	table(all)
	survivors, stale := mutants.Unproved(all)
	for _, m := range survivors {
		fmt.Println("survives:", m)
	}
	for _, p := range stale {
		fmt.Println("no longer survives:", p.Prefix)
	}
	if len(survivors) > 0 {
		os.Exit(1)
	}
}

func progress(what string) func(done, of int) {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return nil
	}
	var bar *progressbar.ProgressBar
	return func(done, of int) {
		if bar == nil {
			bar = progressbar.NewOptions(of, progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionClearOnFinish())
		}
		_ = bar.Set(done) // a bar that cannot be drawn is no failure
	}
}

// table counts mutants by rule and by who killed them.
func table(all []mutants.Mutant) {
	count, killers, rules := map[[2]string]int{}, map[string]bool{}, map[string]bool{}
	for _, m := range all {
		killer := m.Killer
		if killer == "" {
			killer = "survive"
		}
		count[[2]string{m.Rule, killer}]++
		killers[killer], rules[m.Rule] = true, true
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	columns := slices.Sorted(maps.Keys(killers))
	fmt.Fprint(t, "rule\tmutants\t")
	for _, c := range columns {
		fmt.Fprintf(t, "%s\t", c)
	}
	fmt.Fprintln(t)
	for _, r := range slices.Sorted(maps.Keys(rules)) {
		row, sum := "", 0
		for _, c := range columns {
			n := count[[2]string{r, c}]
			sum += n
			row += fmt.Sprintf("%d\t", n)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\n", r, sum, row)
	}
	fmt.Fprintf(t, "all\t%d\t\n", len(all))
	t.Flush()
}
