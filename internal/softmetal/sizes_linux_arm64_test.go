package softmetal

import "unsafe"

// AAPCS64: a struct of more than 16 bytes goes by a pointer to a copy.
func (o id) sendSizes(selector string, a, b size) {
	o.send(selector, uintptr(unsafe.Pointer(&a)), uintptr(unsafe.Pointer(&b)))
}
