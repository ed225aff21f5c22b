package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

func irCommand() *cobra.Command {
	var (
		src           sourceFlags
		after, target string
		entry, graph  string
	)
	cmd := &cobra.Command{
		Use:     "ir MODEL",
		Short:   "Print a model as IR text, at any stage",
		Long:    "Print a model as IR text: as it was read, or after one of the passes\n" + passList(),
		Example: "  mlxc ir digits.mlx --after lower",
		Args:    exactly(1, "one model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := src.load(args[0], cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if entry != "" {
				if m.Func(entry) == nil {
					return unknownEntry(m, entry)
				}
				m.Funcs = slices.DeleteFunc(m.Funcs, func(f *ir.Func) bool { return f.Name != entry })
			}
			if after != "" {
				if err = passes.Until(m, ir.Target(target), after); err != nil {
					return show(err, cmd.ErrOrStderr())
				}
			}
			if graph != "" {
				return writeDot(graph, cmd.OutOrStdout(), m)
			}
			_, err = io.WriteString(cmd.OutOrStdout(), ir.Print(m))
			return err
		},
	}
	src.register(cmd)
	src.registerONNX(cmd, "")
	cmd.Flags().StringVar(&after, "after", "", "`pass` after which to print")
	cmd.Flags().StringVar(&target, "target", "cpu", "what the passes compile for: cpu or metal")
	cmd.Flags().StringVar(&entry, "entry", "", "print this entry only")
	cmd.Flags().StringVar(&graph, "dot", "", "`file` for a graph in the language of Graphviz, instead of the text; - for standard output")
	return cmd
}

func passList() string {
	var b strings.Builder
	for _, p := range passes.List() {
		fmt.Fprintf(&b, "\n  %-10s %s", p.Name, p.Doc)
	}
	return b.String()
}

func unknownEntry(m *ir.Module, name string) error {
	var names []string
	for _, f := range m.Entries() {
		names = append(names, f.Name)
	}
	hint := ""
	if s := ir.Suggest(name, names); s != "" {
		hint = fmt.Sprintf("; did you mean %s?", s)
	}
	return fmt.Errorf("%s has no entry %q, it has %s%s", m.Name, name, strings.Join(names, ", "), hint)
}

func optCommand() *cobra.Command {
	var names []string
	var target string
	cmd := &cobra.Command{
		Use:     "opt FILE.mlxir",
		Short:   "Apply passes to IR text",
		Example: "  mlxc opt digits.mlxir --passes simplify,place",
		Args:    exactly(1, "one file of IR text"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			m, err := mlxc.ParseIR(args[0], text)
			if err != nil {
				return show(err, cmd.ErrOrStderr())
			}
			if err = passes.Apply(m, ir.Target(target), names); err != nil {
				return show(err, cmd.ErrOrStderr())
			}
			_, err = io.WriteString(cmd.OutOrStdout(), ir.Print(m))
			return err
		},
	}
	cmd.Flags().StringVar(&target, "target", "", "cpu or metal, where a pass depends on it (default: that of the module)")
	cmd.Flags().StringSliceVar(&names, "passes", nil, "comma-separated `passes`, in the order to apply them")
	return cmd
}
