//go:build darwin || (linux && mlxc_metal)

package metal

import (
	"regexp"
	"strconv"
	"strings"
)

// A message of the compiler starts program_source:LINE:COLUMN: error:, mostly.
var (
	messageLine = regexp.MustCompile(`(?m)^(?:[^:\n]*:)?(\d+):\d+: (?:fatal )?error:`)
	kernelStart = regexp.MustCompile(`\bkernel\s+void\s+(\w+)`)
)

// compileError says which kernel the compiler's message is about: the one whose
// text has the line of its first error.
func compileError(source string, kernels []Kernel, err error) error {
	m := messageLine.FindStringSubmatch(err.Error())
	if m == nil {
		return failed(err)
	}
	line, _ := strconv.Atoi(m[1])
	lines := strings.SplitAfter(source, "\n")
	before := strings.Join(lines[:min(line, len(lines))], "")
	starts := kernelStart.FindAllStringSubmatch(before, -1)
	if starts == nil {
		return failed(err)
	}
	name := starts[len(starts)-1][1]
	for i := range kernels {
		if kernels[i].Name == name {
			return kernels[i].failed(err)
		}
	}
	return (&Kernel{Name: name}).failed(err)
}
