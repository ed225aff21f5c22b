package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/runtime/metal"
)

type runFlags struct {
	src     sourceFlags
	entry   string
	device  string
	in, out []string
	threads int
}

func runCommand() *cobra.Command {
	f := runFlags{src: sourceFlags{warns: true}}
	cmd := &cobra.Command{
		Use:   "run MODEL",
		Short: "Compile a model, build it, and run one entry",
		Long: `Compile a model, build it, and run one entry.

Inputs are .npy, .npz, .png, .jpg, .wav or .json files, or numbers as JSON.
Pictures are 0 to 255, channels last, grey or RGB by the entry's last size; sound
is mono, -1 to 1. A missing leading axis is added; nothing is resized.
Results are printed, or written as .npy, .npz, .png or .wav (16 kHz).

What is built is kept in the user's cache: a second run starts at once.`,
		Example: "  mlxc run digits.mlx --in image=seven.png\n  mlxc run digits.mlx --in image=pictures.npy --out probs=probs.npy",
		Args:    exactly(1, "one model"),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.src.register(cmd)
	cmd.Flags().StringVar(&f.entry, "entry", "", "`name` of the entry (default: the only one)")
	cmd.Flags().StringArrayVar(&f.in, "in", nil, "`NAME=FILE`, an input; once for each")
	cmd.Flags().StringArrayVar(&f.out, "out", nil, "`NAME=FILE`, where to write a result instead of printing it")
	f.src.registerONNX(cmd, "NAME=SIZE that the entry is given")
	cmd.Flags().StringVar(&f.device, "device", "auto", "auto (metal where there is one, else cpu), cpu, metal, or reference: the slow evaluator, which needs no build")
	cmd.Flags().IntVar(&f.threads, "threads", 0, "threads to use (default: one for each processor)")
	return cmd
}

func (f *runFlags) run(cmd *cobra.Command, model string) error {
	target, err := targetOf(f.device, "reference")
	if err != nil {
		return err
	}
	if f.threads < 0 {
		return usageError{fmt.Errorf("--threads is %d", f.threads)}
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
	defer stop()
	m, err := f.src.load(model, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	e, err := chooseEntry(m, f.entry)
	if err != nil {
		return err
	}
	inputs, err := readInputs(e, f.in)
	if err != nil {
		return err
	}
	given, err := readDims(m, e, f.src.onnx.dims)
	if err != nil {
		return err
	}
	outs, err := parsePairs("--out", f.out)
	if err != nil {
		return err
	}
	for _, o := range outs {
		if err := knownResult(e, o.name); err != nil {
			return err
		}
	}
	weights, done, err := f.src.checkpoint(m, model)
	if err != nil {
		return err
	}
	defer done()
	if weights == "" && len(m.Weights()) > 0 {
		return fmt.Errorf("%s names no checkpoint: give one with --weights; mlxc init writes one", model)
	}
	var results []*runtime.Array
	if f.device == "reference" {
		results, err = runReference(m, e, weights, inputs, given)
	} else {
		results, err = f.runBuilt(ctx, cmd, m, e, target, model, weights, inputs, given)
	}
	if err != nil {
		return show(err, cmd.ErrOrStderr())
	}
	return writeResults(cmd.OutOrStdout(), e, results, outs)
}

// targetOf is what a device runs. Where a model may choose, it takes the GPU if there
// is one. more are devices that run nothing that was built, and stand for the CPU.
func targetOf(device string, more ...string) (ir.Target, error) {
	switch {
	case device == "cpu" || slices.Contains(more, device):
		return ir.CPU, nil
	case device == "auto":
		if metal.Available() == nil {
			return ir.Metal, nil
		}
		return ir.CPU, nil
	case device == "metal":
		if err := metal.Available(); err != nil {
			return "", deviceError{err}
		}
		return ir.Metal, nil
	}
	known := append([]string{"auto", "cpu", "metal"}, more...)
	last := len(known) - 1
	return "", usageError{fmt.Errorf("there is no device %q; the devices are %s and %s", device, strings.Join(known[:last], ", "), known[last])}
}

func chooseEntry(m *ir.Module, name string) (*ir.Func, error) {
	entries := m.Entries()
	if name == "" && len(entries) == 1 {
		return entries[0], nil
	}
	if e := m.Func(name); e != nil {
		return e, nil
	}
	if name == "" {
		var names []string
		for _, f := range entries {
			names = append(names, f.Name)
		}
		return nil, usageError{fmt.Errorf("%s has several entries; choose one with --entry: %s", m.Name, strings.Join(names, ", "))}
	}
	return nil, unknownEntry(m, name)
}

// checkpoint is the file with the weights: as asked for, or the model's own, which lies
// beside the model and may be a pattern of one file; empty where the model has none.
func checkpoint(m *ir.Module, model, asked string) string {
	switch {
	case asked != "":
		return asked
	case len(m.Weights()) == 0 || m.Checkpoint == nil:
		return ""
	}
	path := filepath.Join(filepath.Dir(model), m.Checkpoint.File)
	if files, err := filepath.Glob(path); err == nil && len(files) == 1 {
		return files[0]
	}
	return path
}

func (f *runFlags) runBuilt(ctx context.Context, cmd *cobra.Command, m *ir.Module, e *ir.Func, target ir.Target, model, weights string, inputs []*runtime.Array, given []int64) ([]*runtime.Array, error) {
	runner, err := build(ctx, cmd, m, model, target)
	if err != nil {
		return nil, err
	}
	return call(ctx, runner, e, weights, f.threads, inputs, given)
}

// build builds a model for a target, with a sign of it on a terminal.
func build(ctx context.Context, cmd *cobra.Command, m *ir.Module, model string, target ir.Target) (*mlxc.Runner, error) {
	done := func() {}
	runner, err := mlxc.BuildRunner(ctx, m, model, target, func() { done = spinner(cmd, "building the model, once") })
	done()
	return runner, device(err)
}

// call runs an entry of a model that was built.
func call(ctx context.Context, runner *mlxc.Runner, e *ir.Func, weights string, threads int, inputs []*runtime.Array, given []int64) ([]*runtime.Array, error) {
	var in, out bytes.Buffer
	for _, a := range inputs {
		if err := runtime.WriteNPY(&in, a); err != nil {
			return nil, err
		}
	}
	if err := runner.Run(ctx, e.Name, weights, threads, &in, &out, given...); err != nil {
		return nil, device(err)
	}
	results := make([]*runtime.Array, len(e.Results))
	for i := range results {
		var err error
		if results[i], err = runtime.ReadNPY(&out, int64(out.Len())); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// device tells what is not there, or failed, from what is wrong.
func device(err error) error {
	if errors.Is(err, mlxc.ErrNoGo) || errors.Is(err, mlxc.ErrDevice) {
		return deviceError{err}
	}
	return err
}

// terminal is where messages go, if somebody sees them come.
func terminal(cmd *cobra.Command) (*os.File, bool) {
	file, ok := cmd.ErrOrStderr().(*os.File)
	return file, ok && term.IsTerminal(int(file.Fd()))
}

// spinner shows on a terminal what is under way, until done is called.
func spinner(cmd *cobra.Command, what string) (done func()) {
	file, ok := terminal(cmd)
	if !ok {
		return func() {}
	}
	bar := progressbar.NewOptions(-1, progressbar.OptionSetDescription(what),
		progressbar.OptionSetWriter(file), progressbar.OptionSpinnerType(14), progressbar.OptionClearOnFinish(), progressbar.OptionSetElapsedTime(true))
	return func() { bar.Finish() }
}
