package mlx

import (
	"strconv"

	"github.com/mlxc/mlxc/ir"
)

// A Block is a place in the tree of names. Its path is the prefix of its params'
// names in the checkpoint.
type Block struct {
	b    *Builder
	path string
}

// Path is the name of the block: model.layers.3.
func (k *Block) Path() string { return k.path }

// Sub is the block called name below k.
func (k *Block) Sub(name string) *Block { return &Block{k.b, join(k.path, name)} }

// At is the i-th block of a list.
func (k *Block) At(i int) *Block { return k.Sub(strconv.Itoa(i)) }

// A State is a tensor that the session keeps between calls.
type State struct{ value Value }

// State declares one. What no entry sets is read like a param.
func (k *Block) State(name, typ string, init ir.Init) *State {
	return &State{k.Param(name, typ, Init(init))}
}

// Get is the value of the state.
func (s *State) Get() Value { return s.value }

// Set makes v the state's next value.
func (s *State) Set(v Value) {
	if b := s.value.b; b != nil {
		b.errorf("setting a state is not supported yet")
	}
}
