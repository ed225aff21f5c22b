package mlxc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/mlxc/mlxc/codegen"
	"github.com/mlxc/mlxc/ir"
)

// A Batch is models that are built as one program, which takes much less time than one for
// each.
type Batch struct {
	dir    string
	target ir.Target
	mu     sync.Mutex
	models []batched
}

// A batched is a model of a batch, as a package of its own.
type batched struct {
	name  string // of its folder, made from what is in it
	files []codegen.File
}

// batchExport gives the tables of a package to the main function.
var batchExport = codegen.File{Name: "export.go", Data: []byte(`package model

import "github.com/mlxc/mlxc/runtime"

func Program() *runtime.Program { return &program }
`)}

// NewBatch starts a batch, whose files are in a temporary folder until Close.
func NewBatch(target ir.Target) (*Batch, error) {
	dir, err := os.MkdirTemp("", "mlxc-*")
	return &Batch{dir: dir, target: target}, err
}

// Close removes the files.
func (b *Batch) Close() error { return os.RemoveAll(b.dir) }

// Add compiles a model, and says as which of the batch; several goroutines may. An error is
// as of Compile.
func (b *Batch) Add(m *ir.Module, source string) (number int, err error) {
	p, err := Compile(m, Options{Package: "model", Tables: true, Source: source, Targets: []ir.Target{b.target}})
	if err != nil {
		return 0, err
	}
	one := batched{files: append(p.Files, batchExport)}
	h := sha256.New()
	for _, f := range one.files {
		fmt.Fprintln(h, f.Name, len(f.Data))
		h.Write(f.Data)
	}
	one.name = "m" + hex.EncodeToString(h.Sum(nil)[:16])
	for i := range one.files {
		one.files[i].Name = one.name + "/" + one.files[i].Name
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.models = append(b.models, one)
	return len(b.models) - 1, nil
}

// brokenPackage is the head of what go build says about a package.
var brokenPackage = regexp.MustCompile(`(?m)^# model/(m[0-9a-f]+)$`)

// Build builds the program. Models that Go does not compile are left out; errs has why, by
// their numbers, and runners is nil there.
func (b *Batch) Build(ctx context.Context) (runners []*Runner, errs []error, err error) {
	b.mu.Lock() // a caller may have left an Add behind that took too long
	defer b.mu.Unlock()
	goTool, err := findGo()
	if err != nil {
		return nil, nil, err
	}
	wrong := map[string]error{} // by name
	for {
		files, err := b.files(wrong)
		if err != nil {
			return nil, nil, err
		}
		if err := writeFiles(b.dir, files); err != nil {
			return nil, nil, err
		}
		out, err := goBuild(ctx, goTool, b.dir)
		if err == nil {
			break
		}
		found := brokenPackage.FindAllSubmatchIndex(out, -1)
		if ctx.Err() != nil || len(found) == 0 {
			return nil, nil, fmt.Errorf("go build of the generated models: %w\n%s", err, out)
		}
		for i, at := range found {
			end := len(out)
			if i+1 < len(found) {
				end = found[i+1][0]
			}
			wrong[string(out[at[2]:at[3]])] = errors.New("go build: " + string(bytes.TrimSpace(out[at[1]:end])))
		}
	}
	path := filepath.Join(b.dir, "model")
	for i, m := range b.models {
		if errs = append(errs, wrong[m.name]); errs[i] != nil {
			runners = append(runners, nil)
			continue
		}
		runners = append(runners, &Runner{path, i})
	}
	return runners, errs, nil
}

// files are those of the program, without the models that are wrong.
func (b *Batch) files(wrong map[string]error) ([]codegen.File, error) {
	var own []codegen.File
	var imports, list bytes.Buffer
	seen := map[string]bool{}
	for _, m := range b.models {
		if wrong[m.name] != nil {
			fmt.Fprintln(&list, "\tnil,")
			continue
		}
		fmt.Fprintf(&list, "\t%s.Program(),\n", m.name)
		if !seen[m.name] { // models may be the same
			seen[m.name] = true
			own = append(own, m.files...)
			fmt.Fprintf(&imports, "\t%s \"model/%s\"\n", m.name, m.name)
		}
	}
	text := fmt.Sprintf("package main\n\nimport (\n\t\"github.com/mlxc/mlxc/runtime\"\n%s)\n\nvar programs = []*runtime.Program{\n%s}\n", &imports, &list)
	own = append(own, codegen.File{Name: "main.go", Data: runnerMain}, codegen.File{Name: "programs.go", Data: []byte(text)})
	return runnerFiles(own, b.target, nil)
}
