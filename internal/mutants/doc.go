// Package mutants breaks kernels and launches on purpose and looks whether that is
// found: a check that lets a bug pass is none. A mutant is one change of a printed
// kernel, by the rules of kernel.go, or of a program's launches, by those of
// launch.go. It is killed where the lint or the compiler refuses it, where a run
// finds something wrong, and where a result differs from that of the original in a
// single bit.
//
// What survives either is a hole in the checks or means the same as the original.
// survivors.txt lists those of the second kind, each with the proof.
package mutants

import (
	_ "embed"
	"fmt"
	"strings"
)

// A Mutant is one change.
type Mutant struct {
	Rule   string
	Where  string // the kernel or launch
	Change string // what became of what
	Killer string // who found it: lint, compiler, a kind of finding, result, …; empty: nobody
}

func (m Mutant) String() string { return fmt.Sprintf("%s: %s: %s", m.Where, m.Rule, m.Change) }

//go:embed survivors.txt
var survivorsText string

// A Proof says why mutants that begin like Prefix mean the same as their original.
type Proof struct{ Prefix, Because string }

// proofs reads the list of survivors: a line that starts a mutant, and under it,
// indented, why it is none.
func proofs() []Proof {
	var all []Proof
	for line := range strings.Lines(survivorsText) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "    "):
			last := &all[len(all)-1]
			last.Because = strings.TrimSpace(last.Because + " " + strings.TrimSpace(line))
		default:
			all = append(all, Proof{Prefix: line})
		}
	}
	return all
}

// Unproved are the survivors that no proof speaks of, and the proofs that speak of
// no survivor.
func Unproved(mutants []Mutant) (survivors []Mutant, stale []Proof) {
	used := map[Proof]bool{}
	for _, m := range mutants {
		if m.Killer != "" {
			continue
		}
		found := false
		for _, p := range proofs() {
			if strings.HasPrefix(m.String(), p.Prefix) && p.Because != "" {
				found, used[p] = true, true
			}
		}
		if !found {
			survivors = append(survivors, m)
		}
	}
	for _, p := range proofs() {
		if !used[p] {
			stale = append(stale, p)
		}
	}
	return survivors, stale
}
