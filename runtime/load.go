package runtime

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
	"unsafe"

	"github.com/mlxc/mlxc/runtime/cpu"
)

// A Model is a program with its weights. It is safe for concurrent use.
type Model struct {
	program *Program
	weights *Weights
	params  [][]byte
	copies  []*Array // params that are no plain part of the file
	report  LoadReport

	mu       sync.Mutex
	sessions int
	closed   bool
}

// A LoadReport says how a checkpoint was taken in, in bytes.
type LoadReport struct {
	Mapped int64 // used where they lie in the file
	Copied int64 // converted, inflated, moved to an aligned address, or filled
}

// maxLines is how many faults of a checkpoint one error lists.
const maxLines = 10

// Load maps the checkpoint at path and binds it to a program. An error about
// tensors is a *WeightError. A program without params needs no file.
func Load(p *Program, path string) (*Model, error) {
	if len(p.Params) == 0 {
		return &Model{program: p, weights: &Weights{}}, nil
	}
	w, err := OpenWeights(path)
	if err != nil {
		return nil, err
	}
	m, err := bind(p, w)
	if err != nil {
		w.Close()
	}
	return m, err
}

// LoadBytes is Load of a checkpoint in memory, such as an embedded one; name is
// its file name, for messages and for the format.
func LoadBytes(p *Program, name string, data []byte) (*Model, error) {
	w, err := parseWeights(name, data)
	if err != nil {
		return nil, err
	}
	return bind(p, w)
}

func bind(p *Program, w *Weights) (*Model, error) {
	m := &Model{program: p, weights: w}
	var wrong []string
	found := 0
	for i := range p.Params {
		q := &p.Params[i]
		t := w.tensors[q.Name]
		if t != nil {
			found++
		}
		data, err := m.param(q, t)
		if err != nil {
			line := err.Error()
			if q.Pos != "" {
				line += " (" + q.Pos + ")"
			}
			wrong = append(wrong, line)
		}
		m.params = append(m.params, data)
	}
	if found == 0 && len(wrong) > 0 {
		wrong = []string{fmt.Sprintf("none of the %d tensors that %s needs is there, such as %s", len(p.Params), p.Name, p.Params[0].Name)}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		shown := wrong[:min(len(wrong), maxLines)]
		return nil, &WeightError{File: w.file, Wrong: shown, More: len(wrong) - len(shown)}
	}
	return m, nil
}

// param is the memory of a param: the file's own, or a copy.
func (m *Model) param(q *Param, t *Tensor) ([]byte, error) {
	if t == nil {
		if q.Init == nil {
			return nil, fmt.Errorf("there is no tensor %s, %s", q.Name, typeText(q.DType, q.Shape))
		}
		return m.copied(q, func(a *Array) { fill(a, *q.Init) })
	}
	if !slices.Equal(t.Shape, q.Shape) || t.DType != q.DType && !(t.DType.float() && q.DType.float()) {
		return nil, fmt.Errorf("tensor %s is %s, the model wants %s", q.Name, typeText(t.DType, t.Shape), typeText(q.DType, q.Shape))
	}
	switch {
	case t.DType != q.DType:
		return m.copied(q, func(a *Array) { convertFloats(a, t) })
	case t.owner != nil:
		m.report.Copied += int64(len(t.data))
		return t.data, nil
	case len(t.data) > 0 && uintptr(unsafe.Pointer(&t.data[0]))%uintptr(t.DType.Size()) != 0:
		return m.copied(q, func(a *Array) { copy(a.data, t.data) })
	}
	m.report.Mapped += int64(len(t.data))
	return t.data, nil
}

func (m *Model) copied(q *Param, fill func(a *Array)) ([]byte, error) {
	a, err := NewArray(q.DType, q.Shape...)
	if err != nil {
		return nil, fmt.Errorf("tensor %s: %w", q.Name, err)
	}
	fill(a)
	m.copies = append(m.copies, a)
	m.report.Copied += int64(len(a.data))
	return a.data, nil
}

// LoadReport says how the checkpoint was taken in.
func (m *Model) LoadReport() LoadReport { return m.report }

// Close unmaps the weights. While sessions are open it is an error.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return nil
	case m.sessions > 0:
		return fmt.Errorf("%s: close its %d sessions first", m.program.Name, m.sessions)
	}
	m.closed = true
	for _, a := range m.copies {
		a.Close()
	}
	return m.weights.Close()
}

func fill(a *Array, x float64) {
	for i := range a.Len() {
		putNumber(a.dtype, a.data[i*a.dtype.Size():], x)
	}
}

// convertFloats rounds to nearest even where the param is narrower than the file.
func convertFloats(a *Array, t *Tensor) {
	for i := range a.Len() {
		putNumber(a.dtype, a.data[i*a.dtype.Size():], getFloat(t.DType, t.data[i*t.DType.Size():]))
	}
}

func getFloat(t DType, b []byte) float64 {
	switch t {
	case F64:
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	case F32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	case F16:
		return float64(cpu.F16ToF32(binary.LittleEndian.Uint16(b)))
	}
	return float64(cpu.BF16ToF32(binary.LittleEndian.Uint16(b)))
}

func putNumber(t DType, b []byte, x float64) {
	switch t {
	case F64:
		binary.LittleEndian.PutUint64(b, math.Float64bits(x))
	case F32:
		binary.LittleEndian.PutUint32(b, math.Float32bits(float32(x)))
	case F16:
		binary.LittleEndian.PutUint16(b, cpu.F32ToF16(float32(x)))
	case BF16:
		binary.LittleEndian.PutUint16(b, cpu.F32ToBF16(float32(x)))
	case Bool:
		b[0] = cpu.Byte(x != 0)
	default:
		var full [8]byte
		binary.LittleEndian.PutUint64(full[:], uint64(cpu.ToInt[int64](x)))
		copy(b[:t.Size()], full[:])
	}
}
