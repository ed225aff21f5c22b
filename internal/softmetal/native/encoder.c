#include "metal.h"

#include <stdlib.h>
#include <string.h>

enum { USAGE_READ = 1, USAGE_WRITE = 2, USAGE_SAMPLE = 4 };
enum { SCOPE_BUFFERS = 1, SCOPES = 7 };
enum { THREADGROUP_ALIGNMENT = 16 };

static _Atomic uint64_t serials;

Encoder *new_encoder(CommandBuffer *owner, bool concurrent) {
  Encoder *e = new_object(&EncoderClass);
  e->owner = owner;
  e->concurrent = concurrent;
  e->holds = owner->retained;
  e->serial = ++serials;
  e->last = &e->commands;
  return e;
}

static bool open(const Encoder *e) {
  if (e->ended)
    report("encoding after endEncoding");
  return !e->ended;
}

static launch *copy_launch(Encoder *e, int bindings) {
  size_t size = offsetof(launch, bindings) + (size_t)bindings * sizeof(binding);
  return memcpy(arena_take(&e->owner->arena, size), &e->state, size);
}

static void add_resident(Encoder *e, Buffer *b, uint64_t usage) {
  e->residents = grow(e->residents, e->resident_count, sizeof *e->residents);
  e->residents[e->resident_count++] = (resident){b, usage};
  if (e->holds)
    retain(b);
}

bool is_resident(const Encoder *e, const Buffer *b, uint64_t usage) {
  for (size_t i = 0; i < e->resident_count; i++)
    if (e->residents[i].buffer == b && (e->residents[i].usage & usage) == usage)
      return true;
  return residency_has(&e->owner->residency, b) || residency_has(&e->owner->queue->residency, b);
}

static void set_pipeline(Encoder *self, SEL cmd, Pipeline *p) {
  (void)cmd;
  if (!open(self))
    return;
  EXPECT(p, Pipeline, "state");
  self->state.pipeline = p;
  for (size_t i = self->pipeline_count; i-- > 0;)
    if (self->pipelines[i] == p)
      return;
  self->pipelines = grow(self->pipelines, self->pipeline_count, sizeof *self->pipelines);
  self->pipelines[self->pipeline_count++] = p;
  if (self->holds)
    retain(p);
}

static void set_buffer(Encoder *self, SEL cmd, Buffer *b, uint64_t offset, uint64_t index) {
  (void)cmd;
  if (!open(self) || !binding_index_ok(index))
    return;
  binding *at = &self->state.bindings[index];
  if (!b) {
    *at = (binding){0};
    return;
  }
  EXPECT(b, Buffer, "buffer");
  if (!offset_ok(b, offset))
    return;
  *at = (binding){.buffer = b, .offset = offset};
  if (b->resident_in != self->serial) {
    b->resident_in = self->serial;
    add_resident(self, b, USAGE_READ | USAGE_WRITE);
  }
}

static void set_buffers(Encoder *self, SEL cmd, Buffer **buffers, const uint64_t *offsets, NSRange range) {
  if (range.length > MSL_BUFFERS || range.location > MSL_BUFFERS - range.length) {
    report("range {%" PRIu64 ", %" PRIu64 "} of buffer binding indices must be < %d", range.location, range.length,
           MSL_BUFFERS);
    return;
  }
  if (!array_ok(buffers, range.length, "buffers") || !array_ok(offsets, range.length, "offsets"))
    return;
  for (uint64_t i = 0; i < range.length; i++)
    set_buffer(self, cmd, buffers[i], offsets[i], range.location + i);
}

static void set_offset(Encoder *self, SEL cmd, uint64_t offset, uint64_t index) {
  (void)cmd;
  if (!open(self) || !binding_index_ok(index))
    return;
  binding *at = &self->state.bindings[index];
  if (!at->buffer)
    report("setBufferOffset: no buffer bound at index %" PRIu64, index);
  else if (offset_ok(at->buffer, offset))
    at->offset = offset;
}

static void set_bytes(Encoder *self, SEL cmd, const void *bytes, uint64_t length, uint64_t index) {
  (void)cmd;
  if (!open(self) || !binding_index_ok(index))
    return;
  if (!bytes) {
    report("bytes must not be NULL");
    return;
  }
  if (!length || length > MAX_BYTES) {
    report("length(%" PRIu64 ") must be in 1..%d", length, MAX_BYTES);
    return;
  }
  uint8_t *copy = memcpy(arena_take(&self->owner->arena, length), bytes, length);
  self->state.bindings[index] = (binding){.bytes = copy, .length = length};
}

static void set_threadgroup_memory(Encoder *self, SEL cmd, uint64_t length, uint64_t index) {
  (void)cmd;
  if (!open(self))
    return;
  if (index >= MAX_THREADGROUP_BUFFERS)
    report("threadgroup memory index(%" PRIu64 ") must be < %d", index, MAX_THREADGROUP_BUFFERS);
  else if (length % THREADGROUP_ALIGNMENT)
    report("threadgroup memory length(%" PRIu64 ") must be a multiple of %d", length, THREADGROUP_ALIGNMENT);
  else
    self->state.threadgroup_memory[index] = length;
}

static void add_command(Encoder *e, command c) {
  *e->last = memcpy(arena_take(&e->owner->arena, sizeof c), &c, sizeof c);
  e->last = &(*e->last)->next;
}

static void dispatch_groups(Encoder *self, SEL cmd, MTLSize groups, MTLSize threads) {
  (void)cmd;
  if (!open(self))
    return;
  launch *l = &self->state;
  if (!l->pipeline) {
    report("no compute pipeline state set");
    return;
  }
  if (!is_live(l->pipeline)) {
    report("the compute pipeline state was deallocated");
    return;
  }
  if (!sizes_ok(l->pipeline, groups, threads, l->threadgroup_memory) ||
      !bindings_ok(l->pipeline, l->bindings, MSL_BUFFERS))
    return;
  l->groups = groups;
  l->threads = threads;
  add_command(self, (command){.kind = DISPATCH, .launch = copy_launch(self, l->pipeline->binding_count)});
}

static void dispatch_threads(Encoder *self, SEL cmd, MTLSize grid, MTLSize threads) {
  MTLSize groups;
  if (groups_of(grid, threads, &groups))
    dispatch_groups(self, cmd, groups, threads);
}

static void barrier(Encoder *self, SEL cmd, uint64_t scope) {
  (void)cmd;
  if (!open(self))
    return;
  if (!scope || scope > SCOPES)
    report("barrier scope %" PRIu64 " is unknown", scope);
  else if (scope & SCOPE_BUFFERS)
    add_command(self, (command){.kind = BARRIER});
}

static void resource_barrier(Encoder *self, SEL cmd, Buffer **resources, uint64_t count) {
  (void)cmd;
  if (!open(self) || !array_ok(resources, count, "resources"))
    return;
  for (uint64_t i = 0; i < count; i++)
    EXPECT(resources[i], Buffer, "resource");
  Buffer **copy = arena_take(&self->owner->arena, count * sizeof *copy);
  memcpy(copy, resources, count * sizeof *copy);
  add_command(self, (command){.kind = RESOURCE_BARRIER, .resources = copy, .resource_count = count});
}

static void use_resource(Encoder *self, SEL cmd, Buffer *b, uint64_t usage) {
  (void)cmd;
  if (!open(self))
    return;
  EXPECT(b, Buffer, "resource");
  if (!usage || usage > (USAGE_READ | USAGE_WRITE | USAGE_SAMPLE))
    report("resource usage %" PRIu64 " is unknown", usage);
  else
    add_resident(self, b, usage);
}

static void use_resources(Encoder *self, SEL cmd, Buffer **buffers, uint64_t count, uint64_t usage) {
  if (!array_ok(buffers, count, "resources"))
    return;
  for (uint64_t i = 0; i < count; i++)
    use_resource(self, cmd, buffers[i], usage);
}

static void execute_indirect(Encoder *self, SEL cmd, IndirectBuffer *b, NSRange range) {
  (void)cmd;
  if (!open(self))
    return;
  EXPECT(b, IndirectBuffer, "indirectCommandBuffer");
  if (!indirect_ok(self, b, range))
    return;
  self->indirect = grow(self->indirect, self->indirect_count, sizeof *self->indirect);
  self->indirect[self->indirect_count++] = b;
  retain(b);
  add_command(self, (command){
                        .kind = EXECUTE, .launch = copy_launch(self, MSL_BUFFERS), .indirect = b, .range = range});
}

static void end(Encoder *self) {
  if (self->ended) {
    report("endEncoding called twice");
    return;
  }
  self->ended = true;
  self->owner->open = NULL;
}

static void launch_buffers(const launch *l, void (*f)(Buffer *, void *), void *context) {
  const msl_kernel *k = l->pipeline->kernel;
  for (int i = 0; i < k->nargs; i++)
    if (l->bindings[k->args[i].index].buffer)
      f(l->bindings[k->args[i].index].buffer, context);
}

void each_buffer(const Encoder *e, void (*f)(Buffer *, void *), void *context) {
  for (const command *c = e->commands; c; c = c->next) {
    if (c->kind == DISPATCH)
      launch_buffers(c->launch, f, context);
    if (c->kind != EXECUTE)
      continue;
    for (uint64_t j = 0; j < c->range.length; j++) {
      const IndirectCommand *m = c->indirect->commands[c->range.location + j];
      if (!m || !m->set)
        continue;
      launch l = indirect_launch(c->indirect, m, c->launch);
      launch_buffers(&l, f, context);
    }
  }
}

static void dealloc(void *object) {
  Encoder *self = object;
  for (size_t i = 0; self->holds && i < self->resident_count; i++)
    release(self->residents[i].buffer);
  for (size_t i = 0; self->holds && i < self->pipeline_count; i++)
    release(self->pipelines[i]);
  for (size_t i = 0; i < self->indirect_count; i++)
    release(self->indirect[i]);
  free(self->indirect);
  free(self->residents);
  free(self->pipelines);
}

static const method methods[] = {
    METHOD("setComputePipelineState:", "v@:@", set_pipeline),
    METHOD("setBuffer:offset:atIndex:", "v@:@QQ", set_buffer),
    METHOD("setBuffers:offsets:withRange:", "v@:r^@r^Q{_NSRange=QQ}", set_buffers),
    METHOD("setBufferOffset:atIndex:", "v@:QQ", set_offset),
    METHOD("setBytes:length:atIndex:", "v@:r^vQQ", set_bytes),
    METHOD("setThreadgroupMemoryLength:atIndex:", "v@:QQ", set_threadgroup_memory),
    METHOD("dispatchThreadgroups:threadsPerThreadgroup:", "v@:{?=QQQ}{?=QQQ}", dispatch_groups),
    METHOD("dispatchThreads:threadsPerThreadgroup:", "v@:{?=QQQ}{?=QQQ}", dispatch_threads),
    METHOD("memoryBarrierWithScope:", "v@:Q", barrier),
    METHOD("memoryBarrierWithResources:count:", "v@:r^@Q", resource_barrier),
    METHOD("useResource:usage:", "v@:@Q", use_resource),
    METHOD("useResources:count:usage:", "v@:r^@QQ", use_resources),
    METHOD("executeCommandsInBuffer:withRange:", "v@:@{_NSRange=QQ}", execute_indirect),
    METHOD("endEncoding", "v@:", end),
    METHOD("setLabel:", "v@:@", ignore_label),
    {0},
};
class EncoderClass = {.name = "MTLComputeCommandEncoder",
                      .super = &NSObjectClass,
                      .methods = methods,
                      .size = sizeof(Encoder),
                      .dealloc = dealloc};
