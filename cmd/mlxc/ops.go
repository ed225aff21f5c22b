package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc/ir"
)

func opsCommand() *cobra.Command {
	var markdown bool
	cmd := &cobra.Command{
		Use:     "ops [NAME]",
		Short:   "Print the op table, or all that is known of one op",
		Example: "  mlxc ops conv",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && markdown:
				return opReference(cmd.OutOrStdout())
			case len(args) == 0:
				return opTable(cmd.OutOrStdout())
			}
			op := ir.LookupOp(args[0])
			if op == nil {
				var names []string
				for _, o := range ir.Ops() {
					names = append(names, o.Name)
				}
				hint := ""
				if s := ir.Suggest(args[0], names); s != "" {
					hint = fmt.Sprintf("; did you mean %s?", s)
				}
				return fmt.Errorf("there is no op %q%s", args[0], hint)
			}
			return opPage(cmd.OutOrStdout(), op)
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print the whole table as docs/ops.md has it")
	return cmd
}

func opTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, op := range ir.Ops() {
		fmt.Fprintf(t, "%s\t%s\t%s\n", signature(op), op.Kind, op.Doc)
	}
	return t.Flush()
}

func signature(op *ir.Op) string { return op.Name + "(" + strings.Join(op.Operands, ", ") + ")" }

func opPage(w io.Writer, op *ir.Op) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s.\n\nkind       %s\n", signature(op), strings.TrimSuffix(op.Doc, "."), op.Kind)
	if op.Attrs != nil {
		fmt.Fprintf(&b, "attributes %s\n", ir.AttrNames(op.Attrs))
	}
	fmt.Fprintf(&b, "tolerance  %g relative, %g absolute, %g per term of a sum\n", op.Tolerance.Rel, op.Tolerance.Abs, op.Tolerance.Term)
	if len(op.Rules) > 0 {
		b.WriteString("\nrules\n")
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, r := range op.Rules {
			fmt.Fprintf(t, "  %s\t%s\n", r.ID, r.Text)
		}
		t.Flush()
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// opReference prints docs/ops.md.
func opReference(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# The op table\n\nMade by `mlxc ops --markdown`; `mlxc ops NAME` says more of one op. The tolerance is relative,\nand with `n` grows with the number of terms that are added up (docs/functions.md has the\nerror bounds of functions).\n")
	var kind ir.Kind
	for i, op := range ir.Ops() {
		if i == 0 || op.Kind != kind {
			kind = op.Kind
			fmt.Fprintf(&b, "\n## %s\n\n| op | attributes | what it computes | tolerance |\n|---|---|---|---|\n", kind)
		}
		attrs := ""
		if op.Attrs != nil {
			attrs = ir.AttrNames(op.Attrs)
		}
		tolerance := "exact"
		switch tol := op.Tolerance; {
		case tol.Term > 0:
			tolerance = fmt.Sprintf("%.1e + %.1e n", tol.Rel, tol.Term)
		case tol.Rel > 0:
			tolerance = fmt.Sprintf("%.1e", tol.Rel)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", signature(op), attrs, strings.ReplaceAll(op.Doc, "|", "\\|"), tolerance)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
