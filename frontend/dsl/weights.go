package dsl

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// declareWeights takes the weights clause of the model that is for its checkpoint: once,
// before its first param is declared, which may have another name there.
func (c *compiler) declareWeights() {
	main := c.main
	if main == nil || c.weights {
		return
	}
	c.weights = true
	in := &context{compiler: c, file: main, scope: main.scope}
	w := in.chooseWeights()
	if w == nil {
		return
	}
	at := func(line, col int) *ir.Pos { return &ir.Pos{File: main.name, Line: line, Col: col} }
	c.b.SetPos(at(w.Pos.Line, w.Pos.Column))
	c.b.Weights(w.format(), string(w.File))
	for _, r := range w.Renames {
		var load []mlx.ParamOption
		if r.Load != nil {
			o, ok := in.load(r.Load)
			if !ok {
				continue
			}
			load = append(load, o)
		}
		c.b.SetPos(at(r.Pos.Line, r.Pos.Column))
		c.b.Rename(string(r.Ours), string(r.Theirs), load...)
	}
}

// chooseWeights is the clause for the checkpoint of Options.Weights: the first whose file
// it may be, or else whose format it has, or else the first of all. Each names another file.
func (c *context) chooseWeights() (chosen *Weights) {
	file := filepath.Base(c.opts.Weights)
	of := &Weights{File: Str(file)}
	best := -1
	first := map[Str]*Weights{}
	for _, d := range c.file.file.Decls {
		w := d.Weights
		if w == nil {
			continue
		}
		at := Span{w.Pos, w.Pos.Column + len("weights")}
		if twin := first[w.File]; twin != nil {
			c.hintf(at, "one clause may have all the renames", "the weights %q are named at line %d already", w.File, twin.Pos.Line)
		}
		first[w.File] = w
		rank := 0
		if named, err := path.Match(path.Base(string(w.File)), file); err == nil && named {
			rank = 2
		} else if w.format() == of.format() {
			rank = 1
		}
		if rank > best {
			chosen, best = w, rank
		}
	}
	return chosen
}

// format is what the clause says, or else what the name of its file ends with.
func (w *Weights) format() string {
	if w.Format != "" {
		return w.Format
	}
	return FormatOf(string(w.File))
}

// FormatOf is the format of a checkpoint that has a name: what it ends with.
func FormatOf(file string) string {
	name := strings.TrimSuffix(file, ".index.json") // which lists shards
	return strings.TrimPrefix(path.Ext(name), ".")
}
