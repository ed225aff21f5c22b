#include "failure.h"
#include "hostwrite.h"
#include "metal.h"
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>

// Codes of MTLCommandBufferErrorDomain.
enum { ERROR_INTERNAL = 1, ERROR_TIMEOUT = 2, ERROR_IGNORED = 4 };

CommandBuffer *new_command_buffer(Queue *q, bool retained) {
  count_new_buffer(q);
  CommandBuffer *c = new_object(&CommandBufferClass);
  assign(&c->queue, q);
  c->retained = retained;
  return (CommandBuffer *)autorelease(c);
}

void fail_command_buffer(CommandBuffer *c, int64_t code, const char *cause) {
  char message[256];
  snprintf(message, sizeof message,
           "Execution of the command buffer was aborted due to an error during execution. %s", cause);
  c->error = new_error("MTLCommandBufferErrorDomain", code, message);
}

static bool can_encode(const CommandBuffer *c) {
  if (c->status >= COMMITTED)
    report("command buffer already committed");
  return c->status < COMMITTED;
}

static void add_step(CommandBuffer *c, step s) {
  c->steps = grow(c->steps, c->step_count, sizeof *c->steps);
  c->steps[c->step_count++] = s;
}

enum { SERIAL, CONCURRENT };

static id encoder_of_type(CommandBuffer *self, SEL cmd, uint64_t type) {
  (void)cmd;
  if (!can_encode(self))
    return NULL;
  if (self->open) {
    report("a command encoder is already encoding to this command buffer");
    return NULL;
  }
  if (type > CONCURRENT) {
    report("dispatch type %" PRIu64 " is unknown", type);
    return NULL;
  }
  self->open = new_encoder(self, type == CONCURRENT);
  add_step(self, (step){ENCODE, self->open, NULL, 0});
  return autorelease(retain(self->open));
}

static id serial_encoder(CommandBuffer *self, SEL cmd) { return encoder_of_type(self, cmd, SERIAL); }

static void add_event(CommandBuffer *self, int kind, Event *e, uint64_t value) {
  if (!can_encode(self))
    return;
  EXPECT(e, Event, "event");
  if (self->open)
    report("encodeSignalEvent or encodeWaitForEvent with an open encoder");
  else
    add_step(self, (step){kind, NULL, (Event *)retain(e), value});
}

static void signal_step(CommandBuffer *self, SEL cmd, Event *e, uint64_t value) {
  (void)cmd;
  add_event(self, SIGNAL, e, value);
}

static void wait_step(CommandBuffer *self, SEL cmd, Event *e, uint64_t value) {
  (void)cmd;
  add_event(self, WAIT, e, value);
}

static void add_handler(CommandBuffer *self, SEL cmd, const block *handler) {
  (void)cmd;
  if (self->status >= COMMITTED) {
    report("completed handler provided after commit call");
    return;
  }
  if (!block_usable(handler))
    return;
  self->handlers = grow(self->handlers, self->handler_count, sizeof *self->handlers);
  self->handlers[self->handler_count++] = handler;
}

static void use_residency(CommandBuffer *self, SEL cmd, ResidencySet *set) {
  (void)cmd;
  add_residency_set(&self->residency, set);
}

static void hold(Buffer *b, void *context) {
  CommandBuffer *c = context;
  b->in_flight++;
  if (!is_live(b))
    report("buffer %p was deallocated before the command buffer that uses it was committed", (void *)b);
  else if (setting(HOSTWRITES) && setting(CHECK))
    snapshot_buffer(&c->snapshot, b);
}

static void let_go(Buffer *b, void *context) {
  (void)context;
  b->in_flight--;
}

static void for_encoders(CommandBuffer *c, void (*f)(Buffer *, void *), int change) {
  for (size_t i = 0; i < c->step_count; i++) {
    const Encoder *e = c->steps[i].encoder;
    if (!e)
      continue;
    each_buffer(e, f, c);
    for (size_t j = 0; j < e->indirect_count; j++)
      e->indirect[j]->in_flight += change;
  }
}

void release_uses(CommandBuffer *c) { for_encoders(c, let_go, -1); }

static void inject_failure(CommandBuffer *c) {
  bool status = fails(FAIL_STATUS), timeout = fails(FAIL_TIMEOUT), lost = fails(FAIL_LOST);
  if (lost)
    fail_command_buffer(c, ERROR_IGNORED,
                        "Ignored (for causing prior/excessive GPU errors) "
                        "(00000004:kIOGPUCommandBufferCallbackErrorSubmissionsIgnored)");
  else if (timeout)
    fail_command_buffer(c, ERROR_TIMEOUT,
                        "Caused GPU Timeout Error (00000002:kIOGPUCommandBufferCallbackErrorTimeout)");
  else if (status)
    fail_command_buffer(c, ERROR_INTERNAL, "Internal Error (0000000e:Internal Error)");
}

static uint32_t count_encoders(const CommandBuffer *c) {
  uint32_t n = 0;
  for (size_t i = 0; i < c->step_count; i++)
    n += c->steps[i].kind == ENCODE;
  return n;
}

static void commit(CommandBuffer *self) {
  if (self->status >= COMMITTED)
    report("command buffer committed twice");
  else if (self->open)
    report("commit with an open encoder: call endEncoding first");
  else {
    inject_failure(self);
    for_encoders(self, hold, 1);
    enqueue(self, count_encoders(self));
  }
}

static void wait(CommandBuffer *self) {
  if (self->status < COMMITTED)
    report("waitUntilCompleted on a command buffer that was not committed");
  else
    wait_until_done(self);
}

static uint64_t status(CommandBuffer *self) { return (uint64_t)poll_status(self); }

static id error(CommandBuffer *self) {
  return poll_status(self) == FAILED ? autorelease(retain(self->error)) : NULL;
}

static double start_time(CommandBuffer *self) { return self->start; }
static double end_time(CommandBuffer *self) { return self->end; }

static bool retained_references(CommandBuffer *self) { return self->retained; }

static void dealloc(void *object) {
  CommandBuffer *self = object;
  if (self->status < COMMITTED)
    count_dropped_buffer(self->queue);
  for (size_t i = 0; i < self->step_count; i++) {
    Encoder *e = self->steps[i].encoder;
    if (e) {
      if (!e->ended)
        report("Command encoder released without endEncoding");
      e->ended = true;
      e->owner = NULL;
    }
    release(e);
    release(self->steps[i].event);
  }
  release_residency(&self->residency);
  snapshot_free(self->snapshot);
  arena_free(&self->arena);
  free(self->steps);
  free(self->handlers);
  release(self->error);
  release(self->queue);
}

static const method methods[] = {
    METHOD("computeCommandEncoder", "@@:", serial_encoder),
    METHOD("computeCommandEncoderWithDispatchType:", "@@:Q", encoder_of_type),
    METHOD("encodeSignalEvent:value:", "v@:@Q", signal_step),
    METHOD("encodeWaitForEvent:value:", "v@:@Q", wait_step),
    METHOD("addCompletedHandler:", "v@:@?", add_handler),
    METHOD_SINCE(15, "useResidencySet:", "v@:@", use_residency),
    METHOD("commit", "v@:", commit),
    METHOD("waitUntilCompleted", "v@:", wait),
    METHOD("status", "Q@:", status),
    METHOD("error", "@@:", error),
    METHOD("GPUStartTime", "d@:", start_time),
    METHOD("GPUEndTime", "d@:", end_time),
    METHOD("retainedReferences", "B@:", retained_references),
    METHOD("setLabel:", "v@:@", ignore_label),
    {0},
};
class CommandBufferClass = {.name = "MTLCommandBuffer",
                            .super = &NSObjectClass,
                            .methods = methods,
                            .size = sizeof(CommandBuffer),
                            .dealloc = dealloc};
