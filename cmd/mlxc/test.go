package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/frontend/dsl"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/runtime/metal"
)

type testFlags struct {
	src     sourceFlags
	devices []string
	dims    []string
	threads int
	onnx    onnxTestFlags
}

func testCommand() *cobra.Command {
	f := testFlags{src: sourceFlags{warns: true}}
	cmd := &cobra.Command{
		Use:   "test FILE...|DIR...",
		Short: "Run the test blocks of models, or ONNX's test folders",
		Long: `Run the test blocks of models, such as

    test "layer 0" uses "golden/l0.npz" as g {
      assert close(model.layers[0](g.x), g.y, rtol=1e-2)
    }

Each runs on the reference evaluator and is compiled, built and run as mlxc run does.
One whose arrays or weights are not there is skipped. Each begins with the states of a
new session; a dim of a state needs a size, which --dim gives.

A folder is one of ONNX's tests, or has some below it: model.onnx beside folders
test_data_set_0, … with input_0.pb, … and output_0.pb, … Many are built as one program, and
each runs in a process of its own. Sizes of dims and inputs that must be known are those of
the data set. What mlxc does not have makes a model unsupported; what crashes, takes longer
than --limit or gives other results fails. What did not pass is listed.`,
		Example: "  mlxc test digits.mlx\n  mlxc test decoder.mlx --device cpu --dim S=64\n  mlxc test onnx/backend/test/data/node --json verdicts.json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("test wants models, or folders of ONNX's tests")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.src.register(cmd)
	cmd.Flags().StringSliceVar(&f.devices, "device", []string{"auto"}, "cpu, metal, reference: the slow evaluator, or auto: all that are there")
	cmd.Flags().StringArrayVar(&f.dims, "dim", nil, "`NAME=N`, a dim at a fixed size; once for each")
	cmd.Flags().IntVar(&f.threads, "threads", 0, "threads to use (default: one for each processor)")
	f.onnx.register(cmd)
	return cmd
}

func (f *testFlags) run(cmd *cobra.Command, files []string) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
	defer stop()
	if slices.ContainsFunc(files, isFolder) {
		return f.onnx.run(ctx, cmd, files, f.devices)
	}
	if err := f.onnx.unused(cmd); err != nil {
		return err
	}
	devices, err := testDevices(f.devices)
	if err != nil {
		return err
	}
	source, err := f.src.source()
	if err != nil {
		return err
	}
	dims, err := f.fixedDims()
	if err != nil {
		return err
	}
	var passed, failed, skipped int
	for _, file := range files {
		tests, err := mlxc.LoadTests(file, source, dims)
		warn(source, cmd.ErrOrStderr())
		if err != nil {
			return show(err, cmd.ErrOrStderr())
		}
		s := &testSession{cmd: cmd, file: file, tests: tests, threads: f.threads, runners: map[string]*mlxc.Runner{}}
		lacking, err := s.findWeights(f.src.weights)
		if err != nil {
			return err
		}
		if tests.Module != nil && lacking != nil {
			tests.WithoutWeights()
		}
		for i := range tests.Cases {
			c := &tests.Cases[i]
			why := c.Missing
			if why == nil && (tests.Module == nil || tests.Module.Func(c.Entry) == nil) {
				why = lacking
			}
			if why != nil {
				skipped++
				fmt.Fprintf(cmd.OutOrStdout(), "skip  %s: %s: %v\n", file, c.Name, why)
				continue
			}
			ok, err := s.test(ctx, c, devices)
			switch {
			case err != nil:
				return show(err, cmd.ErrOrStderr())
			case ok:
				passed++
				fmt.Fprintf(cmd.OutOrStdout(), "ok    %s: %s\n", file, c.Name)
			default:
				failed++
			}
		}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	if failed > 0 {
		return &shownError{errors.New("tests failed")}
	}
	return nil
}

// testDevices are the devices to test on; auto stands for all that are there.
func testDevices(asked []string) ([]string, error) {
	var devices []string
	for _, d := range asked {
		if _, err := targetOf(d, "reference"); err != nil {
			return nil, err
		}
		named := []string{d}
		if d == "auto" {
			named = []string{"reference", "cpu"}
			if metal.Available() == nil {
				named = append(named, "metal")
			}
		}
		for _, d := range named {
			if !slices.Contains(devices, d) {
				devices = append(devices, d)
			}
		}
	}
	return devices, nil
}

func (f *testFlags) fixedDims() (map[string]int64, error) {
	pairs, err := parsePairs("--dim", f.dims)
	if err != nil {
		return nil, err
	}
	dims := map[string]int64{}
	for _, p := range pairs {
		if dims[p.name], err = strconv.ParseInt(p.file, 10, 64); err != nil {
			return nil, usageError{fmt.Errorf("--dim %s is %q, not an integer", p.name, p.file)}
		}
	}
	return dims, nil
}

// A testSession runs the tests of one file.
type testSession struct {
	cmd     *cobra.Command
	file    string
	tests   *mlxc.Tests
	weights string // empty: no test needs any
	threads int
	runners map[string]*mlxc.Runner // by device, built where they are needed
}

// findWeights finds the weights, if the tests need some. lacking says why they are not
// there.
func (s *testSession) findWeights(asked string) (lacking, err error) {
	m := s.tests.Module
	if m == nil || len(m.Weights()) == 0 {
		return nil, nil
	}
	file := checkpoint(m, s.file, asked)
	if file == "" {
		return errors.New("the model names no weights: give some with --weights"), nil
	}
	w, err := runtime.OpenWeights(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return err, nil
	case err != nil:
		return nil, err
	}
	s.weights = file
	return nil, w.Close()
}

// test runs a test on all devices and reports whether it passed on each. What failed is
// written; an error is what keeps other tests from running too.
func (s *testSession) test(ctx context.Context, c *dsl.TestCase, devices []string) (ok bool, err error) {
	inputs, err := s.tests.Inputs(c)
	if err != nil {
		return false, err
	}
	ok = true
	for _, device := range devices {
		results, err := s.call(ctx, device, c, inputs)
		var bug *passes.InternalError
		var gone deviceError
		var wrong ir.Diagnostics
		if errors.As(err, &bug) || errors.As(err, &gone) || errors.As(err, &wrong) || ctx.Err() != nil {
			return false, err
		}
		failures := ir.Diagnostics{}
		if err != nil {
			failures = ir.Diagnostics{{Pos: c.Pos, Msg: err.Error()}}
		} else {
			for _, check := range c.Checks {
				if d := compare(check, results); d != nil {
					failures = append(failures, *d)
				}
			}
		}
		if len(failures) > 0 {
			ok = false
			fmt.Fprintf(s.cmd.OutOrStdout(), "FAIL  %s: %s, on %s\n%s", s.file, c.Name, device, failures.Render(mlxc.SourceText))
		}
	}
	return ok, nil
}

func (s *testSession) call(ctx context.Context, device string, c *dsl.TestCase, inputs []*runtime.Array) ([]*runtime.Array, error) {
	m := s.tests.Module
	e := m.Func(c.Entry)
	given := make([]int64, len(m.SessionDims())) // of states that no test reads
	for i, d := range m.SessionDims() {
		given[i] = max(1, d.Min)
	}
	if device == "reference" {
		defer spinner(s.cmd, c.Name+", by the evaluator")()
		return runReference(m, e, s.weights, inputs, given)
	}
	if s.runners[device] == nil {
		target, err := targetOf(device)
		if err != nil {
			return nil, err
		}
		if s.runners[device], err = build(ctx, s.cmd, m, s.file, target); err != nil {
			return nil, err
		}
	}
	defer spinner(s.cmd, c.Name+", on "+device)()
	return call(ctx, s.runners[device], e, s.weights, s.threads, inputs, given)
}
