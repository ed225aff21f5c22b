package onnx

import (
	"fmt"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// identifier makes a name of the file one of the language.
func identifier(name string) string {
	text := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name)
	text = strings.Trim(text, "_")
	switch {
	case text == "":
		return "value"
	case text[0] >= '0' && text[0] <= '9', text == "div", text == "mod":
		return "v" + text
	}
	return text
}

// valueName is the last part of a value's name, as a source would have it: exporters put the
// path of the layer before it, and the number of the output behind.
func valueName(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	return strings.TrimSuffix(name, ":0")
}

// unused is base, or base with a number, as it is not in used; neither case nor underscores
// tell names apart, since Go's exported names begin with a capital and have none.
func unused(base string, used map[string]bool) string {
	key := func(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }
	name := base
	for n := 2; used[key(name)]; n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	used[key(name)] = true
	return name
}

// fresh is the name of a value or dim of the program for a name of the file.
func (im *importer) fresh(name string) string { return unused(identifier(name), im.used) }

// path is that of a param for a name of the file: its steps are separated by dots or
// slashes.
func (im *importer) path(name string) string {
	if of := im.layers[name]; of != "" {
		name = of
	}
	var steps []string
	for _, step := range strings.FieldsFunc(name, func(r rune) bool { return r == '.' || r == '/' }) {
		step = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
				return r
			}
			return '_'
		}, step)
		if step != "" {
			steps = append(steps, step)
		}
	}
	if len(steps) == 0 {
		steps = []string{"weight"}
	}
	if last := &steps[len(steps)-1]; *last == "weight_bias" { // PyTorch's of a norm that was folded into weights
		*last = "bias"
	}
	return unused(strings.Join(steps, "."), im.used)
}

// nameWeights gives the right factor of a product, if its name tells nothing, that of the bias
// that is added to the product: exporters that turn weights round forget theirs.
func (im *importer) nameWeights(m *ir.Module) {
	users := map[*ir.Value][]*ir.Instr{}
	for _, f := range m.Bodies() {
		for _, in := range f.Body {
			for _, a := range in.Args {
				users[a] = append(users[a], in)
			}
		}
	}
	for _, f := range m.Bodies() {
		for _, in := range f.Body {
			p, sum := paramOf(in.Results[0]), (*ir.Instr)(nil)
			if p == nil || strings.Contains(p.Path, ".") {
				continue
			}
			if u := users[in.Results[0]]; len(u) == 1 && u[0].Op.Name == "matmul" && u[0].Args[1] == in.Results[0] {
				if u = users[u[0].Result()]; len(u) == 1 && u[0].Op.Name == "add" {
					sum = u[0]
				}
			}
			if sum == nil {
				continue
			}
			for _, a := range sum.Args {
				if a.Instr == nil || a.Instr.Op.Name != "broadcast" {
					continue
				}
				bias := paramOf(a.Instr.Args[0])
				if bias == nil || !strings.HasSuffix(bias.Path, "bias") {
					continue
				}
				path := strings.TrimSuffix(bias.Path, "bias") + "weight"
				if im.used[strings.ToLower(path)] || m.Param(path) != nil {
					continue
				}
				im.used[strings.ToLower(path)] = true
				for i, w := range im.weights {
					if w.Path == p.Path {
						im.weights[i].Path = path
					}
				}
				p.Path, p.Name = path, path
			}
		}
	}
}

// paramOf is the param that a value is; nil: none.
func paramOf(v *ir.Value) *ir.Param {
	if v.Instr != nil {
		if a, ok := v.Instr.Attrs.(ir.WeightAttrs); ok {
			return a.Param
		}
	}
	return nil
}
