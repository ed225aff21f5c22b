package dsl

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mlxc/mlxc/ir"
)

// seed adds every model of the repository, and those with mistakes.
func seed(f *testing.F) {
	seeds := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".mlx" {
			return err
		}
		src, err := os.ReadFile(path)
		f.Add(src)
		seeds++
		return err
	})
	for _, m := range mistakes(f) {
		f.Add([]byte(m.program))
	}
	if err != nil || seeds < 60 {
		f.Fatalf("%d seeds: %v", seeds, err)
	}
}

// checkDiagnostics: an error is diagnostics, none of them our own mistake, and
// those about the file stand inside it.
func checkDiagnostics(t *testing.T, err error, file string, src []byte) {
	if err == nil {
		return
	}
	var found ir.Diagnostics
	if !errors.As(err, &found) || len(found) == 0 {
		t.Fatalf("not diagnostics: %v", err)
	}
	lines := strings.Split(string(src), "\n")
	for _, d := range found {
		if strings.Contains(d.Msg, "internal error") || strings.Contains(d.Msg, "cannot be read") {
			t.Error(d)
		}
		for p := d.Pos; p != nil; p = p.From {
			if p.File != file || p.Line == 0 {
				continue
			}
			if p.Line < 1 || p.Line > len(lines) {
				t.Errorf("%v: the file has %d lines", d, len(lines))
				continue
			}
			width := utf8.RuneCountInString(lines[p.Line-1])
			if p.Col < 1 || p.Col > width+1 || p.End != 0 && (p.End < p.Col || p.End > width+1) {
				t.Errorf("%v: columns %d to %d, the line has %d", d, p.Col, p.End, width)
			}
		}
	}
	found.Render(func(string) ([]byte, bool) { return src, true })
}

func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		_, err := Parse("m.mlx", src)
		checkDiagnostics(t, err, "m.mlx", src)
	})
}

func FuzzLoad(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		opts := Options{ReadFile: func(name string) ([]byte, error) {
			switch filepath.Base(name) {
			case "m.mlx":
				return src, nil
			case "half.mlx":
				return []byte("fn half(x: E[...S]) -> E[...S] { return x * 0.5 }\n"), nil
			}
			return nil, fs.ErrNotExist
		}}
		p, err := Load("m.mlx", opts)
		checkDiagnostics(t, err, "m.mlx", src)
		if (p == nil) != (err != nil) {
			t.Errorf("program %v, error %v", p, err)
		}
		opts.Warnings = &ir.Diagnostics{}
		_, tests, err := LoadTests("m.mlx", opts, arrays)
		checkDiagnostics(t, err, "m.mlx", src)
		for _, w := range *opts.Warnings {
			if !w.Warning {
				t.Errorf("%v is no warning", w)
			}
		}
		if n := strings.Count(string(src), "test"); len(tests) > n {
			t.Errorf("%d tests of %d", len(tests), n)
		}
		if p != nil {
			text := ir.Print(p.Module())
			if _, err := ir.Parse("m.mlxir", []byte(text)); err != nil {
				t.Errorf("%v in\n%s", err, text)
			}
		}
	})
}
