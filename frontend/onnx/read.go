package onnx

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/mlxc/mlxc/frontend/onnx/pb"
	"github.com/mlxc/mlxc/ir"
)

// maxFile is the largest message that protobuf allows.
const maxFile = 1<<31 - 1

// read decodes a file.
func read(path string) (*pb.Model, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, errors.Unwrap(err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("this is no file")
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%d bytes are more than a model can have; larger ones keep their weights in files of their own", info.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	return Decode(b)
}

// Decode is the message of a file's bytes.
func Decode(b []byte) (*pb.Model, error) {
	m := &pb.Model{}
	if err := proto.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("this is no ONNX model: %w", err)
	}
	if m.Graph == nil || m.IrVersion == 0 {
		return nil, fmt.Errorf("this is no ONNX model: it has no graph")
	}
	return m, nil
}

// DecodeTensor is the tensor of a file .pb of a test.
func DecodeTensor(b []byte) (name string, t *ir.Tensor, err error) {
	m := &pb.Tensor{}
	if err := proto.Unmarshal(b, m); err != nil {
		return "", nil, fmt.Errorf("this is no tensor: %w", err)
	}
	c, err := decode(m, "")
	if err != nil {
		return "", nil, err
	}
	return m.Name, c.Tensor(), nil
}

// external reads the size bytes of a tensor from a file in dir or below it.
func external(t *pb.Tensor, dir string, size int64) []byte {
	entries := map[string]string{}
	for _, e := range t.ExternalData {
		entries[e.Key] = e.Value
	}
	number := func(key string, missing int64) int64 {
		text, ok := entries[key]
		if !ok {
			return missing
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			fail("tensor %s: the %s of its external data is %q", t.Name, key, text)
		}
		return n
	}
	location := entries["location"]
	if dir == "" || !filepath.IsLocal(filepath.FromSlash(location)) {
		fail("tensor %s: its data are in %q, which is not below the model's folder", t.Name, location)
	}
	offset := number("offset", 0)
	if n := number("length", size); n != size {
		fail("tensor %s: its external data have %d bytes, its shape takes %d", t.Name, n, size)
	}
	root, err := os.OpenRoot(dir) // no link leads out of it
	if err != nil {
		fail("tensor %s: %w", t.Name, err)
	}
	defer root.Close()
	f, err := root.Open(filepath.FromSlash(location))
	if err != nil {
		fail("tensor %s: its data are in %s: %w", t.Name, location, errors.Unwrap(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || offset > info.Size()-size {
		fail("tensor %s: %s does not have its %d bytes from %d on", t.Name, location, size, offset)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(f, offset, size), b); err != nil {
		fail("tensor %s: %s: %w", t.Name, location, err)
	}
	return b
}
