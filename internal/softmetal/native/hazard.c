#include "hazard.h"

#include "shadow.h"

#include <pthread.h>
#include <string.h>

// What a dispatch does through one buffer. Granules hold numbers of these.
typedef struct access {
  int queue;
  uint32_t encoder, dispatch;
  uint64_t buffer; // serial
  const char *kernel;
} access;

enum { SWEEP = 1024 }; // accesses, before those that are settled are dropped

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

// Those numbered below first are ordered before all that may come.
static access *accesses;
static size_t access_count;
static uint32_t first = 1;
static size_t next_sweep = SWEEP;

static struct {
  const task *task;
  struct {
    Buffer *buffer;
    uint32_t number; // of the access
    uint32_t since;
  } bound[MSL_BUFFERS];
  int count;
  bool reported;
} running;

static void forget_settled(void) {
  if (access_count < next_sweep)
    return;
  timeline settled = order_settled();
  size_t n = 0;
  while (n < access_count && settled.over[accesses[n].queue] >= accesses[n].encoder)
    n++;
  first += (uint32_t)n;
  access_count -= n;
  memmove(accesses, accesses + n, access_count * sizeof *accesses);
  next_sweep = 2 * access_count > SWEEP ? 2 * access_count : SWEEP;
}

static void bind(Buffer *b, uint32_t since) {
  for (int i = 0; i < running.count; i++)
    if (running.bound[i].buffer == b)
      return;
  const task *t = running.task;
  accesses = grow(accesses, access_count, sizeof *accesses);
  accesses[access_count] = (access){t->queue, t->encoder, t->number, b->serial, t->launch->pipeline->kernel->name};
  running.bound[running.count].buffer = b;
  running.bound[running.count].number = first + (uint32_t)access_count++;
  running.bound[running.count++].since = since;
}

void hazard_begin(const task *t) {
  pthread_mutex_lock(&lock);
  forget_settled();
  running.task = t;
  running.count = 0;
  running.reported = false;
  const msl_kernel *k = t->launch->pipeline->kernel;
  for (int i = 0; i < k->nargs; i++)
    if (t->launch->bindings[k->args[i].index].buffer)
      bind(t->launch->bindings[k->args[i].index].buffer, t->since_of[k->args[i].index]);
}

void hazard_end(void) { pthread_mutex_unlock(&lock); }

// Finds the buffer of an access and brings it to the front.
static Buffer *bound_at(uintptr_t address) {
  for (int i = 0; i < running.count; i++) {
    Buffer *b = running.bound[i].buffer;
    if (address - (uintptr_t)b->data >= b->length)
      continue;
    __typeof__(running.bound[0]) found = running.bound[i];
    running.bound[i] = running.bound[0];
    running.bound[0] = found;
    return b;
  }
  return NULL;
}

// Says why an earlier access is in the way of the running one, null if it is not.
static const char *conflict(uint32_t number) {
  if (number < first)
    return NULL;
  const access *a = &accesses[number - first];
  const task *t = running.task;
  bool same_buffer = a->buffer == running.bound[0].buffer->serial;
  if (a->queue == t->queue && a->encoder == t->encoder) {
    uint32_t since = same_buffer ? running.bound[0].since : t->since;
    return a->dispatch == t->number || a->dispatch < since ? NULL : "with no barrier between";
  }
  if (t->before->over[a->queue] >= a->encoder)
    return NULL;
  if (a->queue != t->queue)
    return "on another queue, with no event or wait between";
  if (!same_buffer)
    return "in another encoder through another buffer over the same memory, with nothing between";
  return running.bound[0].buffer->tracked ? NULL : "in another encoder, with nothing between: the buffer is untracked";
}

static void check(uint32_t earlier, const char *verb, const char *done, uint64_t offset) {
  const char *why = earlier && !running.reported ? conflict(earlier) : NULL;
  if (!why)
    return;
  const Buffer *b = running.bound[0].buffer;
  running.reported = true;
  report("HAZARD: kernel %s %s offset %" PRIu64 " of buffer %p%s%s, %s by kernel %s %s",
         running.task->launch->pipeline->kernel->name, verb, offset, (const void *)b, b->label ? " " : "",
         b->label ? b->label : "", done, accesses[earlier - first].kernel, why);
}

void hazard_access(uintptr_t address, uint64_t size, bool write) {
  const Buffer *b = bound_at(address);
  if (!b)
    return;
  uint64_t offset = address - (uintptr_t)b->data, room = 0;
  uint32_t own = running.bound[0].number;
  granule *g = NULL;
  uintptr_t end = address + size;
  for (uintptr_t a = address & ~(uintptr_t)(GRANULE - 1); a < end; a += GRANULE, g++, room--) {
    if (!room && !(g = shadow_at(a, &room)))
      return;
    if (g->write != own)
      check(g->write, write ? "writes" : "reads", "written", offset);
    if (write) {
      check(g->read == own ? g->other_read : g->read, "writes", "read", offset);
      g->write = own;
    } else if (g->read != own) {
      g->other_read = g->read;
      g->read = own;
    }
  }
}

void hazard_cover(const Buffer *b) {
  pthread_mutex_lock(&lock);
  shadow_cover(b->data, b->length);
  pthread_mutex_unlock(&lock);
}

void hazard_uncover(const Buffer *b) {
  pthread_mutex_lock(&lock);
  shadow_uncover(b->data, b->length);
  pthread_mutex_unlock(&lock);
}

uint32_t hazard_now(void) {
  pthread_mutex_lock(&lock);
  uint32_t now = first + (uint32_t)access_count;
  pthread_mutex_unlock(&lock);
  return now;
}

bool hazard_written_since(uint32_t moment, uintptr_t address) {
  uint64_t room;
  pthread_mutex_lock(&lock);
  const granule *g = shadow_at(address, &room);
  bool written = g && g->write >= moment;
  pthread_mutex_unlock(&lock);
  return written;
}
