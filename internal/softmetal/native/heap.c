// Objects live in one reserved range of addresses, in slots of 64 bytes: so a
// wild pointer, or a number taken for an object, is known without reading it.
// A dead object's slots are used again only after many more have died, so that
// messages to it are caught.
#include "objc.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
  SLOT = 64,
  CLASSES = 64,     // sizes, in slots
  BURIED = 1 << 15, // dead objects kept
};
static const size_t RESERVED = (size_t)1 << 30;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *base;
static _Atomic size_t used;
static struct {
  void *object;
  size_t slots;
} buried[BURIED];
static size_t burials;
static void **free_lists[CLASSES]; // linked through the first word

__attribute__((constructor(101))) static void reserve(void) {
  base = mmap(NULL, RESERVED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) {
    perror("swmetal: no addresses for objects");
    abort();
  }
}

void *heap_take(size_t size) {
  size_t slots = (size + SLOT - 1) / SLOT;
  if (slots >= CLASSES) {
    fputs("swmetal: an object is larger than this library has lists for\n", stderr);
    abort();
  }
  pthread_mutex_lock(&lock);
  void *p = free_lists[slots];
  if (p)
    free_lists[slots] = *free_lists[slots];
  else if (used + slots * SLOT <= RESERVED) {
    p = base + used;
    used += slots * SLOT;
  } else {
    fputs("swmetal: more live objects than this library has room for\n", stderr);
    abort();
  }
  pthread_mutex_unlock(&lock);
  return memset(p, 0, slots * SLOT);
}

void heap_bury(void *p, size_t size) {
  pthread_mutex_lock(&lock);
  size_t at = burials++ % BURIED;
  void **oldest = buried[at].object;
  if (oldest) {
    memset(oldest, 0, buried[at].slots * SLOT); // no object any more
    *oldest = free_lists[buried[at].slots];
    free_lists[buried[at].slots] = oldest;
  }
  buried[at].object = p;
  buried[at].slots = (size + SLOT - 1) / SLOT;
  pthread_mutex_unlock(&lock);
}

bool heap_owns(const void *p) {
  return (const char *)p >= base && (const char *)p < base + used && ((uintptr_t)p & (SLOT - 1)) == 0;
}
