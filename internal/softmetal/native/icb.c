// Indirect command buffers: dispatches that are encoded once and executed often.
#include "metal.h"
#include "settings.h"

#include <stdlib.h>
#include <string.h>

// Of MTLIndirectCommandType.
enum { CONCURRENT_DISPATCH = 1 << 5, CONCURRENT_DISPATCH_THREADS = 1 << 6, COMMAND_TYPES = 0x1ff };

enum { USAGE_READ = 1, USAGE_WRITE = 2 };
enum { FAMILY_WITHOUT_SET_PIPELINES = 9 }; // before Apple9, M3, each pipeline must be set in the encoder too

IndirectBuffer *new_indirect_buffer(Device *self, SEL cmd, IndirectDescriptor *d, uint64_t count, uint64_t options) {
  (void)self;
  (void)cmd;
  (void)options;
  EXPECT(d, IndirectDescriptor, "descriptor", NULL);
  if (!count || count > MAX_INDIRECT_COMMANDS) {
    report("maxCommandCount %" PRIu64 " must be in 1..%d", count, MAX_INDIRECT_COMMANDS);
    return NULL;
  }
  if (!(d->types & (CONCURRENT_DISPATCH | CONCURRENT_DISPATCH_THREADS))) {
    report("commandTypes has no compute command");
    return NULL;
  }
  IndirectBuffer *b = new_object(&IndirectBufferClass);
  b->max_bindings = d->max_bindings;
  b->inherit_bindings = d->inherit_bindings;
  b->inherit_pipeline = d->inherit_pipeline;
  b->count = count;
  b->commands = take_zeroed(count, sizeof *b->commands);
  return b;
}

launch indirect_launch(const IndirectBuffer *b, const IndirectCommand *c, const launch *inherited) {
  launch l = c->launch;
  if (b->inherit_pipeline)
    l.pipeline = inherited->pipeline;
  if (b->inherit_bindings)
    memcpy(l.bindings, inherited->bindings, sizeof l.bindings);
  return l;
}

static bool was_set(const Encoder *e, const Pipeline *p) {
  for (size_t i = 0; i < e->pipeline_count; i++)
    if (e->pipelines[i] == p)
      return true;
  return false;
}

static bool pipeline_ok(const Encoder *e, const IndirectBuffer *b, const Pipeline *p, uint64_t index) {
  if (!is_live(p)) {
    report("command %" PRIu64 " has no pipeline", index);
    return false;
  }
  if (!p->indirect) {
    report("command %" PRIu64 ": pipeline %s was not created with supportIndirectCommandBuffers", index,
           p->kernel->name);
    return false;
  }
  if (setting(FAMILY) < FAMILY_WITHOUT_SET_PIPELINES && !b->inherit_pipeline && !was_set(e, p)) {
    report("command %" PRIu64 ": pipeline %s not made resident with setComputePipelineState in this encoder "
           "(faults on Apple7/Apple8: M1, M2)",
           index, p->kernel->name);
    return false;
  }
  return true;
}

static bool residents_ok(const Encoder *e, const launch *l, uint64_t index) {
  const msl_kernel *k = l->pipeline->kernel;
  for (int i = 0; i < k->nargs; i++) {
    const msl_arg *a = &k->args[i];
    uint64_t usage = a->kind == MSL_WRITE ? USAGE_WRITE : USAGE_READ;
    const Buffer *b = l->bindings[a->index].buffer;
    if (is_resident(e, b, usage))
      continue;
    report("command %" PRIu64 ": buffer %p at index %d is not resident%s: useResource: or a residency set is needed",
           index, (const void *)b, a->index, is_resident(e, b, 0) ? " for what the kernel does" : "");
    return false;
  }
  return true;
}

bool indirect_ok(const Encoder *e, IndirectBuffer *b, NSRange range) {
  if (!range.length || range.length > b->count || range.location > b->count - range.length) {
    report("range {%" PRIu64 ", %" PRIu64 "} is not within %" PRIu64 " commands", range.location, range.length,
           b->count);
    return false;
  }
  for (uint64_t i = range.location; i < range.location + range.length; i++) {
    const IndirectCommand *c = b->commands[i];
    if (!c || !c->set)
      continue;
    launch l = indirect_launch(b, c, &e->state);
    if (!pipeline_ok(e, b, l.pipeline, i) ||
        !bindings_ok(l.pipeline, l.bindings, b->inherit_bindings ? MSL_BUFFERS : b->max_bindings) ||
        !sizes_ok(l.pipeline, l.groups, l.threads, l.threadgroup_memory) ||
        (!b->inherit_bindings && !residents_ok(e, &l, i)))
      return false;
  }
  return true;
}

static id command_at(IndirectBuffer *self, SEL cmd, uint64_t index) {
  (void)cmd;
  if (index >= self->count) {
    report("index(%" PRIu64 ") must be < %" PRIu64, index, self->count);
    return NULL;
  }
  if (!self->commands[index]) {
    self->commands[index] = new_object(&IndirectCommandClass);
    self->commands[index]->owner = self;
  }
  return autorelease(retain(self->commands[index]));
}

static uint64_t size(IndirectBuffer *self) { return self->count; }

static bool changeable(const IndirectCommand *c) {
  if (!is_live(c->owner))
    report("indirect command of a deallocated indirect command buffer");
  else if (c->owner->in_flight)
    report("indirect command modified while a command buffer that executes it is in flight");
  else
    return true;
  return false;
}

static void reset(IndirectCommand *self) {
  if (!changeable(self))
    return;
  self->launch = (launch){0};
  self->set = self->barrier = false;
}

static void reset_range(IndirectBuffer *self, SEL cmd, NSRange range) {
  (void)cmd;
  if (range.length > self->count || range.location > self->count - range.length) {
    report("range {%" PRIu64 ", %" PRIu64 "} is not within %" PRIu64 " commands", range.location, range.length,
           self->count);
    return;
  }
  for (uint64_t i = range.location; i < range.location + range.length; i++)
    if (self->commands[i])
      reset(self->commands[i]);
}

static void set_pipeline(IndirectCommand *self, SEL cmd, Pipeline *p) {
  (void)cmd;
  if (!changeable(self))
    return;
  EXPECT(p, Pipeline, "pipelineState");
  if (self->owner->inherit_pipeline)
    report("the pipeline is inherited");
  else if (!p->indirect)
    report("pipeline %s was not created with supportIndirectCommandBuffers", p->kernel->name);
  else
    self->launch.pipeline = p;
}

static void set_buffer(IndirectCommand *self, SEL cmd, Buffer *b, uint64_t offset, uint64_t index) {
  (void)cmd;
  if (!changeable(self))
    return;
  EXPECT(b, Buffer, "buffer");
  if (self->owner->inherit_bindings)
    report("buffers are inherited");
  else if (index >= self->owner->max_bindings)
    report("index(%" PRIu64 ") must be < maxKernelBufferBindCount(%" PRIu64 ")", index, self->owner->max_bindings);
  else if (!offset_ok(b, offset))
    return;
  else if (offset > UINT32_MAX)
    report("offset(%" PRIu64 ") does not fit 32 bits: it would be cut off", offset);
  else
    self->launch.bindings[index] = (binding){.buffer = b, .offset = offset};
}

static void set_threadgroup_memory(IndirectCommand *self, SEL cmd, uint64_t length, uint64_t index) {
  (void)cmd;
  if (!changeable(self))
    return;
  if (index >= MAX_THREADGROUP_BUFFERS)
    report("threadgroup memory index(%" PRIu64 ") must be < %d", index, MAX_THREADGROUP_BUFFERS);
  else
    self->launch.threadgroup_memory[index] = length;
}

static void dispatch_groups(IndirectCommand *self, SEL cmd, MTLSize groups, MTLSize threads) {
  (void)cmd;
  if (!changeable(self))
    return;
  launch *l = &self->launch;
  if (!l->pipeline && !self->owner->inherit_pipeline) {
    report("no compute pipeline state set");
    return;
  }
  if (l->pipeline && !sizes_ok(l->pipeline, groups, threads, l->threadgroup_memory))
    return;
  l->groups = groups;
  l->threads = threads;
  self->set = true;
}

static void dispatch_threads(IndirectCommand *self, SEL cmd, MTLSize grid, MTLSize threads) {
  MTLSize groups;
  if (groups_of(grid, threads, &groups))
    dispatch_groups(self, cmd, groups, threads);
}

static void set_barrier(IndirectCommand *self) {
  if (!changeable(self))
    return;
  if (self->set)
    report("set the barrier before encoding the command");
  self->barrier = true;
}

static void clear_barrier(IndirectCommand *self) {
  if (changeable(self))
    self->barrier = false;
}

static void dealloc(void *object) {
  IndirectBuffer *self = object;
  for (uint64_t i = 0; i < self->count; i++)
    release(self->commands[i]);
  free(self->commands);
}

static void set_types(IndirectDescriptor *self, SEL cmd, uint64_t types) {
  (void)cmd;
  if (types & ~(uint64_t)COMMAND_TYPES)
    report("command types 0x%" PRIx64 " are unknown", types);
  self->types = types;
}

static void set_inherit_bindings(IndirectDescriptor *self, SEL cmd, bool inherit) {
  (void)cmd;
  self->inherit_bindings = inherit;
}

static void set_inherit_pipeline(IndirectDescriptor *self, SEL cmd, bool inherit) {
  (void)cmd;
  self->inherit_pipeline = inherit;
}

static void set_max_bindings(IndirectDescriptor *self, SEL cmd, uint64_t count) {
  (void)cmd;
  if (count > MSL_BUFFERS)
    report("maxKernelBufferBindCount(%" PRIu64 ") must be <= %d", count, MSL_BUFFERS);
  else
    self->max_bindings = count;
}

static const method descriptor_methods[] = {
    METHOD("setCommandTypes:", "v@:Q", set_types),
    METHOD("setInheritBuffers:", "v@:B", set_inherit_bindings),
    METHOD("setInheritPipelineState:", "v@:B", set_inherit_pipeline),
    METHOD("setMaxKernelBufferBindCount:", "v@:Q", set_max_bindings),
    {0},
};
class IndirectDescriptorClass = {.name = "MTLIndirectCommandBufferDescriptor",
                                 .super = &NSObjectClass,
                                 .methods = descriptor_methods,
                                 .size = sizeof(IndirectDescriptor),
                                 .named = true};

static const method methods[] = {
    METHOD("indirectComputeCommandAtIndex:", "@@:Q", command_at),
    METHOD("size", "Q@:", size),
    METHOD("resetWithRange:", "v@:{_NSRange=QQ}", reset_range),
    {0},
};
class IndirectBufferClass = {.name = "MTLIndirectCommandBuffer",
                             .super = &NSObjectClass,
                             .methods = methods,
                             .size = sizeof(IndirectBuffer),
                             .dealloc = dealloc};

static const method command_methods[] = {
    METHOD("setComputePipelineState:", "v@:@", set_pipeline),
    METHOD("setKernelBuffer:offset:atIndex:", "v@:@QQ", set_buffer),
    METHOD("setThreadgroupMemoryLength:atIndex:", "v@:QQ", set_threadgroup_memory),
    METHOD("concurrentDispatchThreadgroups:threadsPerThreadgroup:", "v@:{?=QQQ}{?=QQQ}", dispatch_groups),
    METHOD("concurrentDispatchThreads:threadsPerThreadgroup:", "v@:{?=QQQ}{?=QQQ}", dispatch_threads),
    METHOD("setBarrier", "v@:", set_barrier),
    METHOD("clearBarrier", "v@:", clear_barrier),
    METHOD("reset", "v@:", reset),
    {0},
};
class IndirectCommandClass = {.name = "MTLIndirectComputeCommand",
                              .super = &NSObjectClass,
                              .methods = command_methods,
                              .size = sizeof(IndirectCommand)};
