// Package onnx imports ONNX models: it reads a file and builds the same computation
// with package mlx.
//
// What a graph computes from constants and shapes alone is computed here, so that
// sizes, axes and counts are known. What depends on data becomes the entry Forward.
package onnx

import (
	"fmt"
	"path/filepath"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/frontend/onnx/pb"
	"github.com/mlxc/mlxc/ir"
)

// Forward is the name of the entry that an imported model has.
const Forward = "forward"

// Checkpoint is the file, of safetensors, that an imported model names for its weights.
const Checkpoint = "model.safetensors"

// Options say what a file leaves open.
type Options struct {
	Dims map[string]Bounds     // of dynamic axes, by name
	Bind map[string]*ir.Tensor // inputs that are known already, by their names in the file
}

// Bounds of a dim, inclusive; equal ones make it a constant.
type Bounds struct{ Min, Max int64 }

// A Model is an imported model.
type Model struct {
	Program         *mlx.Program
	Inputs, Outputs []Port   // in the order of the entry
	Weights         []Weight // in the order of their first use
	Producer        string   // that the file names; empty: none
}

// A Port is an input or output: its name in the file and in the entry.
type Port struct{ ONNX, Name string }

// A Weight is a tensor of the checkpoint that goes with the program.
type Weight struct {
	Path string // of the param
	*Constant
}

// Import reads a model. An error is *Unsupported where operators are not covered, and
// *Unbound where an input decides on sizes.
func Import(path string, o Options) (*Model, error) {
	m, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	out, err := Build(m, filepath.Dir(path), o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}

// An importer is one import.
type importer struct {
	b         *mlx.Builder
	entry     *mlx.Entry
	dir       string // that external data are in
	functions map[functionKey]*pb.Function
	options   Options
	dims      map[string]ir.Size
	layers    map[string]string // what initialisers are to layers
	used      map[string]bool   // names of values and params, as unused tells them apart
	weights   []Weight
	nested    int // loops that are being built
	built     int // rounds that were built one by one
}

// Build makes a program of a decoded model. dir is where its external data are.
func Build(m *pb.Model, dir string, o Options) (out *Model, err error) {
	defer caught(&err)
	im := newImporter(m.GetGraph().GetName(), dir, o)
	for _, f := range m.Functions {
		im.functions[functionKey{domain(f.Domain), f.Name, f.Overload}] = f
	}
	root := &scope{importer: im, values: map[string]*value{}, opsets: opsets(m.OpsetImport)}
	if len(root.opsets) == 0 {
		fail("the file names no opset, so that its operators have no meaning; it is of IR version %d, from before opsets", m.IrVersion)
	}
	if err := root.uncovered(m.Graph.Node); err != nil {
		return nil, err
	}
	out = &Model{Producer: m.ProducerName}
	im.b.Entry(Forward, func(e *mlx.Entry) {
		im.entry = e
		out.Inputs = root.declare(m.Graph)
		root.run(m.Graph.Node)
		out.Outputs = root.results(m.Graph)
	})
	if len(im.weights) > 0 {
		im.b.Weights("safetensors", Checkpoint)
	}
	if out.Program, err = im.b.Build(); err != nil {
		return nil, err
	}
	if err := turnLate(out.Program.Module()); err != nil {
		return nil, err
	}
	im.nameWeights(out.Program.Module())
	out.Weights = im.weights
	return out, nil
}

func newImporter(name, dir string, o Options) *importer {
	return &importer{
		b: mlx.New(name), dir: dir, functions: map[functionKey]*pb.Function{}, options: o,
		dims: map[string]ir.Size{}, layers: map[string]string{}, used: map[string]bool{},
	}
}

// declare gives the scope the initialisers and inputs of a graph, and the ports of those
// that the entry has.
func (s *scope) declare(g *pb.Graph) (ports []Port) {
	s.initialisers(g)
	s.nameLayers(g)
	s.checkOptions(g)
	s.boundDims(g)
	for _, in := range g.Input {
		if t := s.options.Bind[in.Name]; t != nil {
			s.values[in.Name] = constantValue(in.Name, constantOf(t))
			continue
		}
		if s.values[in.Name] != nil { // an initialiser is its default
			continue
		}
		name := s.fresh(in.Name)
		t := inputType(in, func(name string) ir.Size { return s.dims[name] })
		s.values[in.Name] = &value{name: in.Name, t: s.entry.InOf(name, t), inputs: []string{in.Name}}
		ports = append(ports, Port{in.Name, name})
		s.check("input " + in.Name)
	}
	return ports
}

// results makes the outputs of a graph those of the entry.
func (s *scope) results(g *pb.Graph) (ports []Port) {
	outs := map[string]bool{}
	for _, out := range g.Output {
		v := s.lookup(out.Name)
		if v == nil {
			fail("no node computes the output %s", out.Name)
		}
		name := unused(identifier(out.Name), outs)
		s.entry.Out(name, s.tensor(v))
		s.check("output " + out.Name)
		ports = append(ports, Port{out.Name, name})
	}
	return ports
}
