package mutants

import (
	"fmt"
	"regexp"
	"strings"
)

// A rule changes a line of a kernel at each place that matches.
type rule struct {
	name string
	at   *regexp.Regexp
	by   string // with the groups of at: $1
}

// In the printed language a line is a statement, or the head of a block.
var rules = []rule{
	{"drop a barrier", regexp.MustCompile(`threadgroup_barrier\(.*\);`), ";"},
	{"weaken a barrier", regexp.MustCompile(`mem_flags::mem_threadgroup`), "mem_flags::mem_none"},
	{"narrow a barrier", regexp.MustCompile(`threadgroup_barrier\(`), "simdgroup_barrier("},
	{"shift an index", regexp.MustCompile(`(\w)\[([^\[\]]+)\]( =|;|\)|,| [-+*/]|$)`), "$1[$2 + 1]$3"},
	{"shift an address", regexp.MustCompile(`(simdgroup_(?:load|store)\([^,]*, \w+) \+`), "$1 + 1 +"},
	{"swap an address space", regexp.MustCompile(`\bdevice (const )?(\w+) \*`), "threadgroup $1$2 *"},
	{"swap an address space", regexp.MustCompile(`\bdevice (\w+) \*`), "constant $1 *"},
	{"swap an address space", regexp.MustCompile(`\bconstant (\w+) \*`), "threadgroup $1 *"},
	{"swap an address space", regexp.MustCompile(`^( *)threadgroup (\w+) (\w+\[)`), "${1}device $2 $3"},
	{"drop a bounds check", regexp.MustCompile(`[-+*/%\w() ]+ >= [-+*/%\w() ]+(\) \{)`), "false$1"},
	{"drop a bounds check", regexp.MustCompile(`(if \(|&& |\? |= )[-+*/%\w() ]+ < [-+*/%\w ]+( &&|\) \{| \?|;)`), "${1}true$2"},
	{"drop a bounds check", regexp.MustCompile(`(if \(|&& |\? |= )0L? <= [-+*/%\w() ]+( &&|\) \{| \?|;)`), "${1}true$2"},
	{"run a loop once more", regexp.MustCompile(`(for \(.*; \w+) < `), "$1 <= "},
	{"leave a lane out", regexp.MustCompile(`step > 0u`), "step > 1u"},
	{"let every lane store", regexp.MustCompile(`if \((?:lane|tid) == 0u\)`), "if (true)"},
}

// declaration is of an array, where the number is a size.
var declaration = regexp.MustCompile(`^ *(threadgroup )?\w+ \w+\[\d+\];$`)

// A kernelMutant is a function that stands beside the original in a text.
type kernelMutant struct {
	Mutant
	original string // name of the function
	name     string
	text     string
}

// A function is a kernel in the text that codegen prints.
type function struct{ name, text string }

var functionHead = regexp.MustCompile(`(?m)^kernel void (\w+)\(`)

// functions splits a text, each kernel with its comment left out.
func functions(text string) []function {
	var all []function
	for _, at := range functionHead.FindAllStringSubmatchIndex(text, -1) {
		end := strings.Index(text[at[0]:], "\n}\n") + len("\n}\n")
		all = append(all, function{text[at[2]:at[3]], text[at[0] : at[0]+end]})
	}
	return all
}

// mutate makes all mutants of a kernel.
func (f function) mutate() []kernelMutant {
	var all []kernelMutant
	lines := strings.Split(f.text, "\n")
	for n, line := range lines {
		for _, r := range rules {
			if r.name == "shift an index" && declaration.MatchString(line) {
				continue
			}
			for _, at := range r.at.FindAllStringSubmatchIndex(line, -1) {
				changed := line[:at[0]] + string(r.at.ExpandString(nil, r.by, line, at)) + line[at[1]:]
				m := kernelMutant{
					Mutant:   Mutant{Rule: r.name, Where: f.name, Change: fmt.Sprintf("%s → %s", strings.TrimSpace(line), strings.TrimSpace(changed))},
					original: f.name,
					name:     fmt.Sprintf("%s_m%d", f.name, len(all)),
				}
				body := strings.Join(append(append(append([]string{}, lines[:n]...), changed), lines[n+1:]...), "\n")
				m.text = strings.Replace(body, "kernel void "+f.name+"(", "kernel void "+m.name+"(", 1)
				all = append(all, m)
			}
		}
	}
	return all
}
