//go:build darwin || (linux && mlxc_metal)

package mtl

// An Event is a value that command buffers give and wait for, and the host too. It only
// grows.
type Event struct{ ID }

// Set gives the event a value.
func (e Event) Set(value uint64) { e.send(selSetSignaledValue, uintptr(value)) }

// Wait waits until the event has at least a value, for some milliseconds at most, and tells
// whether it has.
func (e Event) Wait(value uint64, milliseconds int) bool {
	return isTrue(e.send(selWaitUntilSignaledValue, uintptr(value), uintptr(milliseconds)))
}
