// Package metal runs the kernels of generated packages on an Apple GPU, without
// cgo. A generated package hands its text of kernels to Kernels, and what comes
// back to the runtime.
//
// On Linux it needs the build tag mlxc_metal and the software Metal that the
// environment variable MLXC_SWMETAL names; without the tag there is only Available,
// which says so.
package metal
