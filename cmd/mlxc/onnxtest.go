package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc/internal/onnxtest"
)

// onnxTestFlags are those of test that are for folders of ONNX's tests.
type onnxTestFlags struct {
	tolerance onnxtest.Tolerance
	limit     time.Duration
	json      string
}

func (f *onnxTestFlags) register(cmd *cobra.Command) {
	cmd.Flags().Float64Var(&f.tolerance.RTol, "rtol", onnxtest.Standard.RTol, "how far results of ONNX's tests may be off, as a `part` of what is wanted")
	cmd.Flags().Float64Var(&f.tolerance.ATol, "atol", onnxtest.Standard.ATol, "`number` that they may be off besides")
	cmd.Flags().DurationVar(&f.limit, "limit", time.Minute, "how `long` one of ONNX's tests may compile, and run")
	cmd.Flags().StringVar(&f.json, "json", "", "`file` for the verdict of each of ONNX's tests, and its reason")
}

// onnxWorker is the argument of a process that runs some of the cases for another.
const onnxWorker = "onnx-worker"

var (
	forONNXTests = []string{"rtol", "atol", "limit", "json"}
	forModelTest = []string{"config", "set", "weights", "dim", "threads"}
)

// unused refuses the flags where there are no such folders.
func (f *onnxTestFlags) unused(cmd *cobra.Command) error {
	return without(cmd, forONNXTests, "for folders of ONNX's tests")
}

// without refuses flags, which are for something else.
func without(cmd *cobra.Command, flags []string, what string) error {
	for _, name := range flags {
		if cmd.Flags().Changed(name) {
			return usageError{fmt.Errorf("--%s is %s", name, what)}
		}
	}
	return nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// run runs all cases in folders.
func (f *onnxTestFlags) run(ctx context.Context, cmd *cobra.Command, folders, devices []string) error {
	if err := without(cmd, forModelTest, "for models, not for folders"); err != nil {
		return err
	}
	if len(devices) != 1 {
		return usageError{errors.New("ONNX's tests run on one --device")}
	}
	target, err := targetOf(devices[0], "reference")
	if err != nil {
		return err
	}
	if devices[0] == "reference" {
		target = ""
	}
	if f.limit <= 0 {
		return usageError{fmt.Errorf("--limit is %v", f.limit)}
	}
	var cases []onnxtest.Case
	for _, folder := range folders {
		found, err := onnxtest.Find(folder)
		if err != nil {
			return err
		}
		cases = append(cases, found...)
	}
	var bar *progressbar.ProgressBar
	if file, ok := terminal(cmd); ok {
		bar = progressbar.NewOptions(len(cases), progressbar.OptionSetDescription("testing"), progressbar.OptionSetWriter(file), progressbar.OptionClearOnFinish(), progressbar.OptionShowCount())
	}
	results := map[string]onnxtest.Result{}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	worker := func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, self, onnxWorker) }
	err = onnxtest.RunIsolated(ctx, cases, onnxtest.Options{Target: target, Tolerance: f.tolerance, Limit: f.limit}, worker, func(r onnxtest.Result) {
		results[r.Case] = r
		if bar != nil {
			bar.Add(1)
		}
	})
	if bar != nil {
		bar.Finish()
	}
	if err != nil {
		return device(err)
	}
	return f.report(cmd, cases, results)
}

// report lists what did not pass, and counts.
func (f *onnxTestFlags) report(cmd *cobra.Command, cases []onnxtest.Case, results map[string]onnxtest.Result) error {
	var ordered []onnxtest.Result
	counts := map[onnxtest.Verdict]int{}
	for _, c := range cases {
		r := results[c.Name]
		ordered = append(ordered, r)
		counts[r.Verdict]++
		if r.Verdict != onnxtest.Passed {
			fmt.Fprintf(cmd.OutOrStdout(), "%s  %s: %s\n", r.Verdict, r.Case, r.Reason)
		}
	}
	if f.json != "" {
		err := replaceFile(f.json, 0o644, func(file *os.File) error {
			out := json.NewEncoder(file)
			out.SetIndent("", "  ")
			return out.Encode(ordered)
		})
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d passed, %d failed, %d unsupported\n", counts[onnxtest.Passed], counts[onnxtest.Failed], counts[onnxtest.Unsupported])
	if counts[onnxtest.Failed] > 0 {
		return &shownError{errors.New("tests failed")}
	}
	return nil
}
