package onnx

import (
	"fmt"
	"strings"
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
	return unused(strings.Join(steps, "."), im.used)
}
