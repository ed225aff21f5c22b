// The executor of a launch: threadgroups run one after the other, each thread as a
// fiber on the calling thread.
#define _GNU_SOURCE
#include "machine.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

msl_grid msl_now;
machine msl_machine;
arena msl_arena;

static machine *const m = &msl_machine;

// ---- threadgroup memory

enum { UNSET = 0xFF }; // its bytes at the start: NaN of every float type

void *msl_threadgroup_variable(uint32_t id, const char *name, uint32_t size, uint32_t element, msl_site at) {
  arena *a = &msl_arena;
  if (id < a->count) return a->base + a->variables[id].offset;
  uint32_t offset = (a->top + 15) & ~15u;
  if (id != a->count || id >= VARIABLES || size > ARENA - offset) {
    if (msl_report_first("threadgroup memory", 0, 1))
      msl_report(at.line, "threadgroup memory", "%s of %u bytes is more than there is", name, size);
    msl_stop();
  }
  a->variables[a->count++] = (variable){name, offset, size, element};
  a->top = offset + size + 16; // never adjacent
  memset(a->base + offset, UNSET, size);
  a->bytes = ((a->bytes + 15) & ~15u) + size;
  if (a->bytes > MSL_THREADGROUP_BYTES && msl_report_first("threadgroup memory", 0, 0))
    msl_report(at.line, "threadgroup memory", "%s brings the kernel to %u bytes, the limit is %d", name, a->bytes,
               MSL_THREADGROUP_BYTES);
  return a->base + offset;
}

// ---- launch

// reserve maps what all launches use, once.
static bool reserve(void) {
  if (!msl_arena.base) {
    const size_t size = ARENA + 2 * ARENA_MARGIN;
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return false;
    msl_arena.base = (uint8_t *)p + ARENA_MARGIN;
  }
  return msl_fibers_reserve();
}

// prepare sets what is the same for all threadgroups.
static void prepare(void) {
  const msl_launch *l = m->launch;
  for (int d = 0; d < 3; d++) msl_now.groups[d] = l->groups[d], msl_now.threads[d] = l->threads[d];
  for (int i = 0; i < MSL_BUFFERS; i++) msl_now.buffers[i] = l->buffers[i].data;
  msl_now.simdgroups = (m->count + MSL_LANES - 1) / MSL_LANES;
  uint32_t x = 0, y = 0, z = 0;
  for (uint32_t i = 0; i < m->count; i++) {
    m->fibers[i].thread = (msl_thread){{x, y, z}, i, i % MSL_LANES, i / MSL_LANES};
    if (++x == l->threads[0]) {
      x = 0;
      if (++y == l->threads[1]) y = 0, z++;
    }
  }
  for (uint32_t i = 0; i < msl_now.simdgroups; i++) {
    simdgroup *s = &m->simdgroups[i];
    s->count = m->count - i * MSL_LANES < MSL_LANES ? m->count - i * MSL_LANES : MSL_LANES;
    s->full = s->count == MSL_LANES ? ~0u : (1u << s->count) - 1;
    s->generation = 0;
  }
  msl_fibers_begin();
  m->random = l->seed * 2 + 1;
  m->stamp = 0;
  m->generation = 0;
  msl_arena.count = msl_arena.top = msl_arena.bytes = 0;
  msl_order_threads();
}

static void start_group(uint64_t ordinal) {
  const msl_launch *l = m->launch;
  msl_now.group[0] = (uint32_t)(ordinal % l->groups[0]);
  msl_now.group[1] = (uint32_t)(ordinal / l->groups[0] % l->groups[1]);
  msl_now.group[2] = (uint32_t)(ordinal / l->groups[0] / l->groups[1]);
  m->ordinal = (uint32_t)ordinal;
  m->live = m->count;
  m->waiting = 0;
  m->started = ++m->stamp;
  for (int i = 0; i < MEMORIES; i++) m->barrier.since[i] = m->stamp;
  for (uint32_t i = 0; i < msl_now.simdgroups; i++) {
    simdgroup *s = &m->simdgroups[i];
    s->live = s->full;
    s->met = 0;
    s->barrier = m->barrier;
  }
  for (uint32_t i = 0; i < m->count; i++) m->fibers[i].state = NEW;
  memset(msl_arena.base, UNSET, msl_arena.top);
  if (l->order == MSL_RANDOM) msl_order_threads();
}

// REFUSE reports what is wrong with the launch itself.
#define REFUSE(what, ...) \
  do { \
    if (msl_report_first("launch", (uintptr_t)(what), 0)) msl_report(0, "launch", __VA_ARGS__); \
  } while (0)

static bool valid(void) {
  const msl_launch *l = m->launch;
  const uint32_t *g = l->groups, *t = l->threads;
  uint64_t groups = 1, threads = 1;
  for (int d = 0; d < 3; d++) {
    if (g[d] == 0 || t[d] == 0) {
      REFUSE(1, "a size of the grid is 0");
      return false;
    }
    if (groups > UINT32_MAX / g[d] || threads > MSL_THREADS / t[d]) {
      REFUSE(2, "(%u, %u, %u) threads in (%u, %u, %u) threadgroups are too many: the limit is %d a threadgroup", t[0],
             t[1], t[2], g[0], g[1], g[2], MSL_THREADS);
      return false;
    }
    groups *= g[d];
    threads *= t[d];
  }
  m->count = (uint32_t)threads;
  for (int i = 0; i < l->kernel->nargs; i++) {
    const msl_arg *a = &l->kernel->args[i];
    const void *data = l->buffers[a->index].data;
    if (!data) REFUSE(a, "%s [[buffer(%d)]] is not bound", a->name, a->index);
    else if ((uintptr_t)data % a->align) REFUSE(a, "%s [[buffer(%d)]] is not aligned", a->name, a->index);
  }
  return msl_report_count() == 0;
}

// group_at is the threadgroup that runs as number i of n.
static uint64_t group_at(uint64_t i, uint64_t n, uint64_t step, uint64_t first) {
  if (m->launch->order == MSL_REVERSE) return n - 1 - i;
  return (i * step + first) % n; // all below 2^32
}

// coprime is a step that visits all of n.
static uint64_t coprime(uint64_t n) {
  for (;;) {
    uint64_t step = msl_random_below((uint32_t)n) + 1, a = step, b = n;
    while (b) {
      uint64_t r = a % b;
      a = b, b = r;
    }
    if (a == 1) return step;
  }
}

static void run(void) {
  const msl_launch *l = m->launch;
  prepare();
  uint64_t n = (uint64_t)l->groups[0] * l->groups[1] * l->groups[2], step = 1, first = 0;
  if (l->order == MSL_RANDOM) step = coprime(n), first = msl_random_below((uint32_t)n);
  for (uint64_t i = 0; i < n; i++) {
    start_group(group_at(i, n, step, first));
    if (!msl_fibers_run()) return;
  }
}

int msl_run(const msl_launch *l) {
  static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&turn);
  m->launch = l;
  msl_report_begin();
  if (!reserve() || (l->check && !msl_check_begin())) {
    REFUSE(3, "no memory for the executor");
  } else if (valid()) {
    run();
  }
  if (l->check) msl_check_end();
  msl_now.self = NULL;
  int n = msl_report_count();
  pthread_mutex_unlock(&turn);
  return n;
}
