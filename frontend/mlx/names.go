package mlx

import "fmt"

// reserved are words that sizes in text use for themselves.
var reserved = map[string]bool{"div": true, "mod": true}

// named reports whether a dim, entry, input or output may have a name: letters,
// digits and _, with no digit first.
func (b *Builder) named(what, name string) bool {
	ok := name != "" && !reserved[name] && (name[0] < '0' || name[0] > '9')
	for i := range len(name) {
		ok = ok && isName(name[i])
	}
	if !ok {
		b.errorf("%s %q: a name is of letters, digits and _, and starts with no digit", what, name)
	}
	return ok
}

// symbol is the name of a param in the IR: its path, with what is no part of a
// symbol replaced.
func (b *Builder) symbol(path string) string {
	clean := []byte(path)
	for i, c := range clean {
		if c == '.' && i > 0 && i < len(clean)-1 && clean[i-1] != '.' {
			continue
		}
		if !isName(c) {
			clean[i] = '_'
		}
	}
	base := string(clean)
	if base == "" {
		base = "_"
	}
	name := base
	for n := 2; b.module.Param(name) != nil; n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	return name
}

// join puts together the steps of a path.
func join(path, name string) string {
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}

func isName(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
