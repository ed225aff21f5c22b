package dsl

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// didYouMean is a hint that names the candidate nearest to name; empty if none
// is near.
func didYouMean(name string, candidates []string) string {
	if s := ir.Suggest(name, candidates); s != "" {
		return fmt.Sprintf("did you mean `%s`?", s)
	}
	return ""
}

// notADType says that name is no dtype, in the words of the parser of types.
func notADType(name string) string {
	_, err := ir.ParseType(name, nil, nil)
	var syntax *ir.SyntaxError
	if errors.As(err, &syntax) {
		return syntax.Msg
	}
	return fmt.Sprintf("`%s` is not a dtype", name)
}

// count is a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
