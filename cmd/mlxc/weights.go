package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc/internal/repack"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

type weightsFlags struct {
	src    sourceFlags
	asJSON bool
}

func weightsCommand() *cobra.Command {
	var f weightsFlags
	cmd := &cobra.Command{
		Use:   "weights FILE [MODEL]",
		Short: "List a checkpoint's tensors, or compare them with a model",
		Long: `List the tensors of a checkpoint: .safetensors, its .index.json of shards, .npz or .gguf.

With a model each tensor is compared with what the model wants under that name: it is ok,
converted from another float, extra (the model has no such parameter) or wrong; a parameter
that the file lacks is filled with its init, or missing. What is missing or wrong would
keep the model from loading, and the exit code is 1.`,
		Example: "  mlxc weights digits.safetensors\n  mlxc weights digits.safetensors digits.mlx",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return usageError{fmt.Errorf("weights wants a checkpoint and maybe a model, got %d arguments", len(args))}
			}
			return nil
		},
		RunE: f.run,
	}
	f.src.registerConfig(cmd)
	f.src.registerONNX(cmd, "")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON: file, tensors and totals")
	return cmd
}

// A weightList is what the command prints.
type weightList struct {
	File    string      `json:"file"`
	Tensors []weightRow `json:"tensors"`
	Count   int         `json:"count"` // of the tensors that are in the file
	Bytes   int64       `json:"bytes"`
}

type weightRow struct {
	Name   string       `json:"name"`
	DType  string       `json:"dtype"` // of the param where the file has no tensor
	Shape  []int        `json:"shape"`
	Bytes  int64        `json:"bytes"`            // in the file
	Status weightStatus `json:"status,omitempty"` // where there is a model
	Note   string       `json:"note,omitempty"`
}

// A weightStatus is how a tensor suits the model.
type weightStatus string

const (
	weightOK        weightStatus = "ok"
	weightConverted weightStatus = "converted"
	weightFilled    weightStatus = "filled"
	weightExtra     weightStatus = "extra"
	weightMissing   weightStatus = "missing"
	weightWrong     weightStatus = "wrong"
)

var weightStatuses = []weightStatus{weightOK, weightConverted, weightFilled, weightExtra, weightMissing, weightWrong}

func (f *weightsFlags) run(cmd *cobra.Command, args []string) error {
	w, err := runtime.OpenWeights(args[0])
	if err != nil {
		return err
	}
	defer w.Close()
	list := listWeights(args[0], w)
	if len(args) == 2 {
		f.src.weights = args[0]
		m, err := f.src.load(args[1], cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		if w.Packed() {
			return fmt.Errorf("%s is packed: it holds what kernels read; compare the checkpoint that it was packed from", args[0])
		}
		list.compare(w, m)
	}
	if f.asJSON {
		out := json.NewEncoder(cmd.OutOrStdout())
		out.SetIndent("", "  ")
		err = out.Encode(list)
	} else {
		err = list.print(cmd.OutOrStdout())
	}
	if err == nil && len(args) == 2 {
		err = list.verdict(args[1])
	}
	return err
}

// verdict is why the model would not load.
func (l *weightList) verdict(model string) error {
	missing, wrong, filled := l.count(weightMissing), l.count(weightWrong), l.count(weightFilled)
	switch {
	case missing+wrong > 0:
		return fmt.Errorf("%s would not load from %s: %d missing, %d wrong", model, l.File, missing, wrong)
	case l.Count > 0 && filled > 0 && l.count(weightOK)+l.count(weightConverted) == 0:
		return fmt.Errorf("%s would not load from %s, which has none of its tensors", model, l.File)
	}
	return nil
}

func listWeights(file string, w *runtime.Weights) *weightList {
	list := &weightList{File: file, Tensors: []weightRow{}, Count: len(w.Names())}
	for _, name := range w.Names() {
		t := w.Tensor(name)
		row := weightRow{Name: name, DType: t.DTypeName(), Shape: append([]int{}, t.Shape...), Bytes: int64(t.Size())}
		list.Tensors = append(list.Tensors, row)
		list.Bytes += row.Bytes
	}
	return list
}

// compare gives every row its status, and adds rows for what the file lacks.
func (l *weightList) compare(w *runtime.Weights, m *ir.Module) {
	wanted := map[string][]*ir.Param{}
	unfit := false // the first plane of what p is a plane of
	for _, p := range m.Weights() {
		wanted[p.Path] = append(wanted[p.Path], p)
		t, further := w.Tensor(p.Path), p.Of != nil && p.Of.Index > 0
		if t == nil && len(wanted[p.Path]) == 1 && !(further && unfit) {
			l.Tensors = append(l.Tensors, lackingRow(p))
		}
		if !further {
			unfit = t == nil || t.Fits(runtimeParam(p)) != nil
		}
	}
	for _, p := range m.States() { // which a session checks, as it knows their sizes
		wanted[p.Path] = append(wanted[p.Path], nil)
	}
	for i := range l.Tensors[:l.Count] {
		row := &l.Tensors[i]
		row.Status = weightOK
		if wanted[row.Name] == nil {
			row.Status = weightExtra
		}
		for _, p := range wanted[row.Name] {
			if p != nil && row.Status != weightWrong {
				row.Status, row.Note = suits(w.Tensor(row.Name), p)
			}
		}
	}
	slices.SortStableFunc(l.Tensors, func(a, b weightRow) int { return strings.Compare(a.Name, b.Name) })
}

// lackingRow is of a param that is not in the file.
func lackingRow(p *ir.Param) weightRow {
	row := weightRow{Name: p.Path, DType: p.Type.DType.String(), Shape: paramShape(p), Status: weightMissing}
	switch numbers := p.Init.Numbers(); len(numbers) {
	case 0:
	case 1:
		row.Status, row.Note = weightFilled, fmt.Sprint("with ", numbers[0])
	default:
		row.Status, row.Note = weightFilled, fmt.Sprintf("with %d numbers of the model", len(numbers))
	}
	return row
}

// suits says how a tensor serves as a param.
func suits(t *runtime.Tensor, p *ir.Param) (weightStatus, string) {
	if err := t.Fits(runtimeParam(p)); err != nil {
		return weightWrong, err.Error()
	}
	if t.DType != 0 && t.DTypeName() != p.Type.DType.String() {
		return weightConverted, "to " + p.Type.DType.String()
	}
	return weightOK, ""
}

// runtimeParam is a param as the runtime knows it.
func runtimeParam(p *ir.Param) *runtime.Param {
	q := &runtime.Param{Name: p.Path, DType: repack.DTypeOf(p.Type.DType), Shape: paramShape(p)}
	if p.Of != nil {
		q.Format = p.Of.Type.DType.String()
	}
	return q
}

// paramShape is the shape of a param, whose sizes are constant.
func paramShape(p *ir.Param) []int {
	shape := make([]int, p.Type.Rank())
	for i, s := range p.Type.Shape {
		n, _ := s.Int()
		shape[i] = int(n)
	}
	return shape
}

func (l *weightList) count(s weightStatus) int {
	n := 0
	for _, row := range l.Tensors {
		if row.Status == s {
			n++
		}
	}
	return n
}

func (l *weightList) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range l.Tensors {
		shape := strings.ReplaceAll(fmt.Sprint(row.Shape), " ", ", ")
		line := fmt.Sprintf("%s\t%s\t%s\t%d", shownName(row.Name), row.DType, shape, row.Bytes)
		if row.Status != "" {
			line += "\t" + strings.TrimSpace(string(row.Status)+"  "+row.Note)
		}
		fmt.Fprintln(t, line)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	total := fmt.Sprintf("%s, %s", count(l.Count, "tensor", "tensors"), humanize.IBytes(uint64(l.Bytes)))
	for _, s := range weightStatuses {
		if n := l.count(s); n > 0 {
			total += fmt.Sprintf(", %d %s", n, s)
		}
	}
	_, err := fmt.Fprintln(w, total)
	return err
}

// shownName is the name of a tensor, quoted where it would break the table.
func shownName(name string) string {
	if q := fmt.Sprintf("%q", name); q[1:len(q)-1] != name {
		return q
	}
	return name
}
