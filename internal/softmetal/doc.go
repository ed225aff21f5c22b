// Package softmetal is Metal for Linux: the Objective-C functions and the compute
// classes that host code calls, in C, as strict as Apple's validation layer. Kernels
// are compiled by internal/msl and run by its executor, so that a program's kernels
// and its host calls are checked together.
//
// The library, native, is built by Build. A process loads it, or finds it loaded, by
// the path in MLXC_SWMETAL; the compiler of kernels is the program in MLXC_MSLC. A
// misuse prints a line and ends the process, unless errors are recorded: then
// Hooks.Errors has them.
//
// Beside what Apple's layer checks it finds
//
//   - what the executor finds in kernels: races, bounds, divergent barriers,
//     uninitialised threadgroup memory;
//   - hazards: dispatches that touch the same two bytes, one of them writing, with
//     nothing between that orders them: no barrier within an encoder; between
//     encoders no tracking by Metal, no event and no wait of the host; between
//     queues no event and no wait. Buffers over the same memory share what is known
//     of it. Of the readers of two bytes two are remembered, which misses a write
//     that is ordered after those, and not after a third on another queue;
//   - reads of what nothing has written: new buffers carry a pattern, and a read of
//     an aligned 16 bytes that still have it is an error. Reads beside a byte of the
//     16 that was written are missed, and so are those of memory that came with
//     newBufferWithBytesNoCopy, unless its owner fills it by Hooks.Poison;
//   - host writes in flight, with SWMETAL_HOSTWRITES=1: a kernel that touches bytes
//     which the host has changed between the commit and the start of the work. With
//     SWMETAL_LAZY=1 work starts when the host waits, so that these are all;
//   - event signals of the GPU by which the value does not grow;
//   - blocks that Apple silicon does not take, objects used after their end, pools
//     popped on another thread, methods newer than the macOS of SWMETAL_OS.
//
// It differs from Metal in that a library must ask for safe math (the only one that
// the executor has), that threadgroups at the edge of a grid are not smaller, that
// the event signals of a failed command buffer never come, and that a page is that
// of Linux, not the 16 KiB of Apple silicon, unless SWMETAL_PAGE says so.
//
// Settings are environment variables, read when the library is loaded, or set by
// Hooks.Set without the prefix:
//
//	SWMETAL_CHECK       0: no checks of accesses and hazards, which are slow
//	SWMETAL_RECORD      1: record errors
//	SWMETAL_LAZY        1: work starts when the host waits for it, or for the value of an
//	                    event that it gives
//	SWMETAL_SHUFFLE     seed of the order of dispatches that nothing orders; 0: as encoded
//	SWMETAL_ORDER       of threads: forward, reverse, random
//	SWMETAL_HOSTWRITES  1: find host writes in flight, by copies of all that is bound
//	SWMETAL_FAIL        failures, as buffer:3,compile:1: the third new buffer, the first
//	                    compilation; pipeline; status, timeout (command buffers), lost
//	                    (a command buffer and all after it)
//	SWMETAL_MAXTHREADS  threads of a threadgroup, at most 1024
//	SWMETAL_MAXBUFFER   bytes of a buffer
//	SWMETAL_FAMILY      of the GPU: 7 for M1, 8 for M2, 9 for M3
//	SWMETAL_PATIENCE    milliseconds that the GPU waits for an event, 10000 if not set
//	SWMETAL_PAGE        bytes of a page
//	SWMETAL_OS          macOS, 15 if not set
package softmetal
