package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
)

type packFlags struct {
	src            sourceFlags
	output, device string
	to             rewriteFlags
}

func packCommand() *cobra.Command {
	var f packFlags
	cmd := &cobra.Command{
		Use:   "pack MODEL|CHECKPOINT -o FILE",
		Short: "Write a model's weights as its kernels read them, or quantise a checkpoint",
		Long: `Write a model's weights as its kernels read them, or a checkpoint quantised, cast or in
shards.

What a model would compute of its weights whenever it is loaded (panels of matrices,
queries, keys and values in one) is computed once; the file is mapped from then on, and
nothing in it is copied. It is safetensors, and stands for the checkpoint in run and in
the package's Load, of the same target. Where the model, the target or the checkpoint
beside it is another by then, it is refused.

A checkpoint, .safetensors, its .index.json of shards, .npz or .gguf, is written anew for
any model: --quantise makes its matrices smaller, those named *.weight or of --only, in a
format of MLX (.safetensors) or GGUF (.gguf); --for does so where a model has quantised
params. --cast changes its other floats, and decodes what is in blocks of GGUF. What became
of each tensor is listed, with the largest error and that of the mean square, as a part of
the tensor's.

Files are written under other names first, so that they are complete or not there.`,
		Example: `  mlxc pack digits.mlx -o digits.packed.safetensors
  mlxc run digits.mlx --weights digits.packed.safetensors --in image=seven.png
  mlxc pack model.safetensors -o small.safetensors --quantise q4g64 --cast f16
  mlxc pack model.gguf -o small.gguf --quantise q8_0`,
		Args: exactly(1, "one model or checkpoint"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.src.register(cmd)
	f.src.registerONNX(cmd, "")
	f.to.register(cmd)
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "`file` to write: .safetensors, or .gguf of a checkpoint")
	cmd.Flags().StringVar(&f.device, "device", "auto", "auto (metal where there is one, else cpu), cpu or metal")
	return cmd
}

// forModels and forCheckpoints are the flags that only one kind of argument has.
var (
	forModels      = []string{"weights", "device"}
	forCheckpoints = []string{"quantise", "only", "for", "cast", "shard", "json"}
)

func (f *packFlags) run(cmd *cobra.Command, arg string) error {
	what, others, run := "checkpoint", forCheckpoints, f.model
	if isCheckpoint(arg) {
		what, others, run = "model", forModels, f.rewrite
	}
	for _, name := range others {
		if cmd.Flags().Changed(name) {
			return usageError{fmt.Errorf("--%s is for a %s, which %s is not", name, what, arg)}
		}
	}
	if f.output == "" {
		return usageError{errors.New("-o names no file to write")}
	}
	return run(cmd, arg)
}

// model packs a model's weights.
func (f *packFlags) model(cmd *cobra.Command, model string) error {
	target, err := targetOf(f.device)
	switch {
	case err != nil:
		return err
	case filepath.Ext(f.output) != ".safetensors":
		return usageError{fmt.Errorf("%s: a packed file is .safetensors", f.output)}
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
	if weights == "" {
		return fmt.Errorf("%s names no checkpoint: give one with --weights", model)
	}
	runner, err := build(ctx, cmd, m, model, target)
	if err != nil {
		return show(err, cmd.ErrOrStderr())
	}
	size, progress := int64(0), bytesBar(cmd, "packing")
	err = runner.Pack(ctx, weights, f.output, func(done, all int64) {
		size = all
		progress(done, all)
	})
	if err != nil {
		return show(device(err), cmd.ErrOrStderr())
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s for %s\n", f.output, humanize.IBytes(uint64(size)), target)
	return nil
}

// bytesBar shows on a terminal how many bytes are written.
func bytesBar(cmd *cobra.Command, what string) func(done, all int64) {
	file, ok := terminal(cmd)
	if !ok {
		return func(done, all int64) {}
	}
	var bar *progressbar.ProgressBar
	return func(done, all int64) {
		if bar == nil {
			bar = progressbar.NewOptions64(all, progressbar.OptionSetDescription(what), progressbar.OptionShowBytes(true), progressbar.OptionSetWriter(file), progressbar.OptionClearOnFinish())
		}
		bar.Set64(done)
	}
}
