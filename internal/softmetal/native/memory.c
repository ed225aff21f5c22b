#include "objc.h"

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
