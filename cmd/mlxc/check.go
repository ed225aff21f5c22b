package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
)

func checkCommand() *cobra.Command {
	src := sourceFlags{warns: true}
	cmd := &cobra.Command{
		Use:   "check MODEL",
		Short: "Diagnose a model without compiling it",
		Long: `Diagnose a model, and its tests as far as their files are there, without compiling it.

Warnings are about what looks like a mistake: what is declared and never used, dims that
no entry has, variables that hide a member. They do not change the exit code.`,
		Example: "  mlxc check digits.mlx",
		Args:    exactly(1, "one model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := src.load(args[0], cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			tests := 0
			if len(m.SessionDims()) == 0 { // else tests need sizes
				if tests, err = src.checkTests(args[0], cmd.ErrOrStderr()); err != nil {
					return err
				}
			}
			text := fmt.Sprintf("%s: ok, %s, %s", args[0], count(len(m.Entries()), "entry", "entries"), count(len(m.Weights()), "parameter", "parameters"))
			if tests > 0 {
				text += ", " + count(tests, "test", "tests")
			}
			fmt.Fprintln(cmd.ErrOrStderr(), text)
			return nil
		},
	}
	src.register(cmd)
	src.registerONNX(cmd, "")
	return cmd
}

// checkTests compiles the tests of a model and says how many there are.
func (s *sourceFlags) checkTests(path string, stderr io.Writer) (int, error) {
	if filepath.Ext(path) != ".mlx" {
		return 0, nil
	}
	source, err := s.source()
	if err != nil {
		return 0, err
	}
	source.Warnings = &ir.Diagnostics{} // they have been written
	tests, err := mlxc.LoadTests(path, source, nil)
	return len(tests.Cases), show(err, stderr)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
