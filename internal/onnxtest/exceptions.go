package onnxtest

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Exceptions are the cases of a suite that do not pass, with reasons: a file with a line for
// each, the case, a tab and the reason, in the order of the cases.
type Exceptions struct {
	file    string
	reasons map[string]string
}

// ReadExceptions reads a file of exceptions.
func ReadExceptions(file string) (*Exceptions, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	e := &Exceptions{file, map[string]string{}}
	last := ""
	for line := range strings.Lines(string(text)) {
		name, reason, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok || reason == "" || name <= last {
			return nil, fmt.Errorf("%s: %q is no case with a reason behind %q", file, line, last)
		}
		e.reasons[name], last = reason, name
	}
	return e, nil
}

// Has reports whether a case is listed.
func (e *Exceptions) Has(name string) bool { return e.reasons[name] != "" }

// Wrong are the results that are not as listed: what does not pass and is not listed, and
// what is listed and passes, or was not run.
func (e *Exceptions) Wrong(results []Result) (wrong []string) {
	left := map[string]bool{}
	for name := range e.reasons {
		left[name] = true
	}
	for _, r := range results {
		delete(left, r.Case)
		switch listed := e.Has(r.Case); {
		case r.Verdict == Passed && listed:
			wrong = append(wrong, fmt.Sprintf("%s passes, but is listed in %s: %s", r.Case, e.file, e.reasons[r.Case]))
		case r.Verdict != Passed && !listed:
			wrong = append(wrong, fmt.Sprintf("%s %s: %s", r.Case, r.Verdict, r.Reason))
		}
	}
	for name := range left {
		wrong = append(wrong, fmt.Sprintf("%s is listed in %s, but is no case", name, e.file))
	}
	slices.Sort(wrong)
	return wrong
}

// Update writes the file as the results are. Reasons that are there stay.
func (e *Exceptions) Update(results []Result) error {
	var lines []string
	for _, r := range results {
		if r.Verdict == Passed {
			continue
		}
		reason := e.reasons[r.Case]
		if reason == "" {
			reason = r.Reason
		}
		lines = append(lines, r.Case+"\t"+reason+"\n")
	}
	slices.Sort(lines)
	return os.WriteFile(e.file, []byte(strings.Join(lines, "")), 0o644)
}
