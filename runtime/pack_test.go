package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// What depends on params alone is computed once for a model, in the order of the steps,
// and shared by its sessions; the report says how many bytes that is.
func TestPackedTensorsAreComputedOnce(t *testing.T) {
	p := testProgram()
	var points atomic.Int64
	double := func(c *cpu.Call, lo, hi int) {
		from, to := cpu.View[float32](c, 0), cpu.View[float32](c, 1)
		for i := lo; i < hi; i++ {
			to[i] = 2 * from[0]
		}
		points.Add(int64(hi - lo))
	}
	p.Kernels = append(p.Kernels, double)
	p.Packed = []Packed{{F32, []int{5}}, {F32, []int{1}}}
	p.Load = []Step{
		{Kernel: 3, Args: []Ref{Weight.At(0), Pack.At(0)}, Grid: Mono(5)},
		{Kernel: 3, Args: []Ref{Pack.At(0), Pack.At(1)}, Grid: Mono(1), Barrier: true},
	}
	p.Entries[1].Variants[0].Steps[0].Args[1] = Pack.At(1)
	m := must(Load(p, ""))(t)
	if got := m.LoadReport(); got != (LoadReport{Copied: 4, Packed: 4 * 6}) {
		t.Errorf("the report is %+v", got)
	}
	for range 2 {
		s := must(m.NewSession())(t)
		for range 2 {
			out := must(s.Call(context.Background(), 1, must(From([]float32{1, -1, 3}, 3))(t)))(t)
			if y := must(Data[float32](out[0]))(t); y[0] != 8 || y[1] != 0 || y[2] != 24 {
				t.Errorf("the result is %v, want [8 0 24]", y)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := points.Load(); n != 6 {
		t.Errorf("%d points were computed, want the 6 of load", n)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	for i, a := range m.packed {
		if !a.closed() {
			t.Errorf("packed tensor %d is not freed with the model", i)
		}
	}
}

// A step that fails at load fails the load.
func TestPackingFails(t *testing.T) {
	p := testProgram()
	p.Kernels = append(p.Kernels, func(*cpu.Call, int, int) { panic("no") })
	p.Packed = []Packed{{F32, []int{5}}}
	p.Load = []Step{{Kernel: 3, Args: []Ref{Weight.At(0), Pack.At(0)}, Grid: Mono(5), Pos: "test.mlx:1:2"}}
	if m, err := Load(p, ""); err == nil {
		t.Errorf("it is loaded all the same: %v", m.Close())
	}
}

// packTest is a program of which an entry reads what is computed at load, and another a
// param, and a file with that.
func packTest(t *testing.T) (p *Program, checkpoint string, computed *atomic.Int64) {
	t.Helper()
	p, computed = testProgram(), &atomic.Int64{}
	p.Key = "key"
	p.Kernels = append(p.Kernels, func(c *cpu.Call, lo, hi int) {
		from, to := cpu.View[float32](c, 0), cpu.View[float32](c, 1)
		for i := lo; i < hi; i++ {
			to[i] = 2 * from[0]
		}
		computed.Add(int64(hi - lo))
	})
	p.Packed = []Packed{{F32, []int{1}}, {F32, []int{5}}}
	p.Load = []Step{
		{Kernel: 3, Args: []Ref{Weight.At(0), Pack.At(1)}, Grid: Mono(5)},
		{Kernel: 3, Args: []Ref{Pack.At(1), Pack.At(0)}, Grid: Mono(1), Barrier: true},
	}
	p.Entries[1].Variants[0].Steps[0].Args[1] = Pack.At(0)
	param := &p.Params[0]
	a := must(NewArray(param.DType, param.Shape...))(t)
	for i := range must(Data[float32](a))(t) {
		must(Data[float32](a))(t)[i] = 3
	}
	checkpoint = filepath.Join(t.TempDir(), "weights.npz")
	f := must(os.Create(checkpoint))(t)
	if err := errors.Join(WriteNPZ(f, []string{param.Name}, []*Array{a}), f.Close()); err != nil {
		t.Fatal(err)
	}
	return p, checkpoint, computed
}

// sign calls the entry that reads what is computed at load.
func sign(t *testing.T, m *Model) []float32 {
	t.Helper()
	s := must(m.NewSession())(t)
	defer s.Close()
	out := must(s.Call(context.Background(), 1, must(From([]float32{1, -1, 3}, 3))(t)))(t)
	return slices.Clone(must(Data[float32](out[0]))(t))
}

// A packed file stands for the checkpoint: nothing is computed or copied when it is
// loaded, each tensor is aligned, and what was made of it is the same.
func TestPackedFile(t *testing.T) {
	p, checkpoint, computed := packTest(t)
	m := must(Load(p, checkpoint))(t)
	defer m.Close()
	want, before := sign(t, m), computed.Load()
	path := filepath.Join(filepath.Dir(checkpoint), "packed.safetensors")
	done, all := int64(-1), int64(0)
	if err := m.Pack(context.Background(), path, func(d, a int64) { done, all = d, a }); err != nil {
		t.Fatal(err)
	}
	if info := must(os.Stat(path))(t); done != all || done <= 0 || info.Size() <= all {
		t.Errorf("%d of %d bytes were written to a file of %d", done, all, info.Size())
	}
	n := must(Load(p, path))(t)
	defer n.Close()
	if got := sign(t, n); !slices.Equal(got, want) || computed.Load() != before {
		t.Errorf("the result is %v, want %v; %d points were computed again", got, want, computed.Load()-before)
	}
	if r := n.LoadReport(); r.Copied+r.Packed != 0 || r.Mapped == 0 {
		t.Errorf("the report is %+v", r)
	}
	for i, a := range n.packed {
		if a.offset()%packAlign != 0 {
			t.Errorf("packed tensor %d begins at byte %d", i, a.offset())
		}
	}
	if err := n.Pack(context.Background(), path+".again", nil); err == nil || !strings.Contains(err.Error(), "is packed already") {
		t.Errorf("a packed file is packed: %v", err)
	}
	again := filepath.Join(t.TempDir(), "packed.safetensors")
	if err := m.Pack(context.Background(), again, nil); err != nil || !bytes.Equal(must(os.ReadFile(path))(t), must(os.ReadFile(again))(t)) {
		t.Errorf("packing again gives other bytes: %v", err)
	}
	if err := os.Remove(checkpoint); err != nil {
		t.Fatal(err)
	}
	if err := must(Load(p, path))(t).Close(); err != nil { // it need not be there
		t.Error(err)
	}
}

// A packed file is for one program and one state of its checkpoint.
func TestStalePackedFiles(t *testing.T) {
	p, checkpoint, _ := packTest(t)
	m := must(Load(p, checkpoint))(t)
	path := filepath.Join(filepath.Dir(checkpoint), "packed.safetensors")
	if err := errors.Join(m.Pack(context.Background(), path, nil), m.Close()); err != nil {
		t.Fatal(err)
	}
	refused := func(p *Program, want string) {
		t.Helper()
		m, err := Load(p, path)
		if err == nil {
			m.Close()
		}
		var wrong *WeightError
		if !errors.As(err, &wrong) || wrong.File != path || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	other := *p
	other.Key = "another"
	refused(&other, "is packed for another model, target or version of mlxc")
	other = *p
	other.Packed = []Packed{{F32, []int{1}}, {F32, []int{6}}}
	refused(&other, `tensor "mlxc.packed.1": f32[5], want f32[6]`)
	text := must(os.ReadFile(checkpoint))(t)
	text[len(text)/2] ^= 1
	if err := os.WriteFile(checkpoint, text, 0o666); err != nil {
		t.Fatal(err)
	}
	refused(p, "was packed from weights.npz, which has changed since; pack it again")
	bytes := must(os.ReadFile(path))(t)
	if err := os.WriteFile(path, []byte(strings.Replace(string(bytes), "weights.npz", "../ghts.npz", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	refused(p, `was packed from "../ghts.npz", which is no file name`)
}

// Where a packed file cannot be written nothing is left, and nothing is lost.
func TestPackedFilesAreWhole(t *testing.T) {
	p, checkpoint, _ := packTest(t)
	m := must(Load(p, checkpoint))(t)
	defer m.Close()
	dir := filepath.Dir(checkpoint)
	if err := m.Pack(context.Background(), checkpoint, nil); err == nil || !strings.Contains(err.Error(), "is the checkpoint that is read") {
		t.Errorf("over its checkpoint: %v", err)
	}
	if err := m.Pack(context.Background(), filepath.Join(dir, "none", "p.safetensors"), nil); err == nil || strings.Contains(err.Error(), ".mlxc-pack") {
		t.Errorf("into no folder: %v", err)
	}
	if err := m.Pack(context.Background(), dir, nil); err == nil {
		t.Error("a folder is a file")
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := m.Pack(ctx, filepath.Join(dir, "p.safetensors"), func(done, all int64) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled after the first tensor: %v", err)
	}
	if files := must(os.ReadDir(dir))(t); len(files) != 1 {
		t.Errorf("%d files are left", len(files))
	}
}

func digestOf(file []byte) string { return (&Weights{mem: &memory{bytes: file}}).digest() }

// A byte that no digest looks at is found where the checkpoint is newer than the packed
// file, which an older one is taken to be made of.
func TestPackedFileIsOlder(t *testing.T) {
	p, _, _ := packTest(t)
	data := make([]byte, 4+8<<20)
	checkpoint := write(t, "weights.safetensors", safetensors(fmt.Sprintf(`{"w":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"x":{"dtype":"U8","shape":[%d],"data_offsets":[4,%d]}}`, len(data)-4, len(data)), data...))
	path := filepath.Join(filepath.Dir(checkpoint), "packed.safetensors")
	m := must(Load(p, checkpoint))(t)
	if err := errors.Join(m.Pack(context.Background(), path, nil), m.Close()); err != nil {
		t.Fatal(err)
	}
	text := must(os.ReadFile(checkpoint))(t)
	changed := bytes.Clone(text)
	if changed[5<<20+16<<10]++; digestOf(text) != digestOf(changed) {
		t.Fatal("the digest is of the byte that is changed")
	}
	written := must(os.Stat(path))(t).ModTime()
	for _, c := range []struct {
		name  string
		file  []byte
		age   time.Duration
		stale bool
	}{
		{"copied", text, -time.Hour, false},
		{"edited", changed, -time.Hour, true},
		{"edited at once", changed, 0, true},
		{"edited, its time set back", changed, time.Hour, false}, // which is not found
		{"another that is older", append(bytes.Clone(text), 0), time.Hour, true},
	} {
		then := written.Add(-c.age)
		if err := errors.Join(os.WriteFile(checkpoint, c.file, 0o666), os.Chtimes(checkpoint, then, then)); err != nil {
			t.Fatal(err)
		}
		m, err := Load(p, path)
		if err == nil {
			m.Close()
		}
		if (err != nil) != c.stale {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// Bytes in memory lie beside nothing, whatever their name.
	m, err := LoadBytes(p, path, must(os.ReadFile(path))(t))
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
}

// Nothing fills a param that a packed file should hold: what filled it is in the file.
func TestPackedFileLacksParam(t *testing.T) {
	p, checkpoint, _ := packTest(t)
	p.Params = append(p.Params, Param{Name: "z", DType: F32, Init: []float64{5}})
	p.Entries[1].Variants[0].Steps[0].Args[1] = Weight.At(1)
	m := must(Load(p, checkpoint))(t)
	path := filepath.Join(filepath.Dir(checkpoint), "packed.safetensors")
	if err := errors.Join(m.Pack(context.Background(), path, nil), m.Close()); err != nil {
		t.Fatal(err)
	}
	file := bytes.Replace(must(os.ReadFile(path))(t), []byte(`"w":`), []byte(`"v":`), 1)
	if m, err := LoadBytes(p, path, file); err == nil || !strings.Contains(err.Error(), `tensor "w": missing, want f32`) {
		t.Errorf("got %v, %v", m, err)
	}
}
