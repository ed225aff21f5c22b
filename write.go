package mlxc

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/mlxc/mlxc/codegen"
)

// WriteDir writes generated files into dir, which need not exist. It replaces
// only files that were generated before, removes generated ones that are no
// longer made, and leaves all others alone; a name that is taken by somebody
// else's file is an error, and then nothing is written. All files are complete
// under temporary names before the first one is renamed into place.
func WriteDir(dir string, files []codegen.File) error {
	old, err := generatedIn(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if _, err := os.Lstat(path); err == nil && !slices.Contains(old, f.Name) {
			return fmt.Errorf("%s: not written by mlxc, will not overwrite it", path)
		}
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(parent, ".mlxc-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(temp, f.Name), f.Data, 0o644); err != nil {
			return err
		}
	}
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(temp, dir)
	}
	for _, f := range files {
		if err := os.Rename(filepath.Join(temp, f.Name), filepath.Join(dir, f.Name)); err != nil {
			return err
		}
	}
	for _, name := range old {
		if !slices.ContainsFunc(files, func(f codegen.File) bool { return f.Name == name }) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// generatedIn lists the files in dir that mlxc wrote, by their first line.
func generatedIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		head := make([]byte, 512)
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		n, _ := f.Read(head)
		f.Close()
		line, _, _ := bytes.Cut(head[:n], []byte("\n"))
		if bytes.HasPrefix(line, []byte(codegen.Header)) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
