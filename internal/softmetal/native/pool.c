// Autorelease pools. They belong to threads.
#include "objc.h"

#include <stdlib.h>

static _Thread_local struct {
  id *objects; // a null starts a pool
  size_t count, depth;
  uint32_t serial; // of the thread
} pools;

static atomic_uint threads;

static void push(id o) {
  pools.objects = grow(pools.objects, pools.count, sizeof *pools.objects);
  pools.objects[pools.count++] = o;
}

id autorelease(void *p) {
  if (!pools.depth)
    report("object %p of class %s autoreleased with no pool in place - just leaking", p, class_name(p));
  else
    push(p);
  return p;
}

// The token names the thread and the place of the pool's null.
void *objc_autoreleasePoolPush(void) {
  if (!pools.serial)
    pools.serial = ++threads;
  push(NULL);
  pools.depth++;
  return (void *)((uintptr_t)pools.serial << 32 | pools.count);
}

void objc_autoreleasePoolPop(void *token) {
  report_under(NULL, NULL);
  uintptr_t t = (uintptr_t)token;
  size_t place = t & UINT32_MAX;
  if (t >> 32 != pools.serial || !place || place > pools.count || pools.objects[place - 1]) {
    report("attempted to pop an unknown autorelease pool %p (of another thread, or popped twice)", token);
    return;
  }
  while (pools.count >= place) {
    id o = pools.objects[--pools.count];
    if (o)
      release(o);
    else
      pools.depth--;
  }
}
