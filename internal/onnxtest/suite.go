package onnxtest

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Unpack unpacks the archives of ONNX's conformance suite, which are in a folder, and finds
// its cases. An error is fs.ErrNotExist where there are none.
func Unpack(from, to string) ([]Case, error) {
	archives, err := filepath.Glob(filepath.Join(from, "*.tar.gz"))
	if err == nil && len(archives) == 0 {
		err = fs.ErrNotExist
	}
	for _, a := range archives {
		err = errors.Join(err, unpack(a, to))
	}
	if err != nil {
		return nil, err
	}
	cases, err := Find(to)
	for i := range cases {
		cases[i].Name = filepath.Base(cases[i].Dir) // which no two archives share
	}
	return cases, err
}

func unpack(archive, to string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer root.Close()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case h.Typeflag != tar.TypeReg:
			continue
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		name := filepath.Clean(filepath.FromSlash(h.Name))
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(name, b, 0o644); err != nil {
			return err
		}
	}
}
