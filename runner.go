package mlxc

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/mlxc/mlxc/codegen"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

// runnerMain is the main function of a model that was built to be run: inputs
// come from standard input as .npy arrays in order, results go to standard output
// the same way.
//
//go:embed runner_main.go.txt
var runnerMain []byte

// runnerOne names the one program that a main function has.
//
//go:embed runner_one.go.txt
var runnerOne []byte

// runnerExit says how such a program ends by an error.
//
//go:embed runner_exit.go.txt
var runnerExit []byte

// A Runner is a model built as a program of its own, or with others.
type Runner struct {
	path   string
	number int // of the model in the program
}

// ErrNoGo means that there is no Go toolchain to build a model with.
var ErrNoGo = errors.New("running a model needs the command go; install Go, or use --device reference")

// BuildRunner compiles a module for one target and builds it into the user's cache,
// under a name made from everything that goes into it; what is there already is not
// built again. building, if not nil, is called before a build that takes seconds.
func BuildRunner(ctx context.Context, m *ir.Module, source string, target ir.Target, building func()) (*Runner, error) {
	main := []codegen.File{{Name: "main.go", Data: runnerMain}, {Name: "programs.go", Data: runnerOne}}
	path, err := buildProgram(ctx, m, source, target, main, nil, building)
	if err != nil {
		return nil, err
	}
	return &Runner{path: path}, nil
}

// buildProgram builds a module with a main function, which may need more of the
// runtime, and returns the path of the program.
func buildProgram(ctx context.Context, m *ir.Module, source string, target ir.Target, main []codegen.File, more []embed.FS, building func()) (string, error) {
	p, err := Compile(m, Options{Package: "main", Tables: true, Source: source, Targets: []ir.Target{target}})
	if err != nil {
		return "", err
	}
	goTool, err := findGo()
	if err != nil {
		return "", err
	}
	version, err := exec.CommandContext(ctx, goTool, "env", "GOVERSION").Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w", err)
	}
	files, err := runnerFiles(append(p.Files, main...), target, more)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "mlxc", "run", runnerKey(files, string(version)))
	path := filepath.Join(dir, "model")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if building != nil {
		building()
	}
	return path, buildRunner(ctx, goTool, dir, files)
}

func findGo() (string, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return "", ErrNoGo
	}
	return path, nil
}

// runnerFiles lays out a module that needs nothing but itself: the files of models and of
// their main function, and the runtime in the place of the real module. Metal needs purego
// too, which lies in the module cache since mlxc itself was built with it.
func runnerFiles(own []codegen.File, target ir.Target, more []embed.FS) ([]codegen.File, error) {
	require, sums, sources := "", "", append([]embed.FS{runtimeSource}, more...)
	if target == ir.Metal {
		require, sums = linesWith(goMod, purego), linesWith(goSum, purego)
		sources = append(sources, metalSource)
	}
	files := append(slices.Clone(own),
		codegen.File{Name: "exit.go", Data: runnerExit},
		codegen.File{Name: "go.mod", Data: []byte("module model\n\ngo 1.26\n\nrequire (\n\tgithub.com/mlxc/mlxc v0.0.0\n" + require + ")\n\nreplace github.com/mlxc/mlxc => ./mlxc\n")},
		codegen.File{Name: "go.sum", Data: []byte(sums)},
		codegen.File{Name: "mlxc/go.mod", Data: []byte("module github.com/mlxc/mlxc\n\ngo 1.26\n\nrequire (\n" + require + ")\n")})
	for _, source := range sources {
		err := fs.WalkDir(source, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := source.ReadFile(path)
			files = append(files, codegen.File{Name: "mlxc/" + path, Data: text})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

const purego = "github.com/ebitengine/purego "

// linesWith is the lines of a text that name a module.
func linesWith(text, module string) string {
	var lines strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, module) {
			lines.WriteString(line)
		}
	}
	return lines.String()
}

func runnerKey(files []codegen.File, version string) string {
	h := sha256.New()
	fmt.Fprintln(h, version, runtime.GOOS, runtime.GOARCH)
	for _, f := range files {
		fmt.Fprintln(h, f.Name, len(f.Data))
		h.Write(f.Data)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// buildRunner builds in a temporary folder and renames it, so that half a build is
// never found.
func buildRunner(ctx context.Context, goTool, dir string, files []codegen.File) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), ".build-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := writeFiles(temp, files); err != nil {
		return err
	}
	if out, err := goBuild(ctx, goTool, temp); err != nil {
		return fmt.Errorf("go build of the generated model: %w\n%s", err, out)
	}
	if err := os.Rename(temp, dir); err != nil {
		if _, found := os.Stat(filepath.Join(dir, "model")); found == nil { // somebody else built it meanwhile
			return nil
		}
		return err
	}
	return nil
}

// writeFiles writes files below a folder.
func writeFiles(dir string, files []codegen.File) error {
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Data, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// goBuild builds the program in a folder as its file model. out is what go build says.
func goBuild(ctx context.Context, goTool, dir string) (out []byte, err error) {
	// The tag brings Metal to where it is not part of the system, for tests.
	cmd := exec.CommandContext(ctx, goTool, "build", "-trimpath", "-tags", "mlxc_metal", "-o", "model", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOTOOLCHAIN=local")
	out, err = cmd.CombinedOutput()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return out, err
}

// How the built program ends when a kernel panicked, and when its device is not
// there or failed.
const (
	runnerBug    = 3
	runnerDevice = 4
)

// ErrDevice means that a model could not run on its device.
var ErrDevice = errors.New("device failed")

// Run runs an entry with weights from a file. inputs is .npy arrays one behind
// the other, results are written to w the same way; threads 0 means all. given are
// the sizes that the entry is given.
func (r *Runner) Run(ctx context.Context, entry, weights string, threads int, inputs io.Reader, w io.Writer, given ...int64) error {
	args := []string{fmt.Sprint(r.number), entry, weights, fmt.Sprint(threads)}
	for _, n := range given {
		args = append(args, fmt.Sprint(n))
	}
	return runProgram(ctx, r.path, inputs, w, args...)
}

// Pack writes a packed file of the weights in a file: see the runtime's Model.Pack.
func (r *Runner) Pack(ctx context.Context, weights, path string, progress func(done, all int64)) error {
	from, to := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- to.CloseWithError(runProgram(ctx, r.path, nil, to, "--pack", weights, path))
	}()
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		var done, all int64
		if _, err := fmt.Sscan(lines.Text(), &done, &all); err == nil {
			progress(done, all)
		}
	}
	<-ended
	return lines.Err()
}

// runProgram runs a program that buildProgram has built.
func runProgram(ctx context.Context, path string, in io.Reader, out io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it can clean up
	cmd.WaitDelay = 10 * time.Second
	var messages bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, &messages
	err := cmd.Run()
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	if text := strings.TrimSpace(messages.String()); text != "" {
		err = errors.New(text)
	}
	if cmd.ProcessState == nil { // it did not start
		return err
	}
	switch cmd.ProcessState.ExitCode() {
	case runnerBug:
		return &passes.InternalError{Pass: "run", Err: err}
	case runnerDevice:
		return fmt.Errorf("%w: %w", ErrDevice, err)
	}
	return err
}
