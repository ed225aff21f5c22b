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
	src    sourceFlags
	output string
	device string
}

func packCommand() *cobra.Command {
	var f packFlags
	cmd := &cobra.Command{
		Use:   "pack MODEL -o FILE",
		Short: "Write a model's weights as its kernels read them",
		Long: `Write a model's weights as its kernels read them.

What a model would compute of its weights whenever it is loaded (panels of matrices,
queries, keys and values in one) is computed once; the file is mapped from then on, and
nothing in it is copied. It is safetensors, and stands for the checkpoint in run and in
the package's Load, of the same target. Where the model, the target or the checkpoint
beside it is another by then, it is refused.

The file is written under another name first, so that it is complete or not there.`,
		Example: "  mlxc pack digits.mlx -o digits.packed.safetensors\n  mlxc run digits.mlx --weights digits.packed.safetensors --in image=seven.png",
		Args:    exactly(1, "one model"),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.src.register(cmd)
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "`file` to write, .safetensors")
	cmd.Flags().StringVar(&f.device, "device", "auto", "auto (metal where there is one, else cpu), cpu or metal")
	return cmd
}

func (f *packFlags) run(cmd *cobra.Command, model string) error {
	target, err := targetOf(f.device)
	switch {
	case err != nil:
		return err
	case f.output == "":
		return usageError{errors.New("-o names no file to write")}
	case filepath.Ext(f.output) != ".safetensors":
		return usageError{fmt.Errorf("%s: a packed file is .safetensors", f.output)}
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
	defer stop()
	m, err := f.src.load(model, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	weights := checkpoint(m, model, f.src.weights)
	if weights == "" {
		return fmt.Errorf("%s names no checkpoint: give one with --weights", model)
	}
	runner, err := build(ctx, cmd, m, model, target)
	if err != nil {
		return show(err, cmd.ErrOrStderr())
	}
	var bar *progressbar.ProgressBar
	size := int64(0)
	err = runner.Pack(ctx, weights, f.output, func(done, all int64) {
		if file, ok := terminal(cmd); ok && bar == nil {
			bar = progressbar.NewOptions64(all, progressbar.OptionSetDescription("packing"), progressbar.OptionShowBytes(true), progressbar.OptionSetWriter(file), progressbar.OptionClearOnFinish())
		}
		if size = all; bar != nil {
			bar.Set64(done)
		}
	})
	if err != nil {
		return show(device(err), cmd.ErrOrStderr())
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s for %s\n", f.output, humanize.IBytes(uint64(size)), target)
	return nil
}
