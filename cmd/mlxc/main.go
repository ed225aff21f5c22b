// Command mlxc compiles models to Go packages, runs them, and shows what the
// compiler made of them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc/internal/onnxtest"
	"github.com/mlxc/mlxc/passes"
)

// Exit codes.
const (
	exitOK     = 0
	exitWrong  = 1 // the model, its input or its weights
	exitUsage  = 2
	exitBug    = 3 // ours
	exitDevice = 4 // not available
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == onnxWorker {
		os.Exit(onnxtest.Work(os.Stdin, os.Stdout, os.Stderr))
	}
	// A compiler ends soon: it rather takes memory than time to collect it.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole command. Only the product goes to stdout.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:           "mlxc",
		Short:         "Compile models to Go packages",
		Long:          "mlxc compiles a model (model.mlx) to a Go package that runs it, without Python, cgo or a graph at run time.",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(compileCommand(), runCommand(), checkCommand(), testCommand(), importCommand(), fmtCommand(), explainCommand(), benchCommand(), initCommand(), packCommand(), weightsCommand(), irCommand(), optCommand(), opsCommand(), versionCommand())
	cmd, err := root.ExecuteC()
	if err == nil {
		return exitOK
	}
	return report(cmd, err, stderr)
}

// A usageError is a command line that makes no sense.
type usageError struct{ error }

// A deviceError is a device that is not there.
type deviceError struct{ error }

func report(cmd *cobra.Command, err error, stderr io.Writer) int {
	var (
		usage  usageError
		device deviceError
		bug    *passes.InternalError
		shown  *shownError
	)
	switch {
	case errors.As(err, &shown):
		return exitWrong
	case errors.As(err, &bug):
		fmt.Fprintf(stderr, "mlxc: internal error, please report it with the model: %v\n", err)
		return exitBug
	case errors.As(err, &device):
		fmt.Fprintf(stderr, "mlxc: error: %v\n", err)
		return exitDevice
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "mlxc: interrupted")
		return exitWrong
	case errors.As(err, &usage), !cmd.HasParent(): // cobra's own: an unknown command
		fmt.Fprintf(stderr, "mlxc: %v\nRun '%s --help' for usage.\n", err, cmd.CommandPath())
		return exitUsage
	}
	fmt.Fprintf(stderr, "mlxc: error: %v\n", err)
	return exitWrong
}

// exactly wants n arguments, which names lists for the message.
func exactly(n int, names string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("%s wants %s, got %d arguments", cmd.Name(), names, len(args))}
		}
		return nil
	}
}
