package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/frontend/dsl/source"
	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

// importedModel is the file that import writes beside the weights.
const importedModel = "model.mlx"

func importCommand() *cobra.Command {
	var src sourceFlags
	var dir string
	cmd := &cobra.Command{
		Use:   "import MODEL.onnx -o DIR",
		Short: "Write a model of ONNX in the language, with its weights",
		Long: `Write a model of ONNX in the language, ` + importedModel + `, and its weights, ` + onnx.Checkpoint + `.

Sizes that the file leaves open are bounded by --dim, and inputs that decide on sizes,
axes or counts are given by --bind. What is computed of both and of constants is in the
model as numbers. Files that are there are not replaced.`,
		Example: "  mlxc import digits.onnx -o digits --dim 'batch<=16'\n  mlxc compile digits/model.mlx -o internal/digits",
		Args:    exactly(1, "one model of ONNX"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir == "" {
				return usageError{errors.New("import needs -o DIR, the folder for the model and its weights")}
			}
			if filepath.Ext(args[0]) != ".onnx" {
				return fmt.Errorf("%s: a model of ONNX is a file .onnx", args[0])
			}
			for _, name := range []string{importedModel, onnx.Checkpoint} {
				if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
					return fmt.Errorf("%s is there already: remove it, or take another folder", filepath.Join(dir, name))
				}
			}
			m, err := src.load(args[0], cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			text, err := source.Of(m)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			written, err := writeImport(cmd, dir, args[0], text, src.onnx.imported)
			if err != nil {
				return err
			}
			return importSummary(cmd, dir, written, src.onnx.imported)
		},
	}
	src.registerONNX(cmd, "")
	cmd.Flags().StringVarP(&dir, "output", "o", "", "`folder` for the model and its weights")
	return cmd
}

// importHead says where a model comes from, and which inputs and results of its entry have
// other names there.
func importHead(file string, m *onnx.Model, e *ir.Func) string {
	var b strings.Builder
	by := ""
	if m.Producer != "" {
		by = ", which " + shownName(m.Producer) + " has made"
	}
	fmt.Fprintf(&b, "# Imported from %s%s.\n", shownName(filepath.Base(file)), by)
	port := func(what, name, there string) {
		if name != there {
			fmt.Fprintf(&b, "# The %s %s is %q there.\n", what, name, there)
		}
	}
	for i, p := range m.Inputs {
		port("input", e.Inputs[i].Name, p.ONNX)
	}
	for i, p := range m.Outputs {
		port("output", e.Results[i].Name, p.ONNX)
	}
	return b.String()
}

// writeImport writes the model and its weights, both or none, and gives the model as it is
// read from there.
func writeImport(cmd *cobra.Command, dir, file, text string, imported *onnx.Model) (*ir.Module, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp(dir, ".mlxc-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	path := filepath.Join(temp, importedModel)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return nil, err
	}
	m, err := mlxc.Load(path, mlxc.Source{})
	if err != nil {
		return nil, &passes.InternalError{Pass: "import", Err: err}
	}
	if err := os.WriteFile(path, []byte(importHead(file, imported, m.Entries()[0])+"\n"+text), 0o644); err != nil {
		return nil, err
	}
	names := []string{importedModel}
	if len(imported.Weights) > 0 {
		names = append(names, onnx.Checkpoint)
		if err := mlxc.WriteWeights(filepath.Join(temp, onnx.Checkpoint), imported.Weights, bytesBar(cmd, "writing weights")); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		if err := os.Rename(filepath.Join(temp, name), filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// importSummary says what was written, and how to go on.
func importSummary(cmd *cobra.Command, dir string, m *ir.Module, imported *onnx.Model) error {
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	e := m.Entries()[0]
	var types []string
	for _, in := range e.Inputs {
		types = append(types, in.Name+": "+in.Type.String())
	}
	fmt.Fprintf(t, "%s\tentry %s(%s)\n", filepath.Join(dir, importedModel), e.Name, strings.Join(types, ", "))
	if n := len(imported.Weights); n > 0 {
		size := int64(0)
		for _, w := range imported.Weights {
			size += int64(len(w.Bytes))
		}
		fmt.Fprintf(t, "%s\t%s, %s\n", filepath.Join(dir, onnx.Checkpoint), count(n, "tensor", "tensors"), humanize.IBytes(uint64(size)))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "go on with: mlxc compile %s -o PACKAGE\n", filepath.Join(dir, importedModel))
	return err
}
