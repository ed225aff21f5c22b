package mlxc

import (
	"context"
	"embed"
	_ "embed"
	"encoding/json"
	"errors"
	"io"

	"github.com/mlxc/mlxc/codegen"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime/bench"
)

// benchMain is the main function of a model that was built to be measured.
//
//go:embed bench_main.go.txt
var benchMain []byte

// benchSource is what it needs besides the runtime.
//
//go:embed runtime/bench/*
var benchSource embed.FS

// A Bench is a model built as a program that measures itself.
type Bench struct {
	path string
}

// BuildBench is BuildRunner for a program that is measured.
func BuildBench(ctx context.Context, m *ir.Module, source string, target ir.Target, building func()) (*Bench, error) {
	path, err := buildProgram(ctx, m, source, target, []codegen.File{{Name: "main.go", Data: benchMain}}, []embed.FS{benchSource}, building)
	if err != nil {
		return nil, err
	}
	return &Bench{path}, nil
}

// Run measures as the config says, at the pace of in if it says so, and gives each
// sample to take when it is there.
func (b *Bench) Run(ctx context.Context, c bench.Config, in io.Reader, take func(bench.Sample)) error {
	config, err := json.Marshal(c)
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	done := make(chan error)
	go func() {
		for d := json.NewDecoder(r); ; {
			var s bench.Sample
			if err := d.Decode(&s); err != nil {
				done <- err
				r.CloseWithError(err)
				return
			}
			take(s)
		}
	}()
	err = runProgram(ctx, b.path, in, w, string(config))
	w.Close()
	if read := <-done; err == nil && !errors.Is(read, io.EOF) {
		err = read
	}
	return err
}
