//go:build mlxc_metal

package mtl

import (
	"sync"
	"testing"

	"github.com/mlxc/mlxc/internal/required"
	"github.com/mlxc/mlxc/internal/softmetal"
)

// findMetal builds the software Metal, or says what it lacks.
var findMetal = sync.OnceValue(softmetal.Setup)

// The software Metal has what we send, of the same types.
func TestSelectorsOfTheSoftwareMetal(t *testing.T) {
	if err := findMetal(); err != nil {
		required.Skip(t, err)
	}
	h, err := softmetal.Open()
	must(t, err)
	have := map[softmetal.Method]bool{}
	for _, m := range h.Methods() {
		have[m] = true
	}
	for i, s := range selectors {
		m := softmetal.Method{Class: s.class, Selector: s.name, Encoding: s.encoding, IsClass: classMethod(selector(i))}
		if !have[m] {
			t.Errorf("it lacks %+v", m)
		}
	}
}
