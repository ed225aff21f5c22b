package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc/internal/explain"
	"github.com/mlxc/mlxc/ir"
)

type explainFlags struct {
	src             sourceFlags
	targets         []string
	entry           string
	asJSON          bool
	html            string
	peak, bandwidth float64
}

func explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain MODEL",
		Short: "Say what became of a model: its kernels, what they cost, and the memory",
		Long: `Say what became of a model: for each launch of a kernel what it reads and writes,
how its work is dealt out, its operations and bytes, the time that they take at least,
and what it waits for; then what lies in the arena at each step.

Figures are for the largest dims, or for those of --dim. Operations are counted on the
kernel: sums, products, quotients, roots and extremes of floats are one, a function
such as exp is 20, integers and comparisons are none. Bytes are those that must cross
memory once. The time is that of the operations at --peak or of the bytes at
--bandwidth, whichever is longer; mlxc bench measures both.`,
		Example: "  mlxc explain digits.mlx --target metal --dim B=1\n  mlxc explain digits.mlx --json",
		Args:    exactly(1, "one model"),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.src.register(cmd)
	cmd.Flags().StringVar(&f.entry, "entry", "", "explain the entry of this `name` only")
	cmd.Flags().StringSliceVar(&f.targets, "target", []string{"cpu"}, "what the model is compiled for: metal, cpu, or both")
	f.src.registerONNX(cmd, "NAME=SIZE of a dim (default: its upper bound)")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON, as documented in docs/explain.md")
	cmd.Flags().StringVar(&f.html, "html", "", "write a page to this `file` instead, with the memory drawn to scale")
	cmd.Flags().Float64Var(&f.peak, "peak", 0, "`GFLOP/s` of the machine (default: a stated one)")
	cmd.Flags().Float64Var(&f.bandwidth, "bandwidth", 0, "`GB/s` of the machine (default: a stated one)")
	return cmd
}

func (f *explainFlags) run(cmd *cobra.Command, model string) error {
	targets, err := parseTargets(f.targets)
	if err != nil {
		return err
	}
	if f.html != "" && f.asJSON {
		return usageError{fmt.Errorf("--html and --json exclude each other")}
	}
	if f.peak < 0 || f.bandwidth < 0 {
		return usageError{fmt.Errorf("--peak and --bandwidth are more than 0")}
	}
	m, err := f.src.load(model, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if f.entry != "" && m.Func(f.entry) == nil {
		return unknownEntry(m, f.entry)
	}
	dims, err := parseDims(m, f.src.onnx.dims)
	if err != nil {
		return err
	}
	e := &explain.Explanation{Schema: explain.Schema, Model: m.Name}
	for _, target := range targets {
		plans, err := explain.Explain(m, target, f.machine(target), f.entry, dims)
		if err != nil {
			return show(err, cmd.ErrOrStderr())
		}
		e.Plans = append(e.Plans, plans...)
	}
	if f.html != "" {
		var page bytes.Buffer
		if err := explain.HTML(&page, e); err != nil {
			return err
		}
		return os.WriteFile(f.html, page.Bytes(), 0o666)
	}
	if !f.asJSON {
		return explain.Text(cmd.OutOrStdout(), e)
	}
	out := json.NewEncoder(cmd.OutOrStdout())
	out.SetIndent("", "  ")
	return out.Encode(e)
}

// machine is the stated one for a target, or what the flags say.
func (f *explainFlags) machine(target ir.Target) explain.Machine {
	m := explain.Machines[target]
	if f.peak > 0 {
		m.FLOPs = f.peak * 1e9
	}
	if f.bandwidth > 0 {
		m.Bandwidth = f.bandwidth * 1e9
	}
	if f.peak > 0 && f.bandwidth > 0 {
		m.Name = "the machine of --peak and --bandwidth"
	} else if f.peak > 0 || f.bandwidth > 0 {
		m.Name += ", but for what was given"
	}
	return m
}

// parseTargets reads the targets of a flag, each once.
func parseTargets(names []string) ([]ir.Target, error) {
	var targets []ir.Target
	for _, name := range names {
		target := ir.Target(name)
		if target != ir.CPU && target != ir.Metal {
			return nil, usageError{fmt.Errorf("there is no target %q; the targets are metal and cpu", name)}
		}
		if slices.Contains(targets, target) {
			return nil, usageError{fmt.Errorf("target %s is named twice", name)}
		}
		targets = append(targets, target)
	}
	return targets, nil
}

// parseDims reads NAME=SIZE of a flag, for dims of the model and within their bounds.
// Of no texts it is nil.
func parseDims(m *ir.Module, texts []string) (map[string]int64, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	dims := map[string]int64{}
	for _, t := range texts {
		name, size, ok := strings.Cut(t, "=")
		n, err := strconv.ParseInt(size, 10, 64)
		if !ok || err != nil {
			return nil, usageError{fmt.Errorf("--dim wants NAME=SIZE, got %q", t)}
		}
		d := m.Dim(name)
		if d == nil || d.Counter {
			var known []string
			for _, d := range m.Dims {
				if !d.Counter {
					known = append(known, d.Name)
				}
			}
			if len(known) == 0 {
				return nil, fmt.Errorf("%s has no dims", m.Name)
			}
			return nil, fmt.Errorf("%s has no dim %q, it has %s", m.Name, name, strings.Join(known, ", "))
		}
		if n < d.Min || n > d.Max {
			return nil, fmt.Errorf("--dim %s: %s lies in %d..%d", t, name, d.Min, d.Max)
		}
		dims[name] = n
	}
	return dims, nil
}
