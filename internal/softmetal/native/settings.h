// Settings come from the environment (SWMETAL_LAZY=1) and from swmetal_set.
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdint.h>

enum setting {
  CHECK,      // 0: kernels run fast, without checks of accesses and hazards
  RECORD,     // errors are kept for swmetal_take_errors instead of ending the process
  LAZY,       // work runs as late as possible: when the host waits
  SHUFFLE,    // seed of the order of dispatches that nothing orders; 0: as encoded
  ORDER,      // of threads: forward, reverse, random (by the seed of SHUFFLE)
  HOSTWRITES, // finds host writes to buffers in flight; copies what is bound at commit
  MAXTHREADS, // maxTotalThreadsPerThreadgroup
  MAXBUFFER,  // maxBufferLength
  FAMILY,     // of Apple's GPUs: 7 is M1, 8 is M2, 9 is M3
  PATIENCE,   // milliseconds that the GPU waits for an event
  PAGE,       // bytes of a page, for newBufferWithBytesNoCopy; 0: the system's
  OS,         // macOS; the methods of later ones are missing
  SETTINGS
};

int64_t setting(enum setting);
#endif
