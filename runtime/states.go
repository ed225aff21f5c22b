package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// statesKey is what the metadata of saved states have: the name of the program.
const statesKey = "mlxc.states"

// begin gives the session its dims and its states.
func (s *Session) begin(dims []int) error {
	p := s.model.program
	fail := func(format string, args ...any) error {
		return &DimError{Program: p.Name, Entry: "session", What: fmt.Sprintf(format, args...)}
	}
	s.dims = make([]int64, len(p.Dims))
	given := 0
	for i := range p.Dims {
		if !p.Dims[i].Session {
			continue
		}
		if given == len(dims) {
			return fail("%s is not given", p.Dims[i].Name)
		}
		s.dims[i] = int64(dims[given])
		if err := p.Dims[i].check(s.dims[i]); err != nil {
			return fail("%v", err)
		}
		given++
	}
	if given < len(dims) {
		return fail("%d dims, want %d", len(dims), given)
	}
	for i := range p.States {
		a := &Array{dtype: p.States[i].DType, mem: &memory{}, owned: true}
		err := a.resize(p.States[i].Shape, s.dims)
		if err == nil {
			err = s.reset(i, a)
		}
		s.states = append(s.states, a)
		if err != nil {
			for _, a := range s.states {
				err = errors.Join(err, a.Close())
			}
			return err
		}
	}
	return nil
}

// reset gives a state the value that it has in the checkpoint, or else its Init.
func (s *Session) reset(i int, a *Array) error {
	st, w := &s.model.program.States[i], s.model.weights
	if t := w.Tensor(st.Name); t != nil {
		from, err := t.array()
		if err == nil && from.dtype != a.dtype && from.dtype.isFloat() && a.dtype.isFloat() {
			from, err = convert(from, a.dtype)
		}
		if err == nil && (from.dtype != a.dtype || !slices.Equal(from.shape, a.shape)) {
			err = fmt.Errorf("%s, want %s", t, a)
		}
		if err != nil {
			return &WeightError{File: w.file, Tensor: st.Name, Err: err}
		}
		copy(a.bytes, from.bytes)
		return nil
	}
	a.fill(st.Init)
	return nil
}

// Reset gives the states of these names, or all if there are none, the values that they had
// when the session began. Where a call has left states half written, all must be reset.
func (s *Session) Reset(names ...string) error {
	p := s.model.program
	from := torn
	if len(names) > 0 {
		from = idle
	}
	for _, name := range names {
		if !slices.ContainsFunc(p.States, func(st State) bool { return st.Name == name }) {
			return fmt.Errorf("%s: reset: there is no state %s", p.Name, quote(name))
		}
	}
	return s.withStates("reset", from, func() error {
		for i := range p.States {
			if len(names) == 0 || slices.Contains(names, p.States[i].Name) {
				if err := s.reset(i, s.states[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// withStates does something to states while no call runs, and the session is idle, or as
// from says. Afterwards it is idle, or as it was if that failed.
func (s *Session) withStates(what string, from int32, do func() error) error {
	was, err := s.enterFrom(from)
	if err == nil {
		if err = do(); err == nil {
			s.state.Store(idle)
			return nil
		}
		s.state.Store(was)
	}
	return fmt.Errorf("%s: %s: %w", s.model.program.Name, what, err)
}

// SaveState writes all states as safetensors.
func (s *Session) SaveState(w io.Writer) error {
	return s.withStates("save state", idle, func() error {
		return writeTensors(context.Background(), w, s.stateNames(), s.states, map[string]string{statesKey: s.model.program.Name}, nil)
	})
}

func (s *Session) stateNames() []string {
	var names []string
	for _, st := range s.model.program.States {
		names = append(names, st.Name)
	}
	return names
}

// LoadState reads all states from what SaveState has written for a session of the same
// program with the same dims; an error leaves them as they are.
func (s *Session) LoadState(r io.Reader) error {
	return s.withStates("load state", torn, func() error {
		limit := int64(1<<20 + 1024*len(s.states)) // of the header and the gaps
		for _, a := range s.states {
			limit += int64(len(a.bytes))
		}
		var text bytes.Buffer
		if _, err := io.Copy(&text, io.LimitReader(r, limit)); err != nil {
			return err
		}
		w, err := parseWeights("states.safetensors", &memory{bytes: text.Bytes()})
		if err != nil {
			return err
		}
		if of := string(w.meta[statesKey]); of != s.model.program.Name {
			return fmt.Errorf("these are no states of %s", s.model.program.Name)
		}
		found := make([]*Array, len(s.states))
		for i, a := range s.states {
			name := s.model.program.States[i].Name
			t := w.Tensor(name)
			switch {
			case t == nil:
				return fmt.Errorf("there is no state %s", quote(name))
			case t.DType != a.dtype || !slices.Equal(t.Shape, a.shape):
				return fmt.Errorf("%s is %s, want %s", quote(name), t, a)
			}
			if found[i], err = t.array(); err != nil {
				return fmt.Errorf("%s: %w", quote(name), err)
			}
		}
		for i, a := range s.states {
			copy(a.bytes, found[i].bytes)
		}
		return nil
	})
}
