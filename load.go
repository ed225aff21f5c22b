package mlxc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mlxc/mlxc/frontend/dsl"
	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/ir"
)

// Source is what a model gets from outside: values for its config, or what a file of ONNX
// leaves open.
type Source struct {
	Set     map[string]string // written as in the language
	Config  map[string]any    // the object of a config.json
	Weights string            // name of the checkpoint, which picks the clause of its format; empty: the first clause

	ONNX onnx.Options

	// Warnings takes what looks like a mistake; nil: a variable that is assigned and never
	// read is an error.
	Warnings *ir.Diagnostics
}

// Load reads a model, .mlx, .mlxir or .onnx, down to a verified module. What is wrong
// with the model comes back as ir.Diagnostics. The weights of a file of ONNX are left out:
// onnx.Import has them.
func Load(path string, s Source) (*ir.Module, error) {
	switch filepath.Ext(path) {
	case ".mlx":
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
		p, err := dsl.Load(path, dsl.Options{Set: s.Set, Config: s.Config, Weights: s.Weights, Warnings: s.Warnings})
		if err != nil {
			return nil, err
		}
		return p.Module(), nil
	case ".mlxir":
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return ParseIR(path, text)
	case ".onnx":
		m, err := onnx.Import(path, s.ONNX)
		if err != nil {
			return nil, err
		}
		return m.Program.Module(), nil
	}
	return nil, fmt.Errorf("%s: a model is a file .mlx, .mlxir or .onnx", path)
}

// ParseIR reads and verifies IR text that a person may have written, so that its
// faults are diagnostics.
func ParseIR(path string, text []byte) (*ir.Module, error) {
	m, err := ir.Parse(path, text)
	var syntax *ir.SyntaxError
	if errors.As(err, &syntax) {
		return nil, ir.Diagnostics{{Pos: &syntax.Pos, Msg: syntax.Msg}}
	}
	if err != nil {
		return nil, err
	}
	if err := ir.Verify(m); err != nil {
		return nil, fmt.Errorf("%s: the module does not hold together:\n%w", path, err)
	}
	return m, nil
}

// SourceText is the text of a file that a diagnostic names.
func SourceText(file string) ([]byte, bool) { return dsl.Options{}.Source(file) }
