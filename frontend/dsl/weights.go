package dsl

import (
	"path"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// declareWeights takes the weights clause of the model, before its params are
// declared, so that renames are known.
func (c *compiler) declareWeights(s *source) {
	in := &context{compiler: c, file: s, scope: s.scope}
	for _, d := range s.file.Decls {
		w := d.Weights
		if w == nil {
			continue
		}
		at := Span{w.Pos, w.Pos.Column + len("weights")}
		if c.weights != nil {
			in.unsupported(at, "a second `weights` clause")
			continue
		}
		format := w.Format
		if format == "" {
			name := strings.TrimSuffix(string(w.File), ".index.json") // which lists shards
			format = strings.TrimPrefix(path.Ext(name), ".")
		}
		if !slices.Contains(ir.CheckpointFormats, format) {
			in.hintf(at, "the formats are safetensors, npz and gguf", "there is no format `%s` for weights", format)
		}
		for _, r := range w.Renames {
			if r.Load != nil {
				in.unsupported(r.Load.span(), "`load` in a `weights` clause")
			}
			if !samePlaces(string(r.Ours), string(r.Theirs)) {
				in.errorf(Span{r.Pos, 0}, "both names must have the same steps in braces")
			}
		}
		c.weights = w
		c.b.SetPos(&ir.Pos{File: s.name, Line: w.Pos.Line, Col: w.Pos.Column})
		c.b.Weights(format, string(w.File))
	}
}

func samePlaces(ours, theirs string) bool {
	have := map[string]bool{}
	for _, s := range inBraces.FindAllString(ours, -1) {
		have[s] = true
	}
	for _, s := range inBraces.FindAllString(theirs, -1) {
		if !have[s] {
			return false
		}
	}
	return true
}

// checkpointPath is the name in the checkpoint of what the model calls name.
func (c *compiler) checkpointPath(name string) string {
	if c.weights == nil {
		return name
	}
	for _, r := range c.weights.Renames {
		if theirs, ok := rename(name, string(r.Ours), string(r.Theirs)); ok {
			return theirs
		}
	}
	return name
}

// rename matches name with the pattern ours, step by step. {i} in it matches one
// step, and stands for that step in theirs.
func rename(name, ours, theirs string) (string, bool) {
	have, want := strings.Split(name, "."), strings.Split(ours, ".")
	if len(have) != len(want) {
		return "", false
	}
	for i, w := range want {
		switch {
		case strings.HasPrefix(w, "{") && strings.HasSuffix(w, "}"):
			theirs = strings.ReplaceAll(theirs, w, have[i])
		case w != have[i]:
			return "", false
		}
	}
	return theirs, true
}
