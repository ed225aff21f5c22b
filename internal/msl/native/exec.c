// The executor: each thread of the grid is a fiber on the calling thread.
//
// Threadgroups run one after the other. Within one, a thread runs until it waits for
// others or ends; then the next that can run does. A new thread takes over the stack
// of one that ended, so kernels without barriers need no more than one.
#define _GNU_SOURCE
#include "machine.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

msl_grid msl_now;
machine msl_machine;
arena msl_arena;

enum { STACK = 128 << 10, GUARD = 4096 };

static machine *const m = &msl_machine;
static uint8_t *stacks; // MSL_THREADS of them, each above a page that faults
static uint8_t *free_stacks[MSL_THREADS];
static uint32_t free_count;
static void *home; // the stack pointer of msl_run

// msl_switch saves the registers that a call preserves and the stack pointer in *save,
// and goes on from to, where an earlier call saved its own.
void msl_switch(void **save, void *to);

#if defined(__x86_64__)
enum { SAVED = 6 };
__asm__(
    ".text\n"
    ".globl msl_switch\n"
    ".hidden msl_switch\n"
    ".type msl_switch, @function\n"
    "msl_switch:\n"
    "  pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp\n"
    "  ret\n"
    ".size msl_switch, .-msl_switch\n");
#elif defined(__aarch64__)
enum { SAVED = 20 };
__asm__(
    ".text\n"
    ".globl msl_switch\n"
    ".hidden msl_switch\n"
    ".type msl_switch, %function\n"
    "msl_switch:\n"
    "  sub sp, sp, #160\n"
    "  stp x19, x20, [sp, #0]\n"
    "  stp x21, x22, [sp, #16]\n"
    "  stp x23, x24, [sp, #32]\n"
    "  stp x25, x26, [sp, #48]\n"
    "  stp x27, x28, [sp, #64]\n"
    "  stp x29, x30, [sp, #80]\n"
    "  stp d8, d9, [sp, #96]\n"
    "  stp d10, d11, [sp, #112]\n"
    "  stp d12, d13, [sp, #128]\n"
    "  stp d14, d15, [sp, #144]\n"
    "  mov x9, sp\n"
    "  str x9, [x0]\n"
    "  mov sp, x1\n"
    "  ldp x19, x20, [sp, #0]\n"
    "  ldp x21, x22, [sp, #16]\n"
    "  ldp x23, x24, [sp, #32]\n"
    "  ldp x25, x26, [sp, #48]\n"
    "  ldp x27, x28, [sp, #64]\n"
    "  ldp x29, x30, [sp, #80]\n"
    "  ldp d8, d9, [sp, #96]\n"
    "  ldp d10, d11, [sp, #112]\n"
    "  ldp d12, d13, [sp, #128]\n"
    "  ldp d14, d15, [sp, #144]\n"
    "  add sp, sp, #160\n"
    "  ret\n"
    ".size msl_switch, .-msl_switch\n");
#else
#error "the executor knows x86-64 and aarch64"
#endif

static fiber *self(void) { return (fiber *)msl_now.self; }
static simdgroup *group_of(const fiber *f) { return &m->simdgroups[f->thread.simdgroup]; }

bool msl_on_stack(const void *p) {
  return (const uint8_t *)p >= stacks && (const uint8_t *)p < stacks + (size_t)STACK * MSL_THREADS;
}

// random is xorshift64*.
static uint32_t random_below(uint32_t n) {
  m->random ^= m->random >> 12;
  m->random ^= m->random << 25;
  m->random ^= m->random >> 27;
  return (uint32_t)((m->random * 0x2545F4914F6CDD1Dull >> 32) % n);
}

// ---- order

// arrange fills list with first, first + 1, … in the order of the launch.
static void arrange(uint16_t *list, uint32_t n, uint32_t first) {
  for (uint32_t i = 0; i < n; i++)
    list[i] = (uint16_t)(first + (m->launch->order == MSL_REVERSE ? n - 1 - i : i));
  for (uint32_t i = n; m->launch->order == MSL_RANDOM && i > 1; i--) {
    uint32_t j = random_below(i);
    uint16_t t = list[j];
    list[j] = list[i - 1], list[i - 1] = t;
  }
}

// order_threads keeps the threads of a simdgroup together.
static void order_threads(void) {
  uint32_t groups = msl_now.simdgroups, next = 0;
  uint16_t list[MSL_THREADS / MSL_LANES];
  arrange(list, groups, 0);
  for (uint32_t i = 0; i < groups; i++) {
    simdgroup *s = &m->simdgroups[list[i]];
    s->place = next;
    arrange(&m->order[next], s->count, list[i] * MSL_LANES);
    next += s->count;
  }
  for (uint32_t i = 0; i < m->count; i++) m->place[m->order[i]] = (uint16_t)i;
}

// ---- scheduling

static bool runnable(const fiber *f) {
  switch (f->state) {
  case NEW:
  case READY:
    return true;
  case AT_EXCHANGE:
    return group_of(f)->generation != f->waits;
  case AT_BARRIER:
    return m->generation != f->waits;
  case DONE:
    break;
  }
  return false;
}

// pick is the next thread that can run, those of f's simdgroup first; null: none can.
static fiber *pick(const fiber *f) {
  const simdgroup *s = group_of(f);
  uint32_t at = m->place[f->thread.index];
  for (uint32_t i = 0; i < s->count; i++) {
    if (++at == s->place + s->count) at = s->place;
    fiber *next = &m->fibers[m->order[at]];
    if (runnable(next)) return next;
  }
  at = s->place + s->count;
  for (uint32_t i = s->count; i < m->count; i++, at++) {
    if (at >= m->count) at = 0;
    fiber *next = &m->fibers[m->order[at]];
    if (runnable(next)) return next;
  }
  return NULL;
}

static void meet(simdgroup *s) {
  s->lanes = s->met;
  s->met = 0;
  s->generation++;
}

static void pass_barrier(uint32_t flags) {
  m->waiting = 0;
  m->generation++;
  m->stamp++;
  if (flags & MSL_MEM_DEVICE) m->barrier.since[DEVICE] = m->stamp;
  if (flags & MSL_MEM_THREADGROUP) m->barrier.since[THREADGROUP] = m->stamp;
  if (m->launch->order == MSL_RANDOM) order_threads();
}

static void diverges(msl_site at, const char *what, uint32_t came, uint32_t of) {
  const uint32_t *g = msl_now.group;
  if (msl_report_first("divergence", at.line, at.column))
    msl_report(at.line, "divergence", "%s reached by %u of %u threads in threadgroup (%u, %u, %u)", what, came, of, g[0],
               g[1], g[2]);
}

static void lanes_diverge(msl_site at, uint32_t came, const simdgroup *s) {
  diverges(at, "simdgroup function", (uint32_t)__builtin_popcount(came), s->count);
}

static void threads_diverge(msl_site at, uint32_t came) { diverges(at, "threadgroup_barrier", came, m->count); }

static bool same(msl_site a, msl_site b) { return a.line == b.line && a.column == b.column; }

// unblock lets some threads go on where none can run: they wait at different places.
static void unblock(void) {
  for (uint32_t i = 0; i < msl_now.simdgroups; i++) {
    simdgroup *s = &m->simdgroups[i];
    if (!s->met) continue;
    lanes_diverge(s->site, s->met, s);
    meet(s);
    return;
  }
  threads_diverge(m->site, m->waiting);
  pass_barrier(MSL_MEM_DEVICE | MSL_MEM_THREADGROUP);
}

static fiber *next_of(const fiber *f) {
  fiber *next = pick(f);
  while (!next) {
    unblock();
    next = pick(f);
  }
  return next;
}

// begin_fiber is where a fresh stack starts.
static void finish(void);
static void begin_fiber(void) {
  for (;;) {
    m->launch->kernel->entry();
    finish();
  }
}

static void take_stack(fiber *f) {
  f->stack = free_stacks[--free_count];
  void **sp = (void **)f->stack;
#if defined(__x86_64__)
  *--sp = NULL; // keeps the stack aligned as a call does
  *--sp = (void *)begin_fiber;
  sp -= SAVED;
#else
  sp -= SAVED;
  sp[11] = (void *)begin_fiber; // x30
#endif
  f->sp = sp;
}

static void resume(fiber *f, void **save) {
  if (f->state == NEW) take_stack(f);
  f->state = READY;
  msl_now.self = &f->thread;
  msl_switch(save, f->sp);
}

static void wait_for_others(fiber *f, enum thread_state state) {
  f->state = state;
  fiber *next = next_of(f);
  if (next != f) resume(next, &f->sp);
  f->state = READY;
}

// finish ends the thread that runs. It returns as another, new one, on the same stack.
static void finish(void) {
  fiber *f = self();
  simdgroup *s = group_of(f);
  f->state = DONE;
  s->live &= ~(1u << f->thread.lane);
  m->live--;
  if (s->met && s->met == s->live) {
    lanes_diverge(s->site, s->met, s);
    meet(s);
  }
  if (m->waiting && m->waiting == m->live) {
    threads_diverge(m->site, m->waiting);
    pass_barrier(MSL_MEM_DEVICE | MSL_MEM_THREADGROUP);
  }
  fiber *next = m->live ? next_of(f) : NULL;
  if (next && next->state == NEW) {
    next->stack = f->stack;
    next->state = READY;
    msl_now.self = &next->thread;
    return;
  }
  free_stacks[free_count++] = f->stack;
  void *dead;
  if (next) resume(next, &dead);
  msl_switch(&dead, home);
}

_Noreturn void msl_stop(void) {
  void *dead;
  msl_switch(&dead, home);
  __builtin_unreachable();
}

// ---- where threads meet

// arrive waits until all live lanes of the simdgroup are here; it gives those that came.
static uint32_t arrive(fiber *f, simdgroup *s, msl_site site) {
  if (!s->met) s->site = site;
  else if (!same(s->site, site)) lanes_diverge(site, s->met, s);
  s->met |= 1u << f->thread.lane;
  if (s->live != s->full) lanes_diverge(site, s->live, s);
  if (s->met == s->live) {
    meet(s);
    return s->lanes;
  }
  f->waits = s->generation;
  wait_for_others(f, AT_EXCHANGE);
  return s->lanes;
}

const void *msl_exchange(const void *value, uint32_t size, uint32_t slot, uint32_t *lanes, msl_site site) {
  fiber *f = self();
  simdgroup *s = group_of(f);
  uint8_t(*slots)[16] = s->slots[s->generation & 1]; // the other is still read
  memcpy(slots[slot], value, size);
  *lanes = arrive(f, s, site);
  return slots;
}

void msl_simdgroup_barrier(uint32_t flags, msl_site site) {
  fiber *f = self();
  simdgroup *s = group_of(f);
  if ((s->met | 1u << f->thread.lane) == s->live) { // the last one: all accesses before are made
    m->stamp++;
    if (flags & MSL_MEM_DEVICE) s->barrier.since[DEVICE] = m->stamp;
    if (flags & MSL_MEM_THREADGROUP) s->barrier.since[THREADGROUP] = m->stamp;
  }
  arrive(f, s, site);
}

void msl_threadgroup_barrier(uint32_t flags, msl_site site) {
  fiber *f = self();
  if (!m->waiting) m->site = site;
  else if (!same(m->site, site)) threads_diverge(site, m->waiting);
  if (m->live != m->count) threads_diverge(site, m->live);
  if (++m->waiting == m->live) {
    pass_barrier(flags);
    return;
  }
  f->waits = m->generation;
  wait_for_others(f, AT_BARRIER);
}

// ---- threadgroup memory

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
  a->bytes = ((a->bytes + 15) & ~15u) + size;
  if (a->bytes > MSL_THREADGROUP_BYTES && msl_report_first("threadgroup memory", 0, 0))
    msl_report(at.line, "threadgroup memory", "%s brings the kernel to %u bytes, the limit is %d", name, a->bytes,
               MSL_THREADGROUP_BYTES);
  return a->base + offset;
}

// ---- launch

static void *map(size_t size) {
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

// reserve maps what all launches use, once.
static bool reserve(void) {
  if (!msl_arena.base) {
    uint8_t *p = map(ARENA + 2 * ARENA_MARGIN);
    if (!p) return false;
    msl_arena.base = p + ARENA_MARGIN;
  }
  if (!stacks) {
    stacks = map((size_t)STACK * MSL_THREADS);
    for (uint32_t i = 0; stacks && i < MSL_THREADS; i++) mprotect(stacks + (size_t)STACK * i, GUARD, PROT_NONE);
  }
  return stacks != NULL;
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
  // Stacks start at different cache lines: the same depth would share few sets.
  free_count = 0;
  for (uint32_t i = MSL_THREADS; i-- > 0;)
    free_stacks[free_count++] = stacks + (size_t)STACK * (i + 1) - 256 - i % 32 * 192;
  m->random = l->seed * 2 + 1;
  m->stamp = 0;
  m->generation = 0;
  msl_arena.count = msl_arena.top = msl_arena.bytes = 0;
  order_threads();
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
  memset(msl_arena.base, 0xFF, msl_arena.top ? msl_arena.top : MSL_THREADGROUP_BYTES); // NaN of every float type
  if (l->order == MSL_RANDOM) order_threads();
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
    uint64_t step = random_below((uint32_t)n) + 1, a = step, b = n;
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
  if (l->order == MSL_RANDOM) step = coprime(n), first = random_below((uint32_t)n);
  for (uint64_t i = 0; i < n; i++) {
    start_group(group_at(i, n, step, first));
    resume(&m->fibers[m->order[0]], &home);
    if (m->live) return; // stopped
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
