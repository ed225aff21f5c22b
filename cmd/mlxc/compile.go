package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/codegen"
	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/ir"
)

func compileCommand() *cobra.Command {
	var (
		src     sourceFlags
		options mlxc.Options
		dir     string
		dump    string
		targets []string
	)
	cmd := &cobra.Command{
		Use:     "compile MODEL",
		Short:   "Write a Go package that runs a model",
		Long:    "Write a Go package that runs a model, and beside it the weights of a model of ONNX.",
		Example: "  mlxc compile digits.mlx -o internal/digits\n  mlxc compile digits.mlx -o internal/digits --target cpu",
		Args:    exactly(1, "one model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir == "" {
				return usageError{fmt.Errorf("compile needs -o DIR, the folder of the package")}
			}
			if options.Package == "" {
				options.Package = mlxc.PackageName(dir)
			}
			options.Source = args[0]
			var err error
			if options.Targets, err = parseTargets(targets); err != nil {
				return err
			}
			m, err := src.load(args[0], cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			dumps := dumper{dir: dump}
			if dump != "" {
				options.Observe = dumps.observe
			}
			p, err := mlxc.Compile(m, options)
			if err != nil {
				return show(err, cmd.ErrOrStderr())
			}
			if err := dumps.write(); err != nil {
				return err
			}
			if err := writePackage(cmd, dir, p.Files, src.onnx.weights()); err != nil {
				return err
			}
			return summary(cmd.OutOrStdout(), p.Modules)
		},
	}
	src.register(cmd)
	src.registerONNX(cmd, "")
	cmd.Flags().StringVarP(&dir, "output", "o", "", "`folder` of the package")
	cmd.Flags().StringVar(&options.Package, "package", "", "`name` of the package (default: the folder's)")
	cmd.Flags().StringSliceVar(&targets, "target", []string{"metal", "cpu"}, "what the package runs on: metal, cpu, or both")
	cmd.Flags().StringVar(&dump, "dump", "", "`folder` for the IR after each pass")
	return cmd
}

// writePackage writes the files of a package, and the weights that are to be beside them.
func writePackage(cmd *cobra.Command, dir string, files []codegen.File, weights []onnx.Weight) error {
	if len(weights) == 0 {
		return mlxc.WriteDir(dir, files)
	}
	path := filepath.Join(dir, onnx.Checkpoint)
	if _, err := os.Stat(path); err == nil && !mlxc.WroteWeights(path) {
		return fmt.Errorf("%s: not written by mlxc, will not overwrite it", path)
	}
	return withWeights(cmd, filepath.Dir(filepath.Clean(dir)), weights, func(temp string) error {
		if err := mlxc.WriteDir(dir, files); err != nil {
			return err
		}
		return os.Rename(temp, path)
	})
}

// A dumper keeps the text of each stage.
type dumper struct {
	dir   string
	names []string
	texts []string
}

func (d *dumper) observe(pass string, m *ir.Module) {
	name := fmt.Sprintf("%02d-%s.mlxir", len(d.names), pass)
	if m.Target != "" {
		name = fmt.Sprintf("%02d-%s-%s.mlxir", len(d.names), m.Target, pass)
	}
	d.names = append(d.names, name)
	d.texts = append(d.texts, ir.Print(m))
}

func (d *dumper) write() error {
	if d.dir == "" {
		return nil
	}
	if err := os.MkdirAll(d.dir, 0o777); err != nil {
		return err
	}
	for i, name := range d.names {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(d.texts[i]), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// summary says what became of each entry: its launches, and at some dims what they
// have to do and its arena beside what is alive at once and what must be in any order.
func summary(w io.Writer, targets []*ir.Module) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "entry\ttarget\tlaunches\tkernels\tFLOP\tread\twritten\tarena\tlive\tbound\tat")
	for _, m := range targets {
		for _, f := range m.Funcs {
			for _, v := range f.Variants {
				used := map[*ir.Kernel]bool{}
				for _, s := range v.Steps {
					used[s.Kernel] = true
				}
				for _, pt := range tellingPoints(v.Plan.Report) {
					work := workAt(m, v, pt)
					fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Name, m.Target, len(v.Steps), len(used),
						humanize.SIWithDigits(work.FLOPs, 1, ""), humanize.IBytes(uint64(work.Read)), humanize.IBytes(uint64(work.Written)),
						humanize.IBytes(uint64(pt.Arena)), humanize.IBytes(uint64(pt.Live)), humanize.IBytes(uint64(pt.Bound)), pointText(m, pt))
				}
			}
		}
	}
	return t.Flush()
}

// manyPoints is how many points of a plan are worth a line each.
const manyPoints = 5

// tellingPoints are all points of a plan, or of many the first, which is that of the largest
// dims, the one whose arena is largest beside what is alive, and the last, of the least dims.
func tellingPoints(points []ir.PlanPoint) []ir.PlanPoint {
	if len(points) <= manyPoints {
		return points
	}
	worst := slices.MaxFunc(points[1:len(points)-1], func(a, b ir.PlanPoint) int {
		return cmp.Compare(float64(a.Arena)/float64(max(1, a.Live)), float64(b.Arena)/float64(max(1, b.Live)))
	})
	return []ir.PlanPoint{points[0], worst, points[len(points)-1]}
}

// workAt is what all launches do; that of a kernel with more than int64 holds is
// left out.
func workAt(m *ir.Module, v *ir.Variant, pt ir.PlanPoint) ir.Work {
	dims := map[string]int64{}
	for i, d := range m.Dims {
		dims[d.Name] = pt.Dims[i]
	}
	var all ir.Work
	for i, s := range v.Steps {
		w, _ := s.Work(dims)
		rounds, _ := v.Rounds(i).Eval(func(name string) (int64, bool) { n, ok := dims[name]; return n, ok })
		all = all.Add(w.Times(rounds))
	}
	return all
}

func pointText(m *ir.Module, pt ir.PlanPoint) string {
	var values []string
	for i, d := range m.Dims {
		if !d.Counter {
			values = append(values, fmt.Sprintf("%s = %d", d.Name, pt.Dims[i]))
		}
	}
	if len(values) == 0 {
		return "-"
	}
	return strings.Join(values, ", ")
}
