#include "shadow.h"

#include "objc.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { ADDRESS_BITS = 48, PAGE_BITS = 16, LEAF_BITS = 15, GRANULES = SHADOW_PAGE / GRANULE };

typedef struct page {
  uint32_t users;
  granule *granules; // made at the first access
} page;

static page *directory[1 << (ADDRESS_BITS - PAGE_BITS - LEAF_BITS)];

static void *map(size_t size) {
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) {
    perror("swmetal: no memory for the shadow of buffers");
    abort();
  }
  return p;
}

static page *page_of(uintptr_t number) {
  page **leaf = &directory[number >> LEAF_BITS];
  if (!*leaf)
    *leaf = map(sizeof(page) << LEAF_BITS);
  return &(*leaf)[number & ((1 << LEAF_BITS) - 1)];
}

void shadow_cover(const void *start, uint64_t length) {
  uintptr_t first = (uintptr_t)start >> PAGE_BITS, last = ((uintptr_t)start + length - 1) >> PAGE_BITS;
  for (uintptr_t n = first; n <= last; n++)
    page_of(n)->users++;
}

void shadow_uncover(const void *start, uint64_t length) {
  uintptr_t first = (uintptr_t)start >> PAGE_BITS, last = ((uintptr_t)start + length - 1) >> PAGE_BITS;
  for (uintptr_t n = first; n <= last; n++) {
    page *p = page_of(n);
    if (--p->users || !p->granules)
      continue;
    munmap(p->granules, sizeof(granule) * GRANULES);
    p->granules = NULL;
  }
}

granule *shadow_at(uintptr_t address, uint64_t *granules) {
  page *p = page_of(address >> PAGE_BITS);
  if (!p->users)
    return NULL;
  if (!p->granules)
    p->granules = map(sizeof(granule) * GRANULES);
  uint64_t in_page = (address & (SHADOW_PAGE - 1)) / GRANULE;
  *granules = GRANULES - in_page;
  return &p->granules[in_page];
}
