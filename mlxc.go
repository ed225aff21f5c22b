// Package mlxc compiles models to Go packages. It is what the command mlxc and
// programs that build models in Go call.
package mlxc

import (
	"errors"
	"fmt"
	"go/token"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/mlxc/mlxc/codegen"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

// Options say how a model is compiled.
type Options struct {
	Package string                          // name of the Go package
	Source  string                          // file name of the model, for comments; empty: the module's name
	Targets []ir.Target                     // what it runs on, each once; none: the CPU
	Tables  bool                            // no typed wrappers, only the variable program, for a main function of its own
	Observe func(pass string, m *ir.Module) // sees the module after each pass, one target after the other; nil: they are planned at the same time
}

// A Package is a compiled model.
type Package struct {
	Modules []*ir.Module // after the last pass, one for each target
	Files   []codegen.File
}

// Compile takes a module through all passes for each target and writes the files
// of its Go package in memory. The module stays as it is. An error is
// ir.Diagnostics where the model is wrong, and *passes.InternalError where mlxc is.
func Compile(m *ir.Module, o Options) (*Package, error) {
	if !token.IsIdentifier(o.Package) || o.Package == "_" {
		return nil, fmt.Errorf("%q is no name for a Go package", o.Package)
	}
	if o.Source == "" {
		o.Source = m.Name
	}
	if len(o.Targets) == 0 {
		o.Targets = []ir.Target{ir.CPU}
	}
	for i, target := range o.Targets {
		if slices.Contains(o.Targets[:i], target) {
			return nil, fmt.Errorf("target %s is named twice", target)
		}
	}
	p := &Package{Modules: make([]*ir.Module, len(o.Targets))}
	errs := make([]error, len(o.Targets))
	var wait sync.WaitGroup
	for i, target := range o.Targets {
		wait.Go(func() { p.Modules[i], errs[i] = Plan(m, target, o.Observe) })
		if o.Observe != nil { // it sees one target after the other
			wait.Wait()
		}
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	var wrong ir.Diagnostics
	var err error
	p.Files, err = codegen.Package(p.Modules, o.Package, filepath.Base(o.Source), o.Tables)
	if err != nil && !errors.As(err, &wrong) {
		err = &passes.InternalError{Pass: "codegen", Err: err}
	}
	return p, err
}

// Plan takes a copy of a module through all passes for a target. observe, if not nil,
// sees the copy after each. An error is as of Compile.
func Plan(m *ir.Module, target ir.Target, observe func(pass string, m *ir.Module)) (*ir.Module, error) {
	copied, err := ir.Parse(m.Name, []byte(ir.Print(m)))
	if err != nil {
		return nil, &passes.InternalError{Pass: "copy", Err: err}
	}
	if err := passes.Run(copied, target, observe); err != nil {
		return copied, err
	}
	return copied, lintKernels(copied)
}

// PackageName makes the name of a folder a name for the Go package in it.
func PackageName(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return -1
	}, filepath.Base(abs))
	if !token.IsIdentifier(name) {
		return "model" + name
	}
	return name
}

// Version is that of the module mlxc was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return fmt.Sprint(info.Main.Version)
}
