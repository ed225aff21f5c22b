// Package mtl speaks to Metal: the few objects and messages that running kernels
// takes. It calls the Objective-C runtime through purego, so it needs no cgo.
//
// Objects are handles. What a Device makes belongs to the caller, who closes it, and
// so does the Device; command buffers and encoders belong to the Pool in which they
// are made. All calls should be made in one, as Metal leaves objects of its own there.
// Handles serve several goroutines as far as Metal's objects do: devices, queues,
// pipelines and buffers do, command buffers and encoders don't.
//
// On macOS it drives the system's Metal. On Linux, with the build tag mlxc_metal,
// it drives the library that the environment variable MLXC_SWMETAL names, which
// exports the same functions; without the tag the package is empty.
package mtl
