#include "objc.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *p) {
  if (!p) {
    fputs("swmetal: out of memory\n", stderr);
    abort();
  }
  return p;
}

void *take_zeroed(size_t count, size_t size) { return check(calloc(count ? count : 1, size)); }

void *grow(void *array, size_t count, size_t size) {
  if (count & (count - 1)) // the capacity is the next power of two
    return array;
  return check(realloc(array, (count ? 2 * count : 1) * size));
}

char *copy_string(const char *s) { return check(strdup(s)); }

enum { CHUNK = 1 << 16, ALIGNMENT = 16, SPARE_CHUNKS = 64 };

typedef struct chunk {
  struct chunk *next;
  size_t size; // of bytes
  _Alignas(ALIGNMENT) char bytes[];
} chunk;

// Chunks of the usual size are kept: command buffers come and go.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static chunk *spare;
static int spare_count;

static chunk *take_chunk(size_t size) {
  chunk *c = NULL;
  if (size <= CHUNK) {
    size = CHUNK;
    pthread_mutex_lock(&lock);
    if ((c = spare)) {
      spare = c->next;
      spare_count--;
    }
    pthread_mutex_unlock(&lock);
  }
  if (!c)
    c = check(malloc(sizeof *c + size));
  c->size = size;
  return c;
}

static void free_chunk(chunk *c) {
  pthread_mutex_lock(&lock);
  bool keep = c->size == CHUNK && spare_count < SPARE_CHUNKS;
  if (keep) {
    c->next = spare;
    spare = c;
    spare_count++;
  }
  pthread_mutex_unlock(&lock);
  if (!keep)
    free(c);
}

void *arena_take(arena *a, size_t size) {
  size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
  if (size > a->left) {
    chunk *c = take_chunk(size);
    c->next = a->chunks;
    a->chunks = c;
    a->left = c->size;
  }
  a->left -= size;
  return a->chunks->bytes + a->left;
}

void arena_free(arena *a) {
  while (a->chunks) {
    chunk *next = a->chunks->next;
    free_chunk(a->chunks);
    a->chunks = next;
  }
  a->left = 0;
}
