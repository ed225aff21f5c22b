// Runs a command buffer on the thread of its queue's worker.
#include "hazard.h"
#include "hostwrite.h"
#include "poison.h"
#include "settings.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ERROR_TIMEOUT = 2 };

// The tasks of an encoder, in the order in which they were encoded.
typedef struct schedule {
  task *tasks;
  size_t count;
  size_t *groups; // the first tasks of groups that barriers keep apart
  size_t group_count;
  uint32_t since; // of the next task
  struct {
    const Buffer *buffer;
    uint32_t since;
  } *barriers; // on single buffers
  size_t barrier_count;
  arena launches; // of indirect command buffers
} schedule;

static void start_group(schedule *s) {
  s->groups = grow(s->groups, s->group_count, sizeof *s->groups);
  s->groups[s->group_count++] = s->count;
}

static void full_barrier(schedule *s) {
  s->since = (uint32_t)s->count;
  s->barrier_count = 0;
  start_group(s);
}

static void buffer_barrier(schedule *s, const command *c) {
  for (size_t i = 0; i < c->resource_count; i++) {
    s->barriers = grow(s->barriers, s->barrier_count, sizeof *s->barriers);
    s->barriers[s->barrier_count].buffer = c->resources[i];
    s->barriers[s->barrier_count++].since = (uint32_t)s->count;
  }
  start_group(s);
}

static uint32_t since_of(const schedule *s, const Buffer *b) {
  for (size_t i = s->barrier_count; i-- > 0;)
    if (s->barriers[i].buffer == b)
      return s->barriers[i].since;
  return s->since;
}

static void add_task(schedule *s, const launch *l) {
  s->tasks = grow(s->tasks, s->count, sizeof *s->tasks);
  task *t = &s->tasks[s->count];
  *t = (task){.launch = l, .number = (uint32_t)s->count, .since = s->since};
  for (int i = 0; i < l->pipeline->binding_count; i++)
    t->since_of[i] = since_of(s, l->bindings[i].buffer);
  s->count++;
}

static void add_indirect(schedule *s, const command *c) {
  for (uint64_t i = 0; i < c->range.length; i++) {
    const IndirectCommand *m = c->indirect->commands[c->range.location + i];
    if (!m || !m->set)
      continue;
    if (m->barrier)
      full_barrier(s);
    launch l = indirect_launch(c->indirect, m, c->launch);
    launch *copy = arena_take(&s->launches, sizeof *copy);
    *copy = l;
    add_task(s, copy);
  }
}

static schedule make_schedule(const Encoder *e) {
  schedule s = {0};
  start_group(&s);
  for (const command *c = e->commands; c; c = c->next) {
    if (!e->concurrent)
      full_barrier(&s);
    switch (c->kind) {
    case DISPATCH:
      add_task(&s, c->launch);
      break;
    case BARRIER:
      full_barrier(&s);
      break;
    case RESOURCE_BARRIER:
      buffer_barrier(&s, c);
      break;
    case EXECUTE:
      add_indirect(&s, c);
      break;
    }
  }
  start_group(&s);
  return s;
}

static void free_schedule(schedule *s) {
  arena_free(&s->launches);
  free(s->tasks);
  free(s->groups);
  free(s->barriers);
}

static uint64_t next_random(uint64_t *state) { // splitmix64
  uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
  return x ^ x >> 31;
}

// Nothing orders the tasks of a group.
static void shuffle(const schedule *s, uint64_t seed) {
  for (size_t g = 0; g + 1 < s->group_count; g++)
    for (size_t i = s->groups[g + 1] - s->groups[g]; i > 1; i--) {
      task *a = &s->tasks[s->groups[g] + i - 1], *b = &s->tasks[s->groups[g] + next_random(&seed) % i];
      task t = *a;
      *a = *b;
      *b = t;
    }
}

// What the callbacks of a launch need.
typedef struct run {
  const CommandBuffer *owner;
  const task *task;
  bool told_unwritten, told_changed;
} run;

static const char *kernel_name(const run *r) { return r->task->launch->pipeline->kernel->name; }

static void on_finding(void *context, const char *message) {
  (void)context;
  report("kernel %s", message); // it begins with the name
}

static const Buffer *buffer_at(const run *r, uintptr_t address) {
  for (int i = 0; i < r->task->launch->pipeline->binding_count; i++) {
    const Buffer *b = r->task->launch->bindings[i].buffer;
    if (b && address - (uintptr_t)b->data < b->length)
      return b;
  }
  return NULL;
}

static void tell(const run *r, bool write, uintptr_t address, const char *what) {
  const Buffer *b = buffer_at(r, address);
  report("kernel %s %s offset %" PRIu64 " of buffer %p%s%s, %s", kernel_name(r), write ? "writes" : "reads",
         address - (uintptr_t)b->data, (const void *)b, b->label ? " " : "", b->label ? b->label : "", what);
}

static void on_access(void *context, void *p, uint32_t size, bool write) {
  run *r = context;
  uintptr_t address = (uintptr_t)p, end = address + size;
  if (!buffer_at(r, address))
    return; // bytes
  hazard_access(address, size, write);
  uintptr_t unwritten = write || r->told_unwritten ? end : poison_at(address, size);
  if (unwritten < end) {
    r->told_unwritten = true;
    tell(r, write, unwritten, "which nothing has written");
  }
  uintptr_t changed = r->told_changed ? end : snapshot_changed(r->owner->snapshot, address, size);
  if (changed < end) {
    r->told_changed = true;
    tell(r, write, changed, "which the host has changed after the commit");
  }
}

static bool all_live(const launch *l) {
  if (!is_live(l->pipeline)) {
    report("a compute pipeline state was deallocated before the command buffer that uses it completed");
    return false;
  }
  const msl_kernel *k = l->pipeline->kernel;
  for (int i = 0; i < k->nargs; i++) {
    const Buffer *b = l->bindings[k->args[i].index].buffer;
    if (!b || is_live(b))
      continue;
    report("kernel %s: buffer %p was deallocated before the command buffer that uses it completed", k->name,
           (const void *)b);
    return false;
  }
  return true;
}

static msl_launch executable(const task *t) {
  const launch *l = t->launch;
  msl_launch m = {
      .kernel = l->pipeline->kernel,
      .groups = {(uint32_t)l->groups.width, (uint32_t)l->groups.height, (uint32_t)l->groups.depth},
      .threads = {(uint32_t)l->threads.width, (uint32_t)l->threads.height, (uint32_t)l->threads.depth},
      .order = (enum msl_order)setting(ORDER),
      .seed = (uint64_t)setting(SHUFFLE) + ((uint64_t)t->encoder << 32) + t->number,
      .check = l->pipeline->function->library->checked,
      .report = on_finding,
  };
  for (int i = 0; i < m.kernel->nargs; i++) {
    int index = m.kernel->args[i].index;
    const binding *b = &l->bindings[index];
    m.buffers[index] = b->buffer ? (msl_buffer){b->buffer->data + b->offset, b->buffer->length - b->offset}
                                 : (msl_buffer){b->bytes, b->length};
  }
  return m;
}

static void run_task(const CommandBuffer *c, const task *t) {
  if (!all_live(t->launch))
    return;
  run r = {.owner = c, .task = t};
  msl_launch m = executable(t);
  m.ctx = &r;
  if (!m.check) {
    msl_run(&m);
    return;
  }
  m.access = on_access;
  hazard_begin(t);
  msl_run(&m);
  hazard_end();
}

static void run_encoder(const CommandBuffer *c, const Encoder *e, uint32_t number) {
  schedule s = make_schedule(e);
  if (setting(SHUFFLE))
    shuffle(&s, (uint64_t)setting(SHUFFLE) + number);
  for (size_t i = 0; i < s.count; i++) {
    task *t = &s.tasks[i];
    t->queue = c->submission.queue;
    t->encoder = number;
    t->before = &c->submission.before;
    run_task(c, t);
  }
  free_schedule(&s);
}

static void run_steps(CommandBuffer *c) {
  timeline *before = &c->submission.before;
  uint32_t encoder = c->submission.first;
  for (size_t i = 0; i < c->step_count && !c->error; i++) {
    step *s = &c->steps[i];
    switch (s->kind) {
    case ENCODE:
      run_encoder(c, s->encoder, encoder++);
      break;
    case SIGNAL: {
      timeline over = *before;
      over.over[c->submission.queue] = encoder - 1;
      uint64_t old = signal_event(s->event, s->value, &over);
      if (s->value <= old)
        report("an event of value %" PRIu64 " is signalled with %" PRIu64 ", which does not let it grow", old, s->value);
      break;
    }
    case WAIT:
      if (wait_for_event(s->event, s->value, (uint64_t)setting(PATIENCE), before))
        break;
      report("the GPU waited %" PRId64 " ms for value %" PRIu64 " of an event, which nothing signals",
             setting(PATIENCE), s->value);
      fail_command_buffer(c, ERROR_TIMEOUT,
                          "Caused GPU Timeout Error (00000002:kIOGPUCommandBufferCallbackErrorTimeout)");
    }
  }
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void execute(CommandBuffer *c) {
  snapshot_compare(c->snapshot);
  c->start = seconds();
  run_steps(c);
  c->end = seconds();
}
