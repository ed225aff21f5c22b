package mlxc_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"testing"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/codegen"
	"github.com/mlxc/mlxc/internal/required"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// onARM64 is the go command with args, where what it runs is built for arm64 and runs
// under an emulator, unless this is arm64.
func onARM64(t *testing.T, command string, args ...string) *exec.Cmd {
	t.Helper()
	if goruntime.GOARCH == "arm64" {
		return exec.Command("go", append([]string{command}, args...)...)
	}
	const emulator = "qemu-aarch64"
	if _, err := exec.LookPath(emulator); err != nil {
		required.Skip(t, fmt.Errorf("%w (Debian: apt-get install qemu-user)", err))
	}
	cmd := exec.Command("go", append([]string{command, "-exec", emulator}, args...)...)
	cmd.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	return cmd
}

// mainPackage compiles a module for the CPU into a package main of its own with more
// files, and returns its folder.
func mainPackage(t *testing.T, m *ir.Module, source string, more map[string]string) string {
	t.Helper()
	p, err := mlxc.Compile(m, mlxc.Options{Package: "main", Tables: true, Source: source, Targets: []ir.Target{ir.CPU}})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("testdata", "main-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	files := p.Files
	for name, from := range more {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, codegen.File{Name: name, Data: text})
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Generated packages read digits on arm64 as they do here.
func TestARM64Models(t *testing.T) {
	if goruntime.GOARCH == "arm64" || testing.Short() {
		t.Skip("all tests are of arm64 there, and an emulator takes long")
	}
	out, err := onARM64(t, "test", "-short", "-v", "-count=1", "-run=^Test(DigitsSamples|MNIST|ThreadsGiveTheSameBits|SteadyStateAllocatesNothing)$", ".").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// On pictures of 64 by 64 pixels, which an emulator has done in seconds, SqueezeNet gives
// the same logits on arm64.
func TestARM64SqueezeNet(t *testing.T) {
	if testing.Short() {
		t.Skip("an emulator takes long")
	}
	const size = 64
	weights := squeezenetWeights(t)
	load := func() *ir.Module {
		m, err := mlxc.Load(squeezenetPath, mlxc.Source{Set: map[string]string{"size": fmt.Sprint(size)}})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	x := corner(t, channelsLast(t, readNPY(t, filepath.Join(filepath.Dir(weights), "test_data_set", "0", "input_0.npy"))), size)
	var in bytes.Buffer
	if err := runtime.WriteNPY(&in, x); err != nil {
		t.Fatal(err)
	}
	runner, err := mlxc.BuildRunner(context.Background(), load(), "squeezenet.mlx", ir.CPU, nil)
	if err != nil {
		t.Fatal(err)
	}
	var here, there, message bytes.Buffer
	if err := runner.Run(context.Background(), "classify", weights, 0, bytes.NewReader(in.Bytes()), &here); err != nil {
		t.Fatal(err)
	}
	dir := mainPackage(t, load(), "squeezenet.mlx", map[string]string{"main.go": "runner_main.go.txt", "exit.go": "runner_exit.go.txt", "programs.go": "runner_one.go.txt"})
	cmd := onARM64(t, "run", "./"+dir, "0", "classify", weights, "0")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &there, &message
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, message.Bytes())
	}
	logits := func(b *bytes.Buffer) []float32 {
		a, err := runtime.ReadNPY(b, math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		return floats(t, a)
	}
	checkLogits(t, "arm64", logits(&there), logits(&here))
}
