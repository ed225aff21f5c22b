package mlx

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// Weights names the checkpoint that the model's params come from: its format,
// safetensors, npz or gguf, and the file, relative to the model.
func (b *Builder) Weights(format, file string) {
	switch {
	case !b.open("weights"):
	case b.module.Checkpoint != nil:
		b.Fail("weights are declared twice", "a model has one checkpoint")
	case !slices.Contains(ir.CheckpointFormats, format):
		b.Fail(fmt.Sprintf("there is no format %q for weights", format), "the formats are safetensors, npz and gguf")
	default:
		b.module.Checkpoint = &ir.Checkpoint{Format: format, File: file}
	}
}

// A rename is what Rename was given.
type rename struct {
	ours    []string // steps
	theirs  string
	options []ParamOption
	pos     *ir.Pos
	used    bool
}

// Rename says what the checkpoint calls the params, and states, that are declared from now
// on and whose path is ours: theirs. A step {i} of ours is any one step, which also stands
// wherever theirs has {i}. The first that fits a path counts. With Load, theirs is turned
// into what the param's own Load, or else the param, asks for.
func (b *Builder) Rename(ours, theirs string, load ...ParamOption) {
	if !b.open("rename") {
		return
	}
	steps := strings.Split(ours, ".")
	places := map[string]bool{} // of ours, that theirs lacks
	for _, step := range steps {
		name := place.FindString(step)
		switch {
		case name != "" && name != step:
			b.Fail(fmt.Sprintf("%s is a part of the step %q: it stands for a whole step", name, step), "steps are between dots, as in \"layers.{i}.weight\"")
			return
		case places[name]:
			b.errorf("%s stands twice in %q", name, ours)
			return
		case name != "":
			places[name] = true
		}
	}
	for _, name := range place.FindAllString(theirs, -1) {
		if _, known := places[name]; !known {
			b.errorf("%q has no step %s, which %q has", ours, name, theirs)
			return
		}
		places[name] = false
	}
	for _, name := range place.FindAllString(ours, -1) {
		if places[name] {
			b.errorf("%q has no step %s, which %q has", theirs, name, ours)
			return
		}
	}
	b.renames = append(b.renames, &rename{steps, theirs, load, b.here(), false})
}

// place is a name in braces, which stands for a step of a path.
var place = regexp.MustCompile(`\{[^{}]*\}`)

// match is what the checkpoint calls a path; ok is false where the rename is not for it.
func (r *rename) match(path string) (theirs string, ok bool) {
	have := strings.Split(path, ".")
	if len(have) != len(r.ours) {
		return "", false
	}
	steps := map[string]string{}
	for i, w := range r.ours {
		switch {
		case place.MatchString(w):
			steps[w] = have[i]
		case w != have[i]:
			return "", false
		}
	}
	return place.ReplaceAllStringFunc(r.theirs, func(name string) string { return steps[name] }), true
}

// renamed gives a param its name in the checkpoint.
func (b *Builder) renamed(p *param) {
	for _, r := range b.renames {
		if theirs, ok := r.match(p.ir.Path); ok {
			r.used = true
			p.ir.Path = theirs
			defer b.SetPos(r.pos)()
			for _, o := range r.options {
				o(b, p)
			}
			return
		}
	}
}

// Unrenamed are warnings of renames that no param fits, which look like mistakes.
func (b *Builder) Unrenamed() (warnings ir.Diagnostics) {
	for _, r := range b.renames {
		if !r.used {
			warnings = append(warnings, ir.Diagnostic{Pos: r.pos, Msg: fmt.Sprintf("no param is called %q", strings.Join(r.ours, ".")), Warning: true})
		}
	}
	return warnings
}
