package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Load maps the checkpoint at path, of the formats of OpenWeights or what Pack has written,
// and binds the params of a program to its tensors. Floats of another dtype are converted;
// tensors that the program does not use are ignored. What does not fit is one error with
// a *WeightError for each tensor, up to ten: of one that is quantised, for the first plane.
// Where no param needs the file, path may be empty.
func Load(p *Program, path string) (*Model, error) {
	if path == "" {
		return newModel(p, &Weights{file: "no checkpoint", mem: &memory{}})
	}
	w, err := OpenWeights(path)
	if err != nil {
		return nil, err
	}
	m, err := newModel(p, w)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return m, nil
}

// LoadBytes is Load of a checkpoint in memory, such as an embedded one, which must
// not change any more. name stands for its file in messages, and says the format
// as a file's name does.
func LoadBytes(p *Program, name string, data []byte) (*Model, error) {
	if isIndex(name) {
		return nil, &WeightError{File: name, Err: errors.New("an index lists shards, which are files: use Load")}
	}
	w, err := parseWeights(name, &memory{bytes: data})
	if err != nil {
		return nil, err
	}
	return newModel(p, w)
}

// newModel binds params to tensors.
func newModel(p *Program, w *Weights) (*Model, error) {
	m := &Model{program: p, weights: w}
	isPacked, read := w.Packed(), p.readParams()
	if isPacked {
		if err := w.checkPacked(p); err != nil {
			return nil, err
		}
	}
	var wrong []*WeightError
	missing := 0
	said := false // of an earlier plane of the same tensor
	for i := range p.Params {
		param := &p.Params[i]
		if isPacked && !read[i] { // what is made of it is there instead
			m.params = append(m.params, nil)
			continue
		}
		from := *param
		if isPacked { // and so is what fills the param
			from.Init = nil
		}
		a, err := m.param(&from)
		said = said && param.isScales()
		if err != nil && !said {
			said = true
			wrong = append(wrong, &WeightError{File: w.file, Tensor: param.Name, Err: at(err, param.Pos)})
		}
		if w.Tensor(param.Name) == nil {
			missing++
		}
		m.params = append(m.params, a)
	}
	if len(w.tensors) > 0 && missing > 0 && missing == len(p.Params) {
		wrong = []*WeightError{{File: w.file, Err: fmt.Errorf("has none of the %d tensors of %s, such as %s, but %d others, such as %s",
			missing, p.Name, quote(p.Params[0].Name), len(w.tensors), quote(w.tensors[0].Name))}}
	}
	if wrong != nil {
		return nil, errors.Join(joined(wrong), m.closeParams())
	}
	if err := m.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", p.Name, err), m.closeParams())
	}
	if err := m.pack(isPacked); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", p.Name, err), m.closeParams(), m.device.close())
	}
	return m, nil
}

// open makes the device ready.
func (m *Model) open() error {
	backend := m.program.Backend
	if backend == nil {
		backend = cpuBackend{}
	}
	d, err := backend.Open(m.program)
	if err != nil {
		return err
	}
	m.device = &openDevice{Device: d}
	return nil
}

// pack computes on the device what depends on params alone, unless it is in the file.
func (m *Model) pack(isPacked bool) error {
	if isPacked {
		return m.packedArrays()
	}
	for _, p := range m.program.Packed {
		a, err := NewArray(p.DType, p.Shape...)
		if err != nil {
			return err
		}
		m.packed = append(m.packed, a)
		m.report.Packed += int64(len(a.bytes))
	}
	if len(m.program.Load) == 0 {
		return nil
	}
	v := &Variant{Steps: m.program.Load}
	var b boundVariant
	if err := b.record(m, v, nil); err != nil {
		return err
	}
	for i, step := range v.Steps {
		l := &b.launches[i]
		l.Grid = int(step.Grid.at(nil))
		for n, ref := range step.Args {
			var err error
			if l.Args[n], err = m.span(ref); err != nil {
				return errors.Join(err, b.recording.Close())
			}
		}
		b.recording.Set(i)
	}
	_, err := b.run(context.Background())
	return errors.Join(err, b.recording.Close())
}

// span is the model's own memory of an argument.
func (m *Model) span(ref Ref) (Span, error) {
	if ref.Where == Pack {
		return m.packed[ref.Index].span(m.device)
	}
	return m.params[ref.Index].span(m.device)
}

func (m *Model) closeParams() error {
	var err error
	for _, a := range slices.Concat(m.params, m.packed) {
		if a != nil {
			err = errors.Join(err, a.Close())
		}
	}
	return err
}

func at(err error, pos string) error {
	if pos == "" {
		return err
	}
	return fmt.Errorf("%w (%s)", err, pos)
}

// joined is one error of at most ten, sorted by tensor.
func joined(wrong []*WeightError) error {
	const most = 10
	slices.SortStableFunc(wrong, func(a, b *WeightError) int { return strings.Compare(a.Tensor, b.Tensor) })
	var errs []error
	for _, e := range wrong[:min(len(wrong), most)] {
		errs = append(errs, e)
	}
	if more := len(wrong) - most; more > 0 {
		errs = append(errs, fmt.Errorf("%s: and %d more", wrong[0].File, more))
	}
	return errors.Join(errs...)
}

// param makes the array of a param: the file's own memory where that serves.
func (m *Model) param(p *Param) (*Array, error) {
	t := m.weights.Tensor(p.Name)
	if t == nil {
		if p.Init == nil {
			return nil, fmt.Errorf("missing, want %s", p)
		}
		a, err := filled(p.DType, p.Shape, p.Init)
		return m.count(a), err
	}
	a, err := t.As(p)
	if err == nil && a.dtype == p.DType && !m.program.sees(a) {
		a, err = a.Clone()
	}
	if err != nil || a.dtype == p.DType {
		return m.count(a), err
	}
	defer a.Close()
	c, err := convert(a, p.DType)
	return m.count(c), err
}

// sees reports whether the program's backend can use the array where it lies.
func (p *Program) sees(a *Array) bool {
	if p.Backend == nil || len(a.bytes) == 0 {
		return true
	}
	return a.mem.mapped && a.offset()%max(1, p.Align) == 0
}

func (m *Model) count(a *Array) *Array {
	switch {
	case a == nil:
	case a.owned:
		m.report.Copied += int64(len(a.bytes))
	default:
		m.report.Mapped += int64(len(a.bytes))
	}
	return a
}
