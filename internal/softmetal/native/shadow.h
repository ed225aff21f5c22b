// A shadow of the memory of all buffers: who last wrote and read each granule.
// It goes by address, so that buffers over the same memory share it.
#ifndef SHADOW_H
#define SHADOW_H

#include <stdint.h>

enum { GRANULE = 2, SHADOW_PAGE = 1 << 16 }; // bytes

// Numbers of accesses (see hazard.c), 0 for none.
typedef struct granule {
  uint32_t write;
  uint32_t read, other_read; // the latest and, if that is the reader's own, the one before
} granule;

void shadow_cover(const void *start, uint64_t length); // a buffer begins to use this memory
void shadow_uncover(const void *start, uint64_t length);

// shadow_at finds the granule of an address, and how many follow it in one piece;
// null for memory of no buffer. Callers hold the lock of hazard.c, as do those of
// the two above.
granule *shadow_at(uintptr_t address, uint64_t *granules);
#endif
