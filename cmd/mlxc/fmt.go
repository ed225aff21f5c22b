package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc/frontend/dsl"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

func fmtCommand() *cobra.Command {
	var list, write bool
	cmd := &cobra.Command{
		Use:   "fmt FILE...",
		Short: "Format models",
		Long: `Format models: two spaces for each level, one around operators, at most one blank
line, comments behind consecutive lines below one another. Line breaks stay where
they are, and nothing but white space changes. The file - is standard input. The
result goes to standard output, unless -l or -w is given.`,
		Example: "  mlxc fmt -w digits.mlx\n  mlxc fmt -l *.mlx",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("fmt wants files, or - for standard input")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var wrong error
			for _, file := range args {
				err := formatFile(cmd, file, list, write)
				var shown *shownError
				if errors.As(err, &shown) { // the other files are formatted nonetheless
					wrong = err
				} else if err != nil {
					return err
				}
			}
			return wrong
		},
	}
	cmd.Flags().BoolVarP(&list, "list", "l", false, "print the names of files that are not formatted, and nothing else")
	cmd.Flags().BoolVarP(&write, "write", "w", false, "write what has changed back to its file")
	return cmd
}

func formatFile(cmd *cobra.Command, file string, list, write bool) error {
	src, err := readSource(cmd, file)
	if err != nil {
		return err
	}
	out, err := dsl.Format(file, src)
	var wrong ir.Diagnostics
	if err != nil && !errors.As(err, &wrong) {
		return &passes.InternalError{Pass: "fmt", Err: err}
	}
	if err != nil {
		return showWith(err, cmd.ErrOrStderr(), func(string) ([]byte, bool) { return src, true })
	}
	changed := !bytes.Equal(src, out)
	if list && changed {
		fmt.Fprintln(cmd.OutOrStdout(), file)
	}
	if write && changed && file != "-" {
		return rewrite(file, out)
	}
	if !list && !write {
		_, err = cmd.OutOrStdout().Write(out)
	}
	return err
}

func readSource(cmd *cobra.Command, file string) ([]byte, error) {
	switch {
	case file == "-":
		return io.ReadAll(cmd.InOrStdin())
	case filepath.Ext(file) != ".mlx":
		return nil, fmt.Errorf("%s: fmt formats files .mlx", file)
	}
	return os.ReadFile(file)
}

// rewrite replaces what a file holds. Its mode stays, and a link stays a link.
func rewrite(file string, text []byte) error {
	path, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return replaceFile(path, info.Mode(), func(f *os.File) error {
		_, err := f.Write(text)
		return err
	})
}
