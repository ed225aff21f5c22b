#include "hostwrite.h"

#include "hazard.h"

#include <stdlib.h>
#include <string.h>

struct snapshot {
  const uint8_t *data;
  uint64_t length;
  uint8_t *bytes;  // as they were; after the comparison, 1 for each that the host has changed
  uint32_t moment; // of hazard.c
  bool changed;
  snapshot *next;
};

void snapshot_buffer(snapshot **list, Buffer *b) {
  for (const snapshot *s = *list; s; s = s->next)
    if (s->data == b->data && s->length == b->length)
      return;
  snapshot *s = take_zeroed(1, sizeof *s);
  *s = (snapshot){b->data, b->length, take_zeroed(b->length, 1), hazard_now(), false, *list};
  memcpy(s->bytes, b->data, b->length);
  *list = s;
}

void snapshot_compare(snapshot *s) {
  for (; s; s = s->next)
    for (uint64_t i = 0; i < s->length; i++) {
      bool by_host = s->bytes[i] != s->data[i] && !hazard_written_since(s->moment, (uintptr_t)&s->data[i]);
      s->bytes[i] = by_host;
      s->changed |= by_host;
    }
}

void snapshot_free(snapshot *s) {
  while (s) {
    snapshot *next = s->next;
    free(s->bytes);
    free(s);
    s = next;
  }
}

uintptr_t snapshot_changed(const snapshot *s, uintptr_t start, uint64_t length) {
  for (; s; s = s->next)
    for (uintptr_t a = start; s->changed && a < start + length; a++)
      if (a - (uintptr_t)s->data < s->length && s->bytes[a - (uintptr_t)s->data])
        return a;
  return start + length;
}
