package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
)

// sourceFlags are what every command that reads a model takes.
type sourceFlags struct {
	config  string
	set     []string
	weights string // names the checkpoint
	warns   bool   // says what looks like a mistake, and goes on

	onnx onnxFlags
}

func (s *sourceFlags) register(cmd *cobra.Command) {
	s.registerConfig(cmd)
	cmd.Flags().StringVar(&s.weights, "weights", "", "checkpoint `file` (default: the model's own); it picks the model's weights clause of its format")
}

// registerConfig adds what fills the config.
func (s *sourceFlags) registerConfig(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.config, "config", "", "JSON `file` with values for the model's config")
	cmd.Flags().StringArrayVar(&s.set, "set", nil, "`key=value` of the model's config; may be repeated")
}

// source is what the flags give the model.
func (s *sourceFlags) source() (mlxc.Source, error) {
	o := mlxc.Source{Set: map[string]string{}, Weights: s.weights}
	if s.warns {
		o.Warnings = &ir.Diagnostics{}
	}
	for _, kv := range s.set {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return o, usageError{fmt.Errorf("--set wants key=value, got %q", kv)}
		}
		o.Set[k] = v
	}
	if s.config != "" {
		text, err := os.ReadFile(s.config)
		if err != nil {
			return o, err
		}
		var wrong *json.UnmarshalTypeError
		if err := json.Unmarshal(text, &o.Config); errors.As(err, &wrong) {
			return o, fmt.Errorf("%s: it is a JSON %s, not an object {...}", s.config, wrong.Value)
		} else if err != nil {
			return o, fmt.Errorf("%s: %w", s.config, err)
		}
	}
	return o, nil
}

// load reads the model at path. Diagnostics are written to stderr with the lines
// they are about.
func (s *sourceFlags) load(path string, stderr io.Writer) (*ir.Module, error) {
	o, err := s.source()
	if err != nil {
		return nil, err
	}
	if filepath.Ext(path) == ".onnx" {
		return s.importONNX(path, stderr)
	}
	if err := s.onnx.unused(path); err != nil {
		return nil, err
	}
	m, err := mlxc.Load(path, o)
	warn(o, stderr)
	return m, show(err, stderr)
}

// warn writes the warnings of a model that has been loaded.
func warn(o mlxc.Source, stderr io.Writer) {
	if o.Warnings != nil {
		io.WriteString(stderr, o.Warnings.Render(mlxc.SourceText))
		*o.Warnings = nil
	}
}

// A shownError has been written to stderr already.
type shownError struct{ error }

// show writes diagnostics the way people read them; other errors pass.
func show(err error, stderr io.Writer) error { return showWith(err, stderr, mlxc.SourceText) }

func showWith(err error, stderr io.Writer, source func(file string) ([]byte, bool)) error {
	var ds ir.Diagnostics
	if !errors.As(err, &ds) {
		return err
	}
	io.WriteString(stderr, ds.Render(source))
	return &shownError{err}
}
