// Memory that nothing has written yet carries a pattern that depends on the address.
//
// Each 16 bits of it are a NaN in f16 and bf16, each 32 a NaN in f32. A block of
// 16 bytes that still has all of its pattern counts as never written: the chance
// that a writer put it there is one in 2^47. A block that was written in part
// counts as written, so such reads are missed.
#ifndef POISON_H
#define POISON_H

#include <stdbool.h>
#include <stdint.h>

void poison(void *memory, uint64_t length);

// poison_at finds the first byte of a range that was never written; the range lies in memory.
// None: the range's end.
uintptr_t poison_at(uintptr_t start, uint64_t length);
#endif
