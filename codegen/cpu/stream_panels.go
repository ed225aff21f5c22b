package cpu

import (
	"fmt"
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/mlxc/mlxc/ir"
)

// IsStream reports that a kernel is a stream for micro-kernels in assembly for panels of a
// dtype.
func IsStream(k *ir.Kernel, panels ir.DType) bool {
	if k.Schedule == nil || k.Schedule.Form != ir.FormStream || k.Schedule.Tile.K%weighKeys != 0 || k.Empty() {
		return false
	}
	p, err := k.StreamPanels()
	return err == nil && k.Args[p.Key.Arg].DType == panels
}

// Stream prints a kernel for which IsStream holds as a function over its tiles that leaves
// products to micro-kernels and the weights to weighers, which are variables. What makes
// scores, where that is more than scaling, and what follows the sums are kernels of their
// own.
func Stream(k *ir.Kernel, name, micros, weighers string) (*jen.Statement, error) {
	panels, err := k.StreamPanels()
	if err != nil {
		return nil, fmt.Errorf("kernel %s: %w", k.Name, err)
	}
	p := newDriver(k)
	strides := map[string]ir.Walk{"A": panels.Query, "B": panels.Key, "C": panels.Value}
	if panels.Seen != nil {
		strides["D"] = *panels.Seen
	}
	t := k.Schedule.Tile
	fields := []jen.Code{
		jen.Id("Micros").Op(":").Id(micros), jen.Id("Weighers").Op(":").Id(weighers),
		jen.Id("TileM").Op(":").Lit(t.M), jen.Id("TileK").Op(":").Lit(t.K),
		jen.Id("Rows").Op(":").Add(p.walks(panels.Rows, strides)),
		jen.Id("Batch").Op(":").Add(p.walks(panels.Batch, strides)),
		jen.Id("Head").Op(":").Add(p.size(panels.Head.Extent)),
		jen.Id("Keys").Op(":").Add(p.size(k.Stream.Keys.Extent)),
		jen.Id("N").Op(":").Add(p.size(panels.Column.Extent)),
		jen.Id("SizeB").Op(":").Lit(k.Args[panels.Key.Arg].DType.Size()),
	}
	for _, of := range []struct {
		field string
		walk  ir.Walk
	}{{"Q", panels.Query}, {"K", panels.Key}, {"V", panels.Value}} {
		fields = append(fields, jen.Id(of.field).Op(":").Lit(of.walk.Arg))
		if len(of.walk.First.Terms()) > 0 {
			fields = append(fields, jen.Id("First"+of.field).Op(":").Add(p.size(of.walk.First)))
		}
	}
	if panels.InPlace {
		keys := k.Stream.Keys.Name
		fields = append(fields, jen.Id("InPlace").Op(":").True(),
			jen.Id("StepK").Op(":").Add(p.size(panels.Key.Stride[keys])), jen.Id("StepV").Op(":").Add(p.size(panels.Value.Stride[keys])))
	}
	if panels.Seen != nil {
		fields = append(fields, jen.Id("Masked").Op(":").True(), jen.Id("Seen").Op(":").Add(p.size(panels.Seen.First)))
	}
	scale := 1.0
	if panels.Scale != nil {
		scale = *panels.Scale
	} else {
		fields = append(fields, jen.Id("Score").Op(":").Id(ScoreName(name)))
	}
	fields = append(fields, jen.Id("Scale").Op(":").Lit(scale))
	fields = append(fields, jen.Id("Epilogue").Op(":").Id(EpilogueName(name)))
	f, err := p.driver(name, "Stream", fields)
	if err != nil {
		return nil, err
	}
	for _, part := range streamParts(k, panels, name) {
		text, err := part.print()
		if err != nil {
			return nil, err
		}
		f.Line().Line().Add(text)
	}
	return f, nil
}

// ScoreName is the name of the function that makes scores of a stream's sums.
func ScoreName(stream string) string { return stream + "Score" }

// A Part is a kernel that another one calls, and the name of its function.
type Part struct {
	Kernel *ir.Kernel
	Name   string
}

func streamParts(k *ir.Kernel, panels *ir.StreamPanels, name string) []Part {
	parts := []Part{{k.StreamEpilogue(panels), EpilogueName(name)}}
	if panels.Scale == nil {
		parts = append(parts, Part{k.ScoreKernel(panels), ScoreName(name)})
	}
	return parts
}

// print prints the part as rows in assembly, if it can be, or in portable Go.
func (p Part) print() (*jen.Statement, error) {
	if IsRows(p.Kernel) {
		return Rows(p.Kernel, p.Name)
	}
	return Kernel(p.Kernel, p.Name)
}

// StreamRows are the parts of a stream whose rows are in assembly.
func StreamRows(k *ir.Kernel, name string) []Part {
	panels, err := k.StreamPanels()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(streamParts(k, panels, name), func(p Part) bool { return !IsRows(p.Kernel) })
}
