// What the process itself may do with its memory.
#include "metal.h"

#include <stdio.h>

bool read_only(const void *memory, uint64_t length) {
  FILE *maps = fopen("/proc/self/maps", "re");
  if (!maps)
    return false;
  uintptr_t from = (uintptr_t)memory, to = from + length, start, end;
  char write;
  bool found = false;
  while (!found && fscanf(maps, "%" SCNxPTR "-%" SCNxPTR " %*c%c%*[^\n]", &start, &end, &write) == 3)
    found = start < to && from < end && write != 'w';
  fclose(maps);
  return found;
}
