// Autorelease pools. They belong to threads.
#include "objc.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct pools {
  id *objects; // a null starts a pool
  size_t count, depth;
  uint32_t serial; // of the thread, from 1
} pools;

static _Thread_local pools own;
static atomic_uint threads;
static pthread_key_t at_end;

static void pop_to(size_t count) {
  while (own.count > count) {
    id o = own.objects[--own.count];
    if (o)
      release(o);
    else
      own.depth--;
  }
}

static void end_thread(void *p) {
  (void)p;
  report_under(NULL, NULL);
  pop_to(0);
  free(own.objects);
}

__attribute__((constructor)) static void make_key(void) { pthread_key_create(&at_end, end_thread); }

static void push(id o) {
  own.objects = grow(own.objects, own.count, sizeof *own.objects);
  own.objects[own.count++] = o;
}

id autorelease(void *p) {
  if (!own.depth)
    report("object %p of class %s autoreleased with no pool in place - just leaking", p, class_name(p));
  else
    push(p);
  return p;
}

// The token names the thread and the place of the pool's null.
void *objc_autoreleasePoolPush(void) {
  if (!own.serial) {
    own.serial = ++threads;
    pthread_setspecific(at_end, &own); // not null, so that end_thread is called
  }
  push(NULL);
  own.depth++;
  return (void *)((uintptr_t)own.serial << 32 | own.count);
}

void objc_autoreleasePoolPop(void *token) {
  report_under(NULL, NULL);
  uintptr_t t = (uintptr_t)token;
  size_t place = t & UINT32_MAX;
  if (t >> 32 != own.serial || !place || place > own.count || own.objects[place - 1]) {
    report("attempted to pop an unknown autorelease pool %p (of another thread, or popped twice)", token);
    return;
  }
  pop_to(place - 1);
}
