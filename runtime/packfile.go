package runtime

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// A packed file is a checkpoint in safetensors whose tensors are what kernels read: the
// params that they do read, in their dtypes, and what Load would compute of others. Its
// metadata say for which program it is, and of which checkpoint. Each tensor begins at a
// multiple of packAlign bytes, with tensors between them that fill the gaps.
const (
	packKey    = "mlxc.pack"    // metadata: the Key of the program
	packSource = "mlxc.source"  // metadata: the name of the checkpoint's file
	packDigest = "mlxc.digest"  // metadata: the digest of that
	packSum    = "mlxc.sha256"  // metadata: and of all its bytes
	packed     = "mlxc.packed." // tensor: what Load computes, with its number
	packGap    = "mlxc.gap."    // tensor: what stands before an aligned one
	packAlign  = 256
)

// Pack writes a packed file of the model to path, which Load then takes in place of the
// checkpoint, as long as program and checkpoint stay as they are; nothing of it has to be
// computed again, nor copied. The file is complete or not there: between pieces of it ctx
// is looked at. progress, if not nil, is called with the bytes that are written and with
// all.
func (m *Model) Pack(ctx context.Context, path string, progress func(done, all int64)) error {
	err := m.writePacked(ctx, path, progress)
	if err != nil {
		return fmt.Errorf("%s: pack: %w", m.program.Name, err)
	}
	return nil
}

func (m *Model) writePacked(ctx context.Context, path string, progress func(done, all int64)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return ErrClosed
	case m.weights.Packed():
		return fmt.Errorf("%s is packed already", m.weights.file)
	case m.weights.Has(path):
		return fmt.Errorf("%s is the checkpoint that is read", path)
	}
	names, arrays := m.packedTensors()
	meta := map[string]string{
		packKey: m.program.Key, packSource: filepath.Base(m.weights.file), packDigest: m.weights.digest(), packSum: m.weights.sum(),
	}
	return writeWhole(path, func(w io.Writer) error { return writeTensors(ctx, w, names, arrays, meta, progress) })
}

// writeTensors writes safetensors whose data are aligned. Between pieces ctx is looked at;
// progress, if not nil, is called with the bytes that are written and with all.
func writeTensors(ctx context.Context, w io.Writer, names []string, arrays []*Array, meta map[string]string, progress func(done, all int64)) error {
	header, all, err := packHeader(names, arrays, meta)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	done := int64(0)
	for _, a := range arrays {
		if _, err := w.Write(make([]byte, gap(done))); err != nil {
			return err
		}
		done += int64(gap(done))
		for piece := range slices.Chunk(a.bytes, 16<<20) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if _, err := w.Write(piece); err != nil {
				return err
			}
			if done += int64(len(piece)); progress != nil {
				progress(done, all)
			}
		}
	}
	return nil
}

// packedTensors is what entries read of the model.
func (m *Model) packedTensors() (names []string, arrays []*Array) {
	for i, read := range m.program.readParams() {
		if read {
			names, arrays = append(names, m.program.Params[i].Name), append(arrays, m.params[i])
		}
	}
	for i, a := range m.packed {
		names, arrays = append(names, fmt.Sprint(packed, i)), append(arrays, a)
	}
	return names, arrays
}

// readParams tells which params entries read; the others are for Load alone.
func (p *Program) readParams() []bool {
	read := make([]bool, len(p.Params))
	for _, e := range p.Entries {
		for _, v := range e.Variants {
			for _, s := range v.Steps {
				for _, ref := range s.Args {
					if ref.Where == Weight {
						read[ref.Index] = true
					}
				}
			}
		}
	}
	return read
}

// gap is the bytes from an offset to the next multiple of packAlign.
func gap(offset int64) int { return int(-offset & (packAlign - 1)) }

// packHeader is the beginning of a packed file, and the number of bytes that follow.
func packHeader(names []string, arrays []*Array, meta map[string]string) (header []byte, all int64, err error) {
	var entries []TensorSpec
	for i, a := range arrays {
		if n := gap(all); n > 0 {
			entries = append(entries, TensorSpec{fmt.Sprint(packGap, i), U8.String(), []int{n}})
			all += int64(n)
		}
		entries = append(entries, TensorSpec{names[i], a.dtype.String(), a.shape})
		all += int64(len(a.bytes))
	}
	header, _, err = SafetensorsHeader(entries, meta, packAlign)
	return header, all, err
}

// writeWhole writes a file under another name, and gives it its own when it is complete.
func writeWhole(path string, write func(w io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".mlxc-pack-*")
	if err != nil {
		var of *fs.PathError
		if errors.As(err, &of) {
			err = of.Err // which names the other file
		}
		return fmt.Errorf("%s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	if err := errors.Join(w.Flush(), f.Chmod(0o644), f.Sync()); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}

// digest tells most checkpoints apart without reading all of a large one: it is of the
// size, the beginning, and 256 pages that are spread over the rest, of each file.
func (w *Weights) digest() string {
	const begin, page, pages = 1 << 20, 4096, 256
	h := sha256.New()
	for _, f := range w.files() {
		file := f.mem.bytes
		binary.Write(h, binary.LittleEndian, int64(len(file)))
		h.Write(file[:min(begin, len(file))])
		for i := range pages {
			at := len(file) / pages * i
			h.Write(file[at:min(at+page, len(file))])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// checkPacked refuses a packed file of another program, and one whose checkpoint lies
// beside it and is another by now.
func (w *Weights) checkPacked(p *Program) error {
	if string(w.meta[packKey]) != p.Key {
		return &WeightError{File: w.file, Err: fmt.Errorf("is packed for another model, target or version of mlxc than this %s; pack the checkpoint again", p.Name)}
	}
	if !w.mem.mapped { // it lies beside nothing
		return nil
	}
	name := string(w.meta[packSource])
	if name != filepath.Base(name) {
		return &WeightError{File: w.file, Err: fmt.Errorf("was packed from %s, which is no file name", quote(name))}
	}
	path := filepath.Join(filepath.Dir(w.file), name)
	source, err := OpenWeights(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil // it need not be there
	}
	if err == nil {
		defer source.Close()
	}
	if err != nil || source.digest() != string(w.meta[packDigest]) || !source.older(w.file) && source.sum() != string(w.meta[packSum]) {
		return &WeightError{File: w.file, Err: fmt.Errorf("was packed from %s, which has changed since; pack it again", name)}
	}
	return nil
}

// older reports whether a checkpoint was written before a file, and so is still what that
// was made from.
func (w *Weights) older(than string) bool {
	b, err := os.Stat(than)
	return err == nil && !slices.ContainsFunc(w.files(), func(f *Weights) bool {
		a, err := os.Stat(f.file)
		return err != nil || !a.ModTime().Before(b.ModTime())
	})
}

func (w *Weights) sum() string {
	h := sha256.New()
	for _, f := range w.files() {
		h.Write(f.mem.bytes)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// packedArrays are those of a packed file that stand for what Load computes.
func (m *Model) packedArrays() error {
	for i := range m.program.Packed {
		p := &m.program.Packed[i]
		a, err := m.param(&Param{Name: fmt.Sprint(packed, i), DType: p.DType, Shape: p.Shape})
		if err != nil {
			return &WeightError{File: m.weights.file, Tensor: fmt.Sprint(packed, i), Err: err}
		}
		m.packed = append(m.packed, a)
	}
	return nil
}
