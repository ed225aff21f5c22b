// Checks of a launch: the compiler calls here before each access to memory and at each
// operation whose result Metal leaves undefined.
#define _GNU_SOURCE
#include "machine.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// A cell is the history of some bytes: the last write, and of the reads since then two
// that tell whether any write to come races with one of them.
typedef struct event {
  uint32_t stamp; // 0: none
  uint32_t who;   // threadgroup and thread, as who gives it
} event;

typedef struct cell {
  event write, read, other;
} cell;

// A region is memory with cells: buffers, those that overlap together, or the arena.
typedef struct region {
  uint8_t *from, *to;
  enum memory memory;
  uint32_t shift; // a cell stands for 1 << shift bytes
  cell *cells;
  size_t bytes;
} region;

enum { REGIONS = MSL_BUFFERS + 1 };

static machine *const m = &msl_machine;
static region regions[REGIONS];
static uint32_t count;
static uint8_t *object_from, *object_to; // the object's own constants

enum { THREAD_BITS = 10 };

static uint32_t who(void) { return m->ordinal << THREAD_BITS | msl_now.self->index; }
static uint32_t thread_of(uint32_t who) { return who & (MSL_THREADS - 1); }
static uint32_t group_of(uint32_t who) { return who >> THREAD_BITS; }

// ---- regions

static bool map_cells(region *r) {
  r->bytes = (((size_t)(r->to - r->from) >> r->shift) + 1) * sizeof(cell);
  void *p = mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  r->cells = p == MAP_FAILED ? NULL : p;
  return r->cells != NULL;
}

static bool add_region(uint8_t *from, uint8_t *to, enum memory memory) {
  region *r = &regions[count++];
  *r = (region){from, to, memory, 2, NULL, 0};
  return map_cells(r);
}

// refine gives each byte, or pair of bytes, a cell of its own.
static void refine(region *r, uint32_t shift) {
  region fine = *r;
  fine.shift = shift;
  if (!map_cells(&fine)) abort();
  size_t n = (size_t)(r->to - r->from);
  for (size_t i = 0; i < n; i += 1u << shift) {
    const cell *c = &r->cells[i >> r->shift];
    if (c->write.stamp || c->read.stamp) fine.cells[i >> shift] = *c;
  }
  munmap(r->cells, r->bytes);
  *r = fine;
}

static int by_address(const void *a, const void *b) {
  const msl_buffer *x = a, *y = b;
  return (x->data > y->data) - (x->data < y->data);
}

static int find_object(struct dl_phdr_info *info, size_t size, void *entry) {
  (void)size;
  uint8_t *from = NULL, *to = NULL;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
    uint8_t *at = (uint8_t *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    if (!from || at < from) from = at;
    if (at + info->dlpi_phdr[i].p_memsz > to) to = at + info->dlpi_phdr[i].p_memsz;
  }
  if ((uint8_t *)entry < from || (uint8_t *)entry >= to) return 0;
  object_from = from, object_to = to;
  return 1;
}

bool msl_check_begin(void) {
  const msl_launch *l = m->launch;
  count = 0;
  object_from = object_to = NULL;
  dl_iterate_phdr(find_object, (void *)l->kernel->entry);
  if (!add_region(msl_arena.base, msl_arena.base + ARENA, THREADGROUP)) return false;
  msl_buffer sorted[MSL_BUFFERS];
  uint32_t n = 0;
  for (int i = 0; i < l->kernel->nargs; i++) {
    msl_buffer b = l->buffers[l->kernel->args[i].index];
    if (b.data && b.len) sorted[n++] = b;
  }
  qsort(sorted, n, sizeof sorted[0], by_address);
  for (uint32_t i = 0; i < n;) {
    uint8_t *from = sorted[i].data, *to = from + sorted[i].len;
    for (i++; i < n && (uint8_t *)sorted[i].data < to; i++)
      if ((uint8_t *)sorted[i].data + sorted[i].len > to) to = (uint8_t *)sorted[i].data + sorted[i].len;
    if (!add_region(from, to, DEVICE)) return false;
  }
  return true;
}

void msl_check_end(void) {
  for (uint32_t i = 0; i < count; i++)
    if (regions[i].cells) munmap(regions[i].cells, regions[i].bytes);
  count = 0;
}

// ---- messages

// FIND reports a finding once. Its arguments are evaluated only then.
#define FIND(kind, pc, what, ...) \
  do { \
    if (msl_report_first(kind, pc, (uintptr_t)(what))) msl_report(msl_line(pc), kind, __VA_ARGS__); \
  } while (0)

static uint32_t me(void) { return msl_now.self->index; }
static const char *does(bool write) { return write ? "writes" : "reads"; }

// element names what lies at p. The text lasts until the next call.
static const char *element(const region *r, const uint8_t *p) {
  static char text[256];
  if (r->memory == THREADGROUP) {
    for (uint32_t i = 0; i < msl_arena.count; i++) {
      const variable *v = &msl_arena.variables[i];
      uint32_t at = (uint32_t)(p - msl_arena.base) - v->offset;
      if (p < msl_arena.base + v->offset || at >= v->size) continue;
      snprintf(text, sizeof text, "%s[%u] (threadgroup)", v->name, at / v->element);
      return text;
    }
    return "threadgroup memory";
  }
  for (int i = 0; i < m->launch->kernel->nargs; i++) {
    const msl_arg *a = &m->launch->kernel->args[i];
    const msl_buffer *b = &m->launch->buffers[a->index];
    const uint8_t *data = b->data;
    if (p < data || p >= data + b->len) continue;
    snprintf(text, sizeof text, "%s[%zu]", a->name, (size_t)(p - data) / a->size);
    return text;
  }
  return "a buffer";
}

// ---- races

// ordered: does what e was come before what this thread does now?
static bool ordered(const event *e, enum memory memory) {
  if (e->stamp == 0) return true;
  if (e->stamp < m->started) return false; // in another threadgroup
  if (e->who == who()) return true;
  if (e->stamp < m->barrier.since[memory]) return true;
  uint32_t s = msl_now.self->simdgroup;
  return thread_of(e->who) / MSL_LANES == s && e->stamp < m->simdgroups[s].barrier.since[memory];
}

static void race(const region *r, const uint8_t *p, bool write, const event *e, bool wrote, uintptr_t pc) {
  const char *did = wrote ? "wrote" : "read";
  if (e->stamp >= m->started)
    FIND("race", pc, r, "thread %u %s %s, which thread %u %s with no barrier between", me(), does(write), element(r, p),
         thread_of(e->who), did);
  else
    FIND("race", pc, r, "thread %u of threadgroup %u %s %s, which thread %u of threadgroup %u %s", me(), m->ordinal,
         does(write), element(r, p), thread_of(e->who), group_of(e->who), did);
}

// distance of a thread from another: the further, the more writes race with both.
static int distance(uint32_t a, uint32_t b) {
  if (group_of(a) != group_of(b)) return 3;
  if (thread_of(a) / MSL_LANES != thread_of(b) / MSL_LANES) return 2;
  return a != b;
}

static void touch(region *r, uint8_t *p, bool write, uintptr_t pc) {
  cell *c = &r->cells[(size_t)(p - r->from) >> r->shift];
  event now = {m->stamp, who()};
  if (r->memory == THREADGROUP && c->write.stamp < m->started) {
    if (c->read.stamp < m->started) *c = (cell){0}; // another threadgroup's memory
    if (!write) FIND("uninitialised", pc, r, "thread %u reads %s, which no thread has written", me(), element(r, p));
  }
  if (!ordered(&c->write, r->memory)) race(r, p, write, &c->write, true, pc);
  if (write) {
    if (!ordered(&c->read, r->memory)) race(r, p, write, &c->read, false, pc);
    else if (!ordered(&c->other, r->memory)) race(r, p, write, &c->other, false, pc);
    *c = (cell){.write = now};
    return;
  }
  if (c->read.who != now.who && c->read.stamp) {
    event keep = c->read;
    if (!ordered(&c->other, r->memory) && distance(c->other.who, now.who) > distance(keep.who, now.who))
      keep = c->other;
    c->other = keep;
  }
  c->read = now;
}

static void touch_all(region *r, uint8_t *p, uint32_t size, bool write, uintptr_t pc) {
  while (size < 1u << r->shift || (uintptr_t)p & ((1u << r->shift) - 1)) refine(r, r->shift - 1);
  for (uint32_t k = 0; k < size; k += 1u << r->shift) touch(r, p + k, write, pc);
}

// ---- bounds

// index_at is the element at an offset, which may be negative.
static long long index_at(int64_t offset, uint32_t size) {
  return offset < 0 ? (offset - (int64_t)size + 1) / (int64_t)size : offset / (int64_t)size;
}

// gap is how far an offset lies outside [0, size).
static int64_t gap(int64_t offset, uint64_t size) { return offset < 0 ? -offset : offset - (int64_t)size; }

// outside reports an access to no buffer, by the nearest one, and stops the launch: the
// access would be made when it returns.
static _Noreturn void outside(uint8_t *p, uint32_t size, bool write, uintptr_t pc) {
  const msl_arg *near = NULL;
  int64_t best = 1 << 20, offset = 0;
  uint64_t len = 0;
  for (int i = 0; i < m->launch->kernel->nargs; i++) {
    const msl_buffer *b = &m->launch->buffers[m->launch->kernel->args[i].index];
    int64_t at = p - (uint8_t *)b->data;
    if (gap(at, b->len) >= best) continue;
    near = &m->launch->kernel->args[i];
    best = gap(at, b->len), offset = at, len = b->len;
  }
  if (near)
    FIND("bounds", pc, near, "thread %u of threadgroup %u %s %s[%lld] of %llu", me(), m->ordinal, does(write), near->name,
         index_at(offset, near->size), (unsigned long long)(len / near->size));
  else
    FIND("bounds", pc, NULL, "thread %u of threadgroup %u %s %u bytes outside every buffer", me(), m->ordinal,
         does(write), size);
  msl_stop();
}

static void check_threadgroup(region *r, uint8_t *p, uint32_t size, bool write, uintptr_t pc) {
  const variable *near = NULL;
  int64_t best = ARENA, offset = 0;
  for (uint32_t i = 0; i < msl_arena.count; i++) {
    const variable *v = &msl_arena.variables[i];
    int64_t at = p - (msl_arena.base + v->offset);
    if (at >= 0 && at + size <= v->size) {
      touch_all(r, p, size, write, pc);
      return;
    }
    if (gap(at, v->size) < best) best = gap(at, v->size), offset = at, near = v;
  }
  if (near)
    FIND("bounds", pc, near, "thread %u %s %s[%lld] (threadgroup) of %u", me(), does(write), near->name,
         index_at(offset, near->element), near->size / near->element);
  else
    FIND("bounds", pc, r, "thread %u %s threadgroup memory of no variable", me(), does(write));
}

// argument_at is an argument to which all of the access belongs, a writable one if
// asked: two arguments may share memory.
static const msl_arg *argument_at(const uint8_t *p, uint32_t size, bool writable) {
  for (int i = 0; i < m->launch->kernel->nargs; i++) {
    const msl_arg *a = &m->launch->kernel->args[i];
    const msl_buffer *b = &m->launch->buffers[a->index];
    const uint8_t *data = b->data;
    if (p >= data && p + size <= data + b->len && (!writable || a->kind == MSL_WRITE)) return a;
  }
  return NULL;
}

static void check_buffer(region *r, uint8_t *p, uint32_t size, bool write, uintptr_t pc) {
  const msl_arg *a = argument_at(p, size, false);
  if (!a) outside(p, size, write, pc); // it straddles an end
  if (write && !argument_at(p, size, true))
    FIND("constant", pc, a, "thread %u writes %s, which is %s", me(), element(r, p),
         a->kind == MSL_CONSTANT ? "constant" : "device const");
  touch_all(r, p, size, write, pc);
  if (m->launch->access) m->launch->access(m->launch->ctx, p, size, write);
}

static bool within(const uint8_t *p, const void *what, size_t size) {
  return p >= (const uint8_t *)what && p < (const uint8_t *)what + size;
}

static void access(uint8_t *p, uint32_t size, bool write, uintptr_t pc) {
  if (!count || !msl_now.self || msl_on_stack(p)) return;
  if (within(p, &msl_machine, sizeof msl_machine) || within(p, &msl_now, sizeof msl_now)) return;
  if (within(p, msl_arena.base - ARENA_MARGIN, ARENA + 2 * ARENA_MARGIN)) {
    check_threadgroup(&regions[0], p, size, write, pc);
    return;
  }
  for (uint32_t i = 1; i < count; i++) {
    region *r = &regions[i];
    if (p < r->from || p >= r->to) continue;
    check_buffer(r, p, size, write, pc);
    return;
  }
  if (!write && p >= object_from && p + size <= object_to) return; // constants of the text
  outside(p, size, write, pc);
}

// ---- what the compiler calls

#define PC ((uintptr_t)__builtin_return_address(0) - 1)

static void aligned(uint8_t *p, uint32_t size, bool write, uintptr_t pc) {
  if ((uintptr_t)p % size && msl_now.self && !msl_on_stack(p))
    FIND("alignment", pc, NULL, "thread %u %s %u bytes at an address that is no multiple of it", me(), does(write), size);
  access(p, size, write, pc);
}

#define ACCESSES(n) \
  void __tsan_read##n(void *p) { aligned(p, n, false, PC); } \
  void __tsan_write##n(void *p) { aligned(p, n, true, PC); } \
  void __tsan_unaligned_read##n(void *p) { access(p, n, false, PC); } \
  void __tsan_unaligned_write##n(void *p) { access(p, n, true, PC); }
ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)

void __tsan_init(void) {}

// Pieces of at most 16 bytes, of which none crosses into the next cell unevenly.
static void block(uint8_t *p, size_t n, bool write, uintptr_t pc) {
  while (n) {
    uint32_t step = n >= 4 && (uintptr_t)p % 4 == 0 ? 4 : 1;
    access(p, step, write, pc);
    p += step, n -= step;
  }
}

void *__tsan_memcpy(void *to, const void *from, size_t n) {
  block((uint8_t *)from, n, false, PC);
  block(to, n, true, PC);
  return memcpy(to, from, n);
}

void *__tsan_memmove(void *to, const void *from, size_t n) {
  block((uint8_t *)from, n, false, PC);
  block(to, n, true, PC);
  return memmove(to, from, n);
}

void *__tsan_memset(void *p, int c, size_t n) {
  block(p, n, true, PC);
  return memset(p, c, n);
}

// What the compiler passes begins with the place in the text.
typedef struct place {
  const char *file;
  uint32_t line, column;
} place;

// In a function of the library, which has no lines, it is that of the caller.
static void undefined(const place *at, const char *what, uintptr_t pc) {
  if (!msl_now.self || !msl_report_first("undefined", (uintptr_t)at, (uintptr_t)what)) return;
  uint32_t line = strcmp(at->file, "metal") ? msl_line(pc) : at->line;
  msl_report(line, "undefined", "thread %u of threadgroup %u: %s", me(), m->ordinal, what);
}

// What is beyond an array may be anything.
void __ubsan_handle_out_of_bounds(const place *at) {
  undefined(at, "index outside the array", PC);
  if (msl_now.self) msl_stop();
}

#define UNDEFINED(name, what) \
  void __ubsan_handle_##name(const place *at) { undefined(at, what, PC); }
UNDEFINED(add_overflow, "signed sum overflows")
UNDEFINED(sub_overflow, "signed difference overflows")
UNDEFINED(mul_overflow, "signed product overflows")
UNDEFINED(negate_overflow, "signed negation overflows")
UNDEFINED(divrem_overflow, "division by zero or overflow")
UNDEFINED(shift_out_of_bounds, "shift by a negative number, or by the width or more")
UNDEFINED(float_cast_overflow, "float out of the range of the integer type")
