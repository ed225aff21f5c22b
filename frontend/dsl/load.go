// Package dsl reads models in the .mlx language. It parses, evaluates what is
// known at compile time, inlines functions and blocks, and builds the program
// with package mlx, which checks shapes and dtypes.
package dsl

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// Options are what a model gets from outside.
type Options struct {
	// ReadFile reads the model and the files that it imports, by paths relative
	// to the same place as the model's own; nil: os.ReadFile.
	ReadFile func(name string) ([]byte, error)

	Set     map[string]string // config values, written as in the language
	Config  map[string]any    // the object of a config.json, as encoding/json decodes it
	Dims    map[string]int64  // dims of the model that are fixed; within their bounds
	Weights string            // name of the checkpoint, which picks the clause of its format; empty: the first clause
	Name    string            // of the module; empty: the file's name without .mlx

	// Warnings takes what looks like a mistake and is none; nil: nobody looks, and a
	// variable that is assigned and never read is an error.
	Warnings *ir.Diagnostics
}

//go:embed std/*.mlx
var std embed.FS

// prelude is the file whose functions every file sees.
const preludeFile = "prelude.mlx"

// Source gives the text of a file that a diagnostic names, for its excerpts: a
// file of the standard library, or one that ReadFile reads.
func (o Options) Source(file string) ([]byte, bool) {
	if src, err := std.ReadFile("std/" + file); err == nil {
		return src, true
	}
	src, err := o.read(file)
	return src, err == nil
}

func (o Options) read(file string) ([]byte, error) {
	if o.ReadFile != nil {
		return o.ReadFile(file)
	}
	return os.ReadFile(file)
}

// Load compiles the model in a file. The error is ir.Diagnostics.
func Load(file string, opts Options) (*mlx.Program, error) {
	return compile(file, opts, func(in *context, f *File) bool {
		for _, d := range f.Decls {
			if d.Member != nil && d.Member.Fn != nil && d.Member.Fn.Kind == "entry" {
				in.buildEntry(d.Member.Fn, d.Annos)
			}
		}
		return true
	})
}

// compile runs the top level of a model, and then build, which makes its entries. The
// program is nil, without an error, if build has nothing to make.
func compile(file string, opts Options, build func(in *context, f *File) (some bool)) (program *mlx.Program, err error) {
	name := opts.Name
	if name == "" {
		name = strings.TrimSuffix(path.Base(strings.ReplaceAll(file, `\`, "/")), ".mlx")
	}
	c := &compiler{opts: opts, b: mlx.New(name), files: map[string]*source{}}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(giveUp); !ok {
				c.b.SetPos(&ir.Pos{File: file})
				c.b.Fail(fmt.Sprintf("internal error: %v", r), "")
			}
			program, err = c.finish()
		}
	}()
	c.prelude = c.open(preludeFile, nil, true)
	main := c.open(file, nil, false)
	if c.b.Failed() {
		return c.finish()
	}
	main.main, c.main = true, main
	(&context{compiler: c, file: main}).checkSet()
	c.runFile(c.prelude, "")
	in := c.runFile(main, "")
	c.declareWeights()
	for _, name := range keys(opts.Dims) {
		if !main.declares[name] {
			c.report(ir.Diagnostic{Pos: &ir.Pos{File: file}, Msg: fmt.Sprintf("the model has no dim `%s`", name), Hint: didYouMean(name, keys(main.declares))})
		}
	}
	if !build(in, main.file) && !c.b.Failed() {
		return nil, nil
	}
	return c.finish()
}

// finish ends the build. What is wrong comes back once for each place: many
// layers may use a function with a mistake.
func (c *compiler) finish() (*mlx.Program, error) {
	program, err := c.b.Build()
	if err == nil && c.opts.Warnings != nil {
		*c.opts.Warnings = append(*c.opts.Warnings, c.b.Unrenamed()...)
	}
	if err == nil {
		return program, nil
	}
	var all, once ir.Diagnostics
	errors.As(err, &all)
	seen := map[string]bool{}
	for _, d := range all {
		if at := (&ir.Pos{File: d.Pos.File, Line: d.Pos.Line, Col: d.Pos.Col}).String(); !seen[at] {
			seen[at] = true
			once = append(once, d)
		}
	}
	return nil, once
}

// A compiler compiles one model.
type compiler struct {
	opts    Options
	b       *mlx.Builder
	files   map[string]*source // by name
	prelude *source
	main    *source
	weights bool // they are declared
	steps   int
	wrong   int
}

// A source is a file, and what it declares once it has run.
type source struct {
	name     string
	file     *File
	scope    *scope
	declares map[string]bool
	policy   *policy // of its default line
	main     bool
	std      bool
	ran      bool
}

// open reads and parses a file, and checks its names. at is the import, nil for
// the model itself. What is wrong is recorded; the result is nil then.
func (c *compiler) open(name string, at *ir.Pos, library bool) *source {
	if at == nil {
		at = &ir.Pos{File: name}
	}
	key := name
	read := c.opts.read
	if library {
		key = "library " + name
		read = func(string) ([]byte, error) { return std.ReadFile("std/" + name) }
	}
	if s, ok := c.files[key]; ok {
		return s
	}
	src, err := read(name)
	if err != nil {
		c.report(ir.Diagnostic{Pos: at, Msg: err.Error()})
		return nil
	}
	f, err := Parse(name, src)
	if err != nil {
		var wrong ir.Diagnostics
		errors.As(err, &wrong)
		for _, d := range wrong {
			c.report(d)
		}
		return nil
	}
	s := &source{name: name, file: f, scope: &scope{vars: map[string]value{}}, declares: map[string]bool{}, std: library}
	names := &nameScope{names: map[string]*declared{}}
	for _, d := range f.Decls {
		(&nameCheck{}).declare(d, names)
	}
	for n := range names.names {
		s.declares[n] = true
	}
	c.files[key] = s
	check := checkNames(f, c.universeNames())
	wrong := check.diags
	if c.opts.Warnings == nil {
		wrong = append(wrong, check.unread...)
	} else if !library {
		*c.opts.Warnings = append(*c.opts.Warnings, check.warnings(at.Line == 0 && f.runs())...)
	}
	for _, d := range wrong {
		c.report(d)
	}
	if len(wrong) > 0 {
		return nil
	}
	return s
}

// universeNames are the names that every file sees.
func (c *compiler) universeNames() []string {
	names := append(builtinNames(), typeNames()...)
	names = append(names, keys(constants)...)
	if c.prelude != nil {
		names = append(names, keys(c.prelude.declares)...)
	}
	return names
}

// runFile runs a file's top level, whose members get paths below path.
func (c *compiler) runFile(s *source, path string) *context {
	in := &context{compiler: c, file: s, scope: s.scope}
	s.ran = true
	for _, d := range s.file.Decls {
		switch {
		case d.Import != nil:
			for _, item := range d.Import.Items {
				in.importFile(item)
			}
		case d.Block != nil:
			in.define(d.Block.Name, &blockType{decl: d.Block, annos: d.Annos, file: s})
		case d.Kernel != nil:
			in.define(d.Kernel.Name, in.declareKernel(d.Kernel, d.Annos))
		case d.Member != nil && d.Member.Fn != nil:
			in.define(d.Member.Fn.Name, &function{decl: d.Member.Fn, annos: d.Annos, file: s, scope: s.scope})
			if d.Member.Fn.Kind == "entry" && !s.main {
				in.errorf(d.Member.Fn.Name.span(), "an imported file has no entries")
			}
		}
	}
	for _, d := range s.file.Decls {
		switch {
		case d.Config != nil && !s.main:
			in.errorf(Span{d.Config.Pos, 0}, "an imported file has no config")
		case d.Config != nil:
			in.config(d.Config)
		case d.Weights != nil && !s.main:
			in.errorf(Span{d.Weights.Pos, 0}, "an imported file names no weights")
		case d.Const != nil:
			in.define(d.Const.Name, in.eval(d.Const.Value))
		case d.Dims != nil:
			for _, b := range d.Dims.Items {
				in.dim(b)
			}
		case d.Default != nil:
			var annos []*Anno
			for _, a := range d.Default.Annos {
				annos = append(annos, &Anno{a.Name, a.Args})
			}
			in.policy = in.annotated(in.policy, annos).asDefault()
			p := in.policy
			s.policy = &p
		case d.Member != nil && d.Member.Fn == nil:
			d.Member.Annos = d.Annos
			in.member(d.Member, path)
		}
	}
	return in
}

func (c *context) importFile(item *ImportItem) {
	at := Span{item.Pos, 0}
	name := &Ident{Pos: item.Pos, Name: item.alias()}
	var s *source
	switch {
	case item.Std != "" && !slices.Contains(stdNames(), item.Std):
		hint := didYouMean(item.Std, stdNames())
		if hint == "" {
			hint = importHint
		}
		c.hintf(name.span(), hint, "there is no library `%s`", item.Std)
	case item.Std != "":
		s = c.open(item.Std+".mlx", c.at(name.span()), true)
	default:
		s = c.open(path.Join(path.Dir(c.file.name), string(item.Path)), c.at(at), false)
	}
	if s != nil && s.main {
		c.errorf(at, "the model imports itself")
		s = nil
	}
	if s == nil {
		c.define(name, poison{})
		return
	}
	if !s.ran {
		c.compiler.runFile(s, name.Name)
	}
	c.define(name, &module{s})
}

// stdNames are the libraries of the standard library.
func stdNames() []string {
	files, _ := std.ReadDir("std")
	var names []string
	for _, f := range files {
		if f.Name() != preludeFile {
			names = append(names, strings.TrimSuffix(f.Name(), ".mlx"))
		}
	}
	return names
}

// dim declares a dim: B <= 8 is 0 to 8, 1 <= B <= 8 has both bounds.
func (c *context) dim(b *DimBound) {
	name := b.name()
	cmp, ok := b.Bound.(*Compare)
	for _, op := range opsOf(cmp) {
		ok = ok && op == "<="
	}
	if name == nil || !ok {
		c.hintf(b.Bound.span(), "`dim B <= 8`, or `dim 1 <= B <= 8`", "a dim needs an upper bound")
		if name != nil {
			c.scope.vars[name.Name] = poison{}
		}
		return
	}
	min, max := int64(0), int64(0)
	bounds := []*int64{&min, nil, &max}[3-len(cmp.Args):]
	for i, to := range bounds {
		if to == nil {
			continue
		}
		n, ok := c.size(cmp.Args[i], "a bound")
		k, known := n.Int()
		if ok && !known {
			c.errorf(cmp.Args[i].span(), "a bound must be known at compile time")
		}
		if !ok || !known {
			c.scope.vars[name.Name] = poison{}
			return
		}
		*to = k
	}
	if min < 0 || max < min {
		c.errorf(b.Bound.span(), "no size lies between %d and %d", min, max)
		c.scope.vars[name.Name] = poison{}
		return
	}
	if n, fixed := c.opts.Dims[name.Name]; fixed && c.file.main {
		if n < min || n > max {
			c.errorf(name.Span, "dim `%s` is fixed at %d, outside its bounds", name.Name, n)
		}
		c.define(&Ident{name.Pos, name.Name}, ir.N(n))
		return
	}
	d := &ir.Dim{Name: name.Name, Min: min, Max: max}
	if c.file.main {
		c.b.SetPos(c.at(name.Span))
		d = c.b.DimRange(name.Name, min, max).Terms()[0].Atoms[0].Dim
	}
	c.define(&Ident{name.Pos, name.Name}, dimName{d, c.file.main})
}

func opsOf(c *Compare) []string {
	if c == nil {
		return nil
	}
	return c.Ops
}
