package onnx

import (
	"fmt"
	"slices"
	"strings"
)

// Unsupported says what of a model is not covered: which operators, and where they are, or,
// if these are, for what reason.
type Unsupported struct {
	Ops    []string            // in order of their first node
	Nodes  map[string][]string // by operator
	Reason string
}

func (u *Unsupported) Error() string {
	if u.Reason != "" {
		return u.Reason
	}
	var parts []string
	for _, op := range u.Ops {
		nodes := u.Nodes[op]
		text := strings.Join(nodes[:min(3, len(nodes))], ", ")
		if len(nodes) > 3 {
			text += fmt.Sprintf(" and %d more", len(nodes)-3)
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", op, text))
	}
	return "operators that are not covered: " + strings.Join(parts, "; ")
}

func (u *Unsupported) add(op, node string) {
	if u.Nodes == nil {
		u.Nodes = map[string][]string{}
	}
	if !slices.Contains(u.Ops, op) {
		u.Ops = append(u.Ops, op)
	}
	u.Nodes[op] = append(u.Nodes[op], node)
}

// Unbound says that inputs decide on a size, an axis or a count, which a program has to
// know when it is compiled.
type Unbound struct {
	Inputs []string
	What   string // that they decide on
}

func (u *Unbound) Error() string {
	var flags []string
	for _, in := range u.Inputs {
		flags = append(flags, fmt.Sprintf("--bind %s=VALUE", in))
	}
	return fmt.Sprintf("%s has to be known when the model is compiled: give %s", u.What, strings.Join(flags, " "))
}

// A failure ends an import: handlers of operators raise it, and build returns its error.
// No other panic is caught.
type failure struct{ err error }

// fail ends the import.
func fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// unsupported ends the import because of what mlxc does not have.
func unsupported(format string, args ...any) {
	panic(failure{&Unsupported{Reason: fmt.Sprintf(format, args...)}})
}

func caught(err *error) {
	switch r := recover().(type) {
	case nil:
	case failure:
		*err = r.err
	default:
		panic(r)
	}
}

// check ends the import if the builder has refused something. what is where it stands.
func (im *importer) check(what string) {
	if wrong := im.b.Errors(); len(wrong) > 0 {
		fail("%s: %s", what, wrong[0].Msg)
	}
}
