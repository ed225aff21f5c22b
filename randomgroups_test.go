package mlxc

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/gob"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/codegen"
	"github.com/mlxc/mlxc/internal/bounds"
	"github.com/mlxc/mlxc/internal/random"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// randomMain runs programs of a batch, one call after another.
//
//go:embed randomprograms_main.go.txt
var randomMain []byte

// What randomMain takes and gives, as it has them.
type (
	sentArray struct {
		DType runtime.DType
		Shape []int
		Bytes []byte
	}
	sentCall struct {
		Program int
		Weights string
		Entry   string
		Fresh   bool
		Dims    []int
		Inputs  []sentArray
	}
	sentAnswer struct {
		Err     string
		Results []sentArray
	}
)

// A group is programs that are one module, and so one package.
type group struct {
	programs []*randomProgram
	module   *ir.Module
	files    []codegen.File
	weights  []byte
}

// A builder builds programs in a folder and runs them, with each of some sets of instructions.
type builder struct {
	dir            string
	arch, emulator string // as Go names it, and what runs its programs if not this machine
	sets           []string
}

// groupsOf compiles programs as one, or each alone where that fails.
func (to *builder) groupsOf(programs []*randomProgram) []*group {
	g, err := to.newGroup(programs)
	switch {
	case err == nil:
		return []*group{g}
	case len(programs) == 1:
		programs[0].fault = "compile: " + err.Error()
		return nil
	}
	var each []*group
	for _, p := range programs {
		each = append(each, to.groupsOf([]*randomProgram{p})...)
	}
	return each
}

// newGroup compiles programs, and evaluates what they may compute.
func (to *builder) newGroup(programs []*randomProgram) (g *group, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	g = &group{programs: programs}
	var modules []*ir.Module
	for _, p := range programs {
		modules = append(modules, p.module)
	}
	g.module = random.Merge(modules)
	var lowered *ir.Module
	made, err := Compile(g.module, Options{Package: "model", Tables: true, Source: "random.mlxir", Observe: func(pass string, m *ir.Module) {
		if pass == "lower" {
			lowered, err = ir.Parse("random.mlxir", []byte(ir.Print(m)))
		}
	}})
	if err != nil {
		return nil, err
	}
	g.files = append(made.Files, batchExport)
	all := map[string]*ir.Tensor{}
	funcs := g.module.Funcs
	for i, p := range programs {
		known := map[string]*bounds.Bound{}
		for name, x := range p.params {
			if len(programs) > 1 {
				name = fmt.Sprintf("p%d_%s", i, name)
			}
			known[name], all[name] = bounds.Of(x), x
		}
		own := funcs[:len(p.module.Funcs)]
		funcs = funcs[len(own):]
		p.calls, p.want, p.left, p.session = own, nil, false, g.module.SessionDims()
		if len(p.module.States()) > 0 {
			p.calls = slices.Concat(own, own)
		}
		e := bounds.Evaluation{Module: lowered, Fused: to.arch == "arm64", Params: known} // as Go does there
		for n, f := range p.calls {
			results, err := e.Call(f.Name, p.inputs[n%len(own)])
			if errors.Is(err, bounds.ErrNothing) {
				p.left, p.want = true, nil
				break
			}
			if err != nil {
				return nil, err
			}
			p.want = append(p.want, results)
		}
	}
	g.weights, err = safetensors(all)
	return g, err
}

func safetensors(all map[string]*ir.Tensor) ([]byte, error) {
	var specs []runtime.TensorSpec
	var data []byte
	for _, name := range slices.Sorted(maps.Keys(all)) {
		x := all[name]
		specs = append(specs, runtime.TensorSpec{Name: name, Type: x.DType.String(), Shape: x.Shape})
		data = append(data, x.Bytes()...)
	}
	header, _, err := runtime.SafetensorsHeader(specs, nil, 8)
	return append(header, data...), err
}

// runGroups builds groups as one program, and runs each with every set of instructions, its
// kernels whole and split.
func (to *builder) runGroups(t *testing.T, groups []*group) {
	t.Helper()
	var own []codegen.File
	var imports, list strings.Builder
	for i, g := range groups {
		for _, f := range g.files {
			own = append(own, codegen.File{Name: fmt.Sprintf("m%d/%s", i, f.Name), Data: f.Data})
		}
		own = append(own, codegen.File{Name: fmt.Sprintf("m%d.safetensors", i), Data: g.weights})
		fmt.Fprintf(&imports, "\tm%d \"model/m%d\"\n", i, i)
		fmt.Fprintf(&list, "\tm%d.Program(),\n", i)
	}
	text := fmt.Sprintf("package main\n\nimport (\n\t\"github.com/mlxc/mlxc/runtime\"\n%s)\n\nvar programs = []*runtime.Program{\n%s}\n", &imports, &list)
	own = append(own, codegen.File{Name: "main.go", Data: randomMain}, codegen.File{Name: "programs.go", Data: []byte(text)})
	files, err := runnerFiles(own, ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	old, _ := filepath.Glob(filepath.Join(to.dir, "m[0-9]*"))
	for _, path := range old {
		os.RemoveAll(path)
	}
	if err := writeFiles(to.dir, files); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", "model", ".")
	cmd.Dir = to.dir
	cmd.Env = append(os.Environ(), "GOARCH="+to.arch, "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOTOOLCHAIN=local")
	if out, err := cmd.CombinedOutput(); err != nil {
		if len(groups) == 1 && len(groups[0].programs) == 1 {
			groups[0].programs[0].fault = fmt.Sprintf("go build: %v\n%s", err, out)
			return
		}
		var right []*group
		for i, g := range groups {
			if len(groups) > 1 && !bytes.Contains(out, fmt.Appendf(nil, "# model/m%d\n", i)) {
				right = append(right, g)
				continue
			}
			for _, p := range g.programs {
				for _, one := range to.groupsOf([]*randomProgram{p}) {
					to.runGroups(t, []*group{one})
				}
			}
		}
		if len(right) == len(groups) {
			t.Fatalf("go build: %v\n%s", err, out)
		}
		if len(right) > 0 {
			to.runGroups(t, right)
		}
		return
	}
	for _, set := range to.sets {
		for _, split := range []bool{false, true} {
			r := &randomRunner{builder: to, set: set, split: split}
			for i, g := range groups {
				for _, p := range g.programs {
					if !p.left && p.fault == "" {
						p.fault = r.run(i, p)
					}
				}
			}
			r.close()
		}
	}
}

// A randomRunner is a process that runs programs, started anew where one has killed it.
type randomRunner struct {
	*builder
	set      string
	split    bool // kernels run in parts
	cmd      *exec.Cmd
	in       *gob.Encoder
	out      *gob.Decoder
	end      func() error
	messages bytes.Buffer
}

func (r *randomRunner) start() error {
	command := []string{filepath.Join(r.dir, "model")}
	if r.emulator != "" {
		command = append([]string{r.emulator}, command...)
	}
	if r.split {
		command = append(command, "split")
	}
	r.cmd = exec.Command(command[0], command[1:]...)
	r.cmd.Env = append(os.Environ(), "MLXC_CPU="+r.set)
	r.messages.Reset()
	r.cmd.Stderr = &r.messages
	in, err := r.cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	r.in, r.out, r.end = gob.NewEncoder(in), gob.NewDecoder(bufio.NewReader(out)), in.Close
	return r.cmd.Start()
}

func (r *randomRunner) close() {
	if r.cmd != nil {
		r.end()
		r.cmd.Wait()
		r.cmd = nil
	}
}

// run calls the entries of a program, and says what is wrong with the results.
func (r *randomRunner) run(group int, p *randomProgram) string {
	with := ""
	if r.set != "" {
		with = ", MLXC_CPU=" + r.set
	}
	if r.split {
		with += ", in parts"
	}
	for n, f := range p.calls {
		inputs := p.inputs[n%len(p.inputs)]
		answer, err := r.call(group, f, inputs, n == 0, p)
		if err == nil && answer.Err != "" {
			err = errors.New(answer.Err)
		}
		if err != nil {
			return fmt.Sprintf("call: %d%s: %v", n, with, err)
		}
		for i, b := range p.want[n] {
			x := answer.Results[i]
			got, err := ir.TensorOf(ir.DType(x.DType), x.Shape, x.Bytes) // the two packages number dtypes alike
			if err != nil {
				return "result: " + err.Error()
			}
			if diff := b.Difference(got); diff != "" {
				return fmt.Sprintf("result: call %d, of %s: %s%s: %s", n, p.module.Funcs[n%len(p.inputs)].Name, f.Results[i].Name, with, diff)
			}
		}
	}
	return ""
}

func (r *randomRunner) call(group int, f *ir.Func, inputs []*ir.Tensor, fresh bool, p *randomProgram) (answer sentAnswer, err error) {
	if r.cmd == nil {
		if err := r.start(); err != nil {
			return answer, err
		}
	}
	call := sentCall{Program: group, Weights: filepath.Join(r.dir, fmt.Sprintf("m%d.safetensors", group)), Entry: f.Name, Fresh: fresh}
	for _, x := range inputs {
		call.Inputs = append(call.Inputs, sentArray{runtime.DType(x.DType), x.Shape, x.Bytes()})
	}
	dims, err := ir.SolveDims(f, inputs)
	if err != nil {
		return answer, err
	}
	for _, d := range p.session {
		call.Dims = append(call.Dims, int(dims[d.Name]))
	}
	if err = r.in.Encode(call); err == nil {
		err = r.out.Decode(&answer)
	}
	if err != nil {
		r.close()
		err = fmt.Errorf("the process ended: %w: %.2000s", err, r.messages.String())
	}
	return answer, err
}
