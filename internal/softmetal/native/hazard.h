// Hazards: two dispatches touch the same bytes, one writes, and nothing orders them.
#ifndef HAZARD_H
#define HAZARD_H

#include "metal.h"

// A dispatch on its way.
typedef struct task {
  const launch *launch;
  int queue;
  uint32_t encoder, number;       // of the dispatch in the encoder
  const timeline *before;         // what is over when the encoder starts
  uint32_t since;                 // the encoder's dispatches below this number are ordered before
  uint32_t since_of[MSL_BUFFERS]; // the same for accesses through the buffer at an index
} task;

void hazard_begin(const task *); // until hazard_end no other dispatch is tracked
void hazard_access(uintptr_t address, uint64_t size, bool write);
void hazard_end(void);

void hazard_cover(const Buffer *);
void hazard_uncover(const Buffer *);

// hazard_now is a moment between dispatches; hazard_written_since tells whether
// the GPU has written a byte after it.
uint32_t hazard_now(void);
bool hazard_written_since(uint32_t moment, uintptr_t address);
#endif
