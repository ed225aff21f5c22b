package repack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// outputs are files that are written under other names.
type outputs struct {
	files []*file
	temps map[*file]*os.File
}

// create makes the files, with their headers and of their sizes.
func create(files []*file) (o *outputs, err error) {
	o = &outputs{files, map[*file]*os.File{}}
	for _, f := range files {
		t, err := os.CreateTemp(filepath.Dir(f.name), ".mlxc-pack-*")
		if err == nil {
			o.temps[f] = t
			_, err = t.Write(f.header)
		}
		if err == nil {
			err = t.Truncate(f.size)
		}
		if err != nil {
			return nil, errors.Join(named(f, err), o.discard())
		}
	}
	return o, nil
}

// write writes bytes of a part, from a byte of it on.
func (o *outputs) write(p *part, at int, b []byte) error {
	_, err := o.temps[p.file].WriteAt(b, p.at+int64(at))
	return named(p.file, err)
}

// named is an error about a file, by its own name.
func named(f *file, err error) error {
	if err == nil {
		return nil
	}
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		err = path.Err
	case errors.As(err, &link):
		err = link.Err
	}
	return fmt.Errorf("%s: %w", f.name, err)
}

// keep gives the files their names, when all are whole.
func (o *outputs) keep() error {
	for _, f := range o.files {
		t := o.temps[f]
		if err := errors.Join(t.Chmod(0o644), t.Sync(), t.Close()); err != nil {
			return named(f, err)
		}
	}
	for _, f := range o.files { // an index comes last
		if err := os.Rename(o.temps[f].Name(), f.name); err != nil {
			return named(f, err)
		}
		delete(o.temps, f)
	}
	return nil
}

// discard removes what has not got its name.
func (o *outputs) discard() (err error) {
	for _, t := range o.temps {
		_ = t.Close() // it may be closed
		err = errors.Join(err, os.Remove(t.Name()))
	}
	return err
}
