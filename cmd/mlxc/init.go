package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc/internal/initial"
	"github.com/mlxc/mlxc/internal/repack"
)

type initFlags struct {
	src    sourceFlags
	output string
	seed   uint64
}

func initCommand() *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init MODEL -o FILE",
		Short: "Write a checkpoint of what the model's parameters begin with",
		Long: `Write a checkpoint with all parameters of a model, as their inits say: numbers, or drawn
from distributions. A parameter without an init is an error.

The numbers of a tensor depend on --seed, its name and its shape: the same seed gives the
same file, and a parameter more changes no other. Distributions are drawn with the
generator of the language's uniform and normal, and rounded once to the parameter's dtype;
a quantised parameter is drawn in f32, and quantised as by mlxc pack. States are not in
the file, as sessions begin with their inits.

The file is written under another name first, so that it is complete or not there. One that
is there already is left alone, as it may have been trained.`,
		Example: "  mlxc init model.mlx -o model.safetensors\n  mlxc init model.mlx --seed 7 --set W=q8_0 -o model.gguf",
		Args:    exactly(1, "one model"),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.src.registerConfig(cmd)
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "`file` to write: .safetensors or .gguf; it picks the model's weights clause of its format")
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "`number` that chooses what is drawn")
	return cmd
}

func (f *initFlags) run(cmd *cobra.Command, model string) error {
	ext := filepath.Ext(f.output)
	switch {
	case f.output == "":
		return usageError{errors.New("-o names no file to write")}
	case ext != ".safetensors" && ext != ".gguf":
		return usageError{fmt.Errorf("%s: a checkpoint is written as .safetensors or .gguf", f.output)}
	case filepath.Ext(model) == ".onnx":
		return usageError{fmt.Errorf("%s: a model of ONNX has its weights", model)}
	}
	if _, err := os.Lstat(f.output); err == nil {
		return fmt.Errorf("%s is there, and may have been trained: name another file, or remove it", f.output)
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
	defer stop()
	f.src.weights = f.output
	m, err := f.src.load(model, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if len(m.Weights()) == 0 {
		return fmt.Errorf("%s has no parameters", model)
	}
	tensors, err := initial.Tensors(m, f.seed)
	if err != nil {
		return err
	}
	job, err := repack.Make(f.output, tensors)
	if err != nil {
		return err
	}
	report, err := job.Run(ctx, bytesBar(cmd, "drawing"))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s, seed %d\n", f.output, count(len(report.Tensors), "tensor", "tensors"), humanize.IBytes(uint64(report.To)), f.seed)
	return err
}
