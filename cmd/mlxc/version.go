package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of mlxc and of Go",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "mlxc %s, %s, %s/%s\n", mlxc.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
