package softmetal

import "github.com/ebitengine/purego"

// System V: a struct of more than 16 bytes goes on the stack, after six words in registers.
func (o id) sendSizes(selector string, a, b size) {
	purego.SyscallN(metal.msgSend, uintptr(o), sel(selector), 0, 0, 0, 0,
		a.width, a.height, a.depth, b.width, b.height, b.depth)
}
