package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc/internal/quant"
	"github.com/mlxc/mlxc/internal/repack"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// rewriteFlags say what pack makes of a checkpoint.
type rewriteFlags struct {
	quantise, cast, shard, model string
	only                         []string
	asJSON                       bool
}

func (f *rewriteFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.quantise, "quantise", "", "`format` of matrices: "+strings.Join(madeFormats(), ", "))
	cmd.Flags().StringArrayVar(&f.only, "only", nil, "quantise the tensors whose name matches this `pattern`, such as '*_proj.weight'; may be repeated")
	cmd.Flags().StringVar(&f.model, "for", "", "quantise what this `model` has as quantised params, as it has them")
	cmd.Flags().StringVar(&f.cast, "cast", "", "`dtype` of other floats: "+strings.Join(castNames(), ", "))
	cmd.Flags().StringVar(&f.shard, "shard", "", "`size` of a file at most, such as 2GB (10^9 bytes each): shards, and an index of them")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON: files, tensors and totals")
}

// isCheckpoint tells a checkpoint from a model by its name.
func isCheckpoint(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".index.json")
	return slices.Contains(ir.CheckpointFormats, strings.TrimPrefix(filepath.Ext(name), "."))
}

// madeFormats are those in which tensors can be quantised.
func madeFormats() (names []string) {
	for _, d := range ir.QuantisedDTypes() {
		if quant.Of(d).Encodes() {
			names = append(names, d.String())
		}
	}
	return names
}

var castTypes = []runtime.DType{runtime.F32, runtime.F16, runtime.BF16}

func castNames() (names []string) {
	for _, d := range castTypes {
		names = append(names, d.String())
	}
	return names
}

// options checks the flags that need no file.
func (f *rewriteFlags) options(output string, src *sourceFlags) (o repack.Options, err error) {
	o = repack.Options{Output: output, Only: f.only}
	fail := func(format string, args ...any) (repack.Options, error) {
		return o, usageError{fmt.Errorf(format, args...)}
	}
	ext := filepath.Ext(output)
	switch {
	case ext != ".safetensors" && ext != ".gguf":
		return fail("%s: a checkpoint is written as .safetensors or .gguf", output)
	case f.quantise != "" && f.model != "":
		return fail("--quantise and --for exclude each other")
	case len(f.only) > 0 && f.quantise == "":
		return fail("--only is of --quantise")
	case (src.config != "" || len(src.set) > 0) && f.model == "":
		return fail("--set and --config are of the model of --for")
	case f.shard != "" && ext == ".gguf":
		return fail("--shard: shards are .safetensors")
	}
	if f.quantise != "" {
		if !slices.Contains(madeFormats(), f.quantise) {
			return fail("--quantise: there is no format %q; the formats are %s", f.quantise, strings.Join(madeFormats(), ", "))
		}
		d, _ := ir.ParseDType(f.quantise)
		o.Quantise = quant.Of(d)
	}
	if f.cast != "" {
		i := slices.Index(castNames(), f.cast)
		if i < 0 {
			return fail("--cast: floats become %s, not %q", strings.Join(castNames(), ", "), f.cast)
		}
		o.Cast = castTypes[i]
	}
	if f.shard != "" {
		n, err := humanize.ParseBytes(f.shard)
		if err != nil || n == 0 || int64(n) < 0 {
			return fail("--shard wants a size such as 2GB, got %q", f.shard)
		}
		o.Shard = int64(n)
	}
	return o, nil
}

// wanted are the quantised tensors of a model, by their names in its checkpoint.
func wanted(m *ir.Module) map[string]ir.Type {
	types := map[string]ir.Type{}
	for _, p := range m.Weights() {
		if p.Of != nil && p.Of.Index == 0 {
			types[p.Path] = p.Of.Type
		}
	}
	return types
}

func (f *packFlags) rewrite(cmd *cobra.Command, source string) error {
	o, err := f.to.options(f.output, &f.src)
	if err != nil {
		return err
	}
	if f.to.model != "" {
		f.src.weights = source // picks a weights clause, whose names are those of the file
		m, err := f.src.load(f.to.model, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		if o.Wanted = wanted(m); len(o.Wanted) == 0 {
			return fmt.Errorf("%s has no quantised params", f.to.model)
		}
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
	defer stop()
	w, err := runtime.OpenWeights(source)
	if err != nil {
		return err
	}
	defer w.Close()
	job, err := repack.Plan(source, w, o)
	if err != nil {
		return err
	}
	report, err := job.Run(ctx, bytesBar(cmd, "packing"))
	if err != nil {
		return err
	}
	if f.to.asJSON {
		out := json.NewEncoder(cmd.OutOrStdout())
		out.SetIndent("", "  ")
		return out.Encode(report)
	}
	return printReport(cmd.OutOrStdout(), f.output, report)
}

// printReport says what became of each tensor, how far it is from what it was, and of all.
func printReport(w io.Writer, output string, r *repack.Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "tensor\tshape\tfrom\tbytes\tto\tbytes\tmax error\tRMS error\t")
	for _, row := range r.Tensors {
		shape := strings.ReplaceAll(fmt.Sprint(row.Shape), " ", ", ")
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%d", shownName(row.Name), shape, row.From, row.FromBytes, row.To, row.ToBytes)
		switch e := row.Error; {
		case e != nil && e.Overflow > 0:
			fmt.Fprintf(t, "\t%.3g\t%.3g\t%s too large", e.Max, e.RMS, count(e.Overflow, "element is", "elements are"))
		case e != nil:
			fmt.Fprintf(t, "\t%.3g\t%.3g\t%s", e.Max, e.RMS, row.Kept)
		default:
			fmt.Fprintf(t, "\t\t\t%s", row.Kept)
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	in := ""
	if n := len(r.Files); n > 1 {
		in = fmt.Sprintf(" in %d shards", n-1)
	}
	_, err := fmt.Fprintf(w, "%s: %s%s, %s of %s\n", output, count(len(r.Tensors), "tensor", "tensors"), in, humanize.IBytes(uint64(r.To)), humanize.IBytes(uint64(r.From)))
	return err
}
