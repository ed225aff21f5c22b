package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// writeDot writes a module as a graph to a file, or to stdout if that is "-".
func writeDot(file string, stdout io.Writer, m *ir.Module) error {
	if file == "-" {
		return dot(stdout, m)
	}
	var b bytes.Buffer
	if err := dot(&b, m); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o666)
}

// dot writes a module as a graph for Graphviz, a cluster for each entry: before the
// pass lower of its values, after it of its launches, which buffers connect.
func dot(w io.Writer, m *ir.Module) error {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %q {\n  node [shape=box, fontname=\"Helvetica\"]\n", m.Name)
	for i, f := range m.Funcs {
		g := &dotGraph{b: &b, prefix: fmt.Sprintf("f%d", i), value: map[*ir.Value]string{}}
		if len(f.Variants) == 0 {
			g.open(f.Name)
			g.body(f)
			g.close()
		}
		for n, v := range f.Variants {
			g.prefix = fmt.Sprintf("f%dv%d", i, n)
			title := f.Name
			for _, fact := range v.Guard {
				title += ", " + fact.String()
			}
			g.open(title)
			g.steps(v)
			g.close()
		}
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

type dotGraph struct {
	b      *strings.Builder
	prefix string // of the nodes' names
	nodes  int
	value  map[*ir.Value]string // the node that makes a value
}

func (g *dotGraph) open(title string) {
	fmt.Fprintf(g.b, "  subgraph \"cluster_%s\" {\n    label=%q\n", g.prefix, title)
}

func (g *dotGraph) close() { g.b.WriteString("  }\n") }

// node makes a node and returns its name.
func (g *dotGraph) node(style string, lines ...string) string {
	name := fmt.Sprintf("%s_%d", g.prefix, g.nodes)
	g.nodes++
	fmt.Fprintf(g.b, "    %s [label=%q%s]\n", name, strings.Join(lines, "\n"), style)
	return name
}

// dotInput and dotResult are how memory of the caller looks.
const (
	dotInput  = ", shape=ellipse"
	dotResult = ", shape=ellipse, peripheries=2"
)

func (g *dotGraph) body(f *ir.Func) {
	for _, v := range f.Inputs {
		g.value[v] = g.node(dotInput, v.Name, v.Type.String())
	}
	for _, in := range f.Body {
		lines := []string{in.Op.Name}
		for _, r := range in.Results {
			lines = append(lines, strings.TrimSpace(r.Name+" "+r.Type.String()))
		}
		n := g.node("", lines...)
		for _, a := range in.Args {
			fmt.Fprintf(g.b, "    %s -> %s\n", g.value[a], n)
		}
		for _, r := range in.Results {
			g.value[r] = n
		}
	}
	for _, r := range f.Results {
		n := g.node(dotResult, r.Name, r.Type.String())
		fmt.Fprintf(g.b, "    %s -> %s\n", g.value[r.Value], n)
	}
}

// steps draws the launches. A buffer that is written again belongs to the last step
// that wrote it.
func (g *dotGraph) steps(v *ir.Variant) {
	writer := map[*ir.Buffer]string{}
	for _, b := range v.Buffers {
		if b.Place == ir.InInput || b.Place == ir.InParam || b.Place == ir.InState || b.Place == ir.InPacked {
			writer[b] = g.node(dotInput, b.Name, b.Type.String())
		}
	}
	for i, s := range v.Steps {
		lines := []string{fmt.Sprintf("%d %s", i, s.Kernel.Name)}
		if s.Pos != nil {
			lines = append(lines, s.Pos.Own().String())
		}
		n := g.node("", lines...)
		drawn := map[*ir.Buffer]bool{}
		for j, b := range s.Args {
			if from := writer[b]; !s.Kernel.Args[j].Write && from != "" && !drawn[b] {
				drawn[b] = true
				fmt.Fprintf(g.b, "    %s -> %s [label=%q]\n", from, n, b.Name+" "+b.Type.String())
			}
		}
		for j, b := range s.Args {
			if s.Kernel.Args[j].Write {
				writer[b] = n
			}
		}
	}
	for _, b := range v.Buffers {
		if from := writer[b]; b.Place == ir.InOutput && from != "" {
			fmt.Fprintf(g.b, "    %s -> %s\n", from, g.node(dotResult, b.Name, b.Type.String()))
		}
	}
}
