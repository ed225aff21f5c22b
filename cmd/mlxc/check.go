package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func checkCommand() *cobra.Command {
	var src sourceFlags
	cmd := &cobra.Command{
		Use:     "check MODEL",
		Short:   "Diagnose a model without compiling it",
		Example: "  mlxc check digits.mlx",
		Args:    exactly(1, "one model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := src.load(args[0], cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: ok, %s, %s\n", args[0], count(len(m.Funcs), "entry", "entries"), count(len(m.Weights()), "parameter", "parameters"))
			return nil
		},
	}
	src.register(cmd)
	return cmd
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
