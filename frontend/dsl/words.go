package dsl

import "slices"

// Words are the names that mean something in every file: keywords, types, functions and
// constants.
func Words() []string {
	return slices.Concat(builtinNames(), typeNames(), keys(constants), keywords, preludeFns())
}

// preludeFns are the functions of the prelude.
func preludeFns() []string {
	src, err := std.ReadFile("std/" + preludeFile)
	if err != nil {
		return nil
	}
	f, err := Parse(preludeFile, src)
	if err != nil {
		return nil
	}
	var names []string
	for _, d := range f.Decls {
		if d.Member != nil && d.Member.Fn != nil {
			names = append(names, d.Member.Fn.Name.Name)
		}
	}
	return names
}
