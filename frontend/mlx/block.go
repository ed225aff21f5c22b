package mlx

import "strconv"

// A Block is a place in the tree of names. Its path is the prefix of its params'
// names in the checkpoint.
type Block struct {
	b    *Builder
	path string
}

// Builder is the model that the block belongs to.
func (k *Block) Builder() *Builder { return k.b }

// Path is the name of the block: model.layers.3.
func (k *Block) Path() string { return k.path }

// Sub is the block called name below k.
func (k *Block) Sub(name string) *Block { return &Block{k.b, join(k.path, name)} }

// At is the i-th block of a list.
func (k *Block) At(i int) *Block { return k.Sub(strconv.Itoa(i)) }
