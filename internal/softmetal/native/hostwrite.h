// Host writes in flight: bytes that the host changes after a command buffer was
// committed and that its kernels then touch. What is bound is copied at commit and
// compared when the work starts, so the later work runs, the more is seen. A
// snapshot is of one buffer, in a list.
#ifndef HOSTWRITE_H
#define HOSTWRITE_H

#include "metal.h"

void snapshot_buffer(snapshot **, Buffer *); // once for each buffer of the list
void snapshot_compare(snapshot *);
void snapshot_free(snapshot *);

// snapshot_changed finds the first byte of a range that the host has changed; none: the range's end.
uintptr_t snapshot_changed(const snapshot *, uintptr_t start, uint64_t length);
#endif
