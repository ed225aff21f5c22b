// Queues. Each has a worker, which stands for the GPU. One lock guards the lists
// of all workers, the states of command buffers and the values of events; one
// condition tells of every change.
#include "metal.h"
#include "settings.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
  DEFAULT_BUFFERS = 64,
  // In lazy mode a command buffer with a completion handler may have a host that waits in a way that
  // cannot be seen.
  HANDLER_PATIENCE_MS = 100,
};

typedef struct worker {
  CommandBuffer *head, *tail; // committed and not started
  const CommandBuffer *running;
  int slot;
  uint64_t existing, committed; // command buffers not completed
  bool started, stop, busy;
  struct worker *next;
} worker;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static worker *workers;

static struct timespec after_ms(uint64_t ms) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  uint64_t ns = (uint64_t)t.tv_nsec + ms % 1000 * 1000000;
  t.tv_sec += (time_t)(ms / 1000 + ns / 1000000000);
  t.tv_nsec = (long)(ns % 1000000000);
  return t;
}

// Called under the lock; false when the time is over.
static bool await_change(const struct timespec *deadline) {
  return pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, deadline) != ETIMEDOUT;
}

// Wanting a command buffer wants all before it on its queue.
static void want(worker *w, const CommandBuffer *last) {
  for (CommandBuffer *c = w->head; c; c = c->next) {
    c->wanted = true;
    if (c == last)
      break;
  }
  pthread_cond_broadcast(&changed);
}

static bool gives(const CommandBuffer *c, const Event *e, uint64_t value) {
  for (size_t i = 0; i < c->step_count; i++)
    if (c->steps[i].kind == SIGNAL && c->steps[i].event == e && c->steps[i].value >= value)
      return true;
  return false;
}

// Wanting a value of an event wants on each queue the first command buffer that gives it,
// and none behind that: nothing where that runs already.
static void want_event(const Event *e, uint64_t value) {
  for (worker *w = workers; w; w = w->next) {
    if (w->running && gives(w->running, e, value))
      continue;
    const CommandBuffer *c = w->head;
    while (c && !gives(c, e, value))
      c = c->next;
    if (c)
      want(w, c);
  }
}

static bool awaited(const CommandBuffer *c) {
  for (size_t i = 0; i < c->step_count; i++)
    if (c->steps[i].kind == SIGNAL)
      for (const waiter *w = c->steps[i].event->waiters; w; w = w->next)
        if (c->steps[i].value >= w->value)
          return true;
  return false;
}

static void call_handlers(CommandBuffer *c) {
  void *pool = objc_autoreleasePoolPush();
  for (size_t i = 0; i < c->handler_count; i++)
    ((void (*)(const block *, CommandBuffer *))c->handlers[i]->invoke)(c->handlers[i], c);
  objc_autoreleasePoolPop(pool);
}

static void run(worker *w, CommandBuffer *c) {
  report_under(NULL, NULL);
  execute(c);
  order_finish(&c->submission);
  release_uses(c);
  pthread_mutex_lock(&lock);
  c->status = c->error ? FAILED : COMPLETED;
  pthread_mutex_unlock(&lock);
  if (c->handler_count) {
    order_observe(&c->submission);
    call_handlers(c);
  }
  pthread_mutex_lock(&lock);
  w->existing--;
  w->committed--;
  w->running = NULL;
  c->done = true; // those who wait hear of it when the worker is idle
  pthread_mutex_unlock(&lock);
  release(c);
}

static bool due(const CommandBuffer *c) { return !setting(LAZY) || c->wanted; }

static void await_due(const CommandBuffer *c) {
  struct timespec patience = after_ms(HANDLER_PATIENCE_MS);
  while (!due(c))
    if (!c->handler_count)
      pthread_cond_wait(&changed, &lock);
    else if (!await_change(&patience))
      break;
}

static void unlink_worker(worker *w) {
  worker **at = &workers;
  while (*at != w)
    at = &(*at)->next;
  *at = w->next;
  free(w);
}

static void *work(void *argument) {
  worker *w = argument;
  pthread_mutex_lock(&lock);
  for (;;) {
    while (!w->head && !w->stop)
      pthread_cond_wait(&changed, &lock);
    if (!w->head)
      break;
    CommandBuffer *c = w->head;
    await_due(c);
    w->head = c->next;
    if (!w->head)
      w->tail = NULL;
    c->status = SCHEDULED;
    w->running = c;
    w->busy = true;
    pthread_mutex_unlock(&lock);
    run(w, c);
    pthread_mutex_lock(&lock);
    w->busy = false;
    pthread_cond_broadcast(&changed);
  }
  unlink_worker(w);
  pthread_mutex_unlock(&lock);
  return NULL;
}

Queue *new_queue_with_limit(Device *self, SEL cmd, uint64_t max_buffers) {
  (void)self;
  (void)cmd;
  if (!max_buffers) {
    report("maxCommandBufferCount must not be 0");
    return NULL;
  }
  int slot = order_take_queue();
  if (slot < 0) {
    report("more than %d command queues at a time: the software Metal does not follow them", MAX_QUEUES);
    return NULL;
  }
  Queue *q = new_object(&QueueClass);
  q->max_buffers = max_buffers;
  q->worker = take_zeroed(1, sizeof *q->worker);
  q->worker->slot = slot;
  pthread_mutex_lock(&lock);
  q->worker->next = workers;
  workers = q->worker;
  pthread_mutex_unlock(&lock);
  return q;
}

Queue *new_queue(Device *self) { return new_queue_with_limit(self, NULL, DEFAULT_BUFFERS); }

// By now no command buffer is left: each holds its queue.
static void dealloc(void *object) {
  Queue *self = object;
  release_residency(&self->residency);
  order_drop_queue(self->worker->slot);
  pthread_mutex_lock(&lock);
  self->worker->stop = true;
  if (self->worker->started)
    pthread_cond_broadcast(&changed);
  else
    unlink_worker(self->worker);
  pthread_mutex_unlock(&lock);
}

void count_new_buffer(Queue *q) {
  worker *w = q->worker;
  pthread_mutex_lock(&lock);
  while (w->existing >= q->max_buffers && w->committed) {
    want(w, w->head);
    pthread_cond_wait(&changed, &lock);
  }
  bool stuck = w->existing >= q->max_buffers;
  w->existing++;
  pthread_mutex_unlock(&lock);
  if (stuck)
    report("%" PRIu64 " uncompleted command buffers, none of them committed: Metal would block here for ever "
           "(maxCommandBufferCount)",
           q->max_buffers);
}

void count_dropped_buffer(Queue *q) {
  pthread_mutex_lock(&lock);
  q->worker->existing--;
  pthread_mutex_unlock(&lock);
}

static void start(worker *w) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, work, w)) {
    fputs("swmetal: no thread for a command queue\n", stderr);
    abort();
  }
  pthread_detach(thread);
  w->started = true;
}

void enqueue(CommandBuffer *c, uint32_t encoders) {
  worker *w = c->queue->worker;
  retain(c);
  pthread_mutex_lock(&lock);
  c->status = COMMITTED;
  order_submit(&c->submission, w->slot, encoders);
  if (w->tail)
    w->tail->next = c;
  else
    w->head = c;
  w->tail = c;
  w->committed++;
  if (awaited(c))
    want(w, c);
  if (!w->started)
    start(w);
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

void wait_until_done(CommandBuffer *c) {
  pthread_mutex_lock(&lock);
  want(c->queue->worker, c);
  while (!c->done)
    pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
  order_observe(&c->submission);
}

int poll_status(CommandBuffer *c) {
  pthread_mutex_lock(&lock);
  int status = c->status;
  if (status == COMMITTED)
    want(c->queue->worker, c);
  pthread_mutex_unlock(&lock);
  if (status >= COMPLETED)
    order_observe(&c->submission);
  return status;
}

uint64_t poll_event(Event *e) {
  pthread_mutex_lock(&lock);
  uint64_t value = e->value;
  timeline learned = {0};
  order_wait(&learned, &e->history, value);
  if (value == e->polled) // who asks again waits for more
    want_event(e, value + 1);
  e->polled = value;
  pthread_mutex_unlock(&lock);
  order_host_learn(&learned);
  return value;
}

bool wait_for_event(Event *e, uint64_t value, uint64_t milliseconds, timeline *learns) {
  struct timespec deadline = after_ms(milliseconds);
  pthread_mutex_lock(&lock);
  waiter self = {value, e->waiters};
  e->waiters = &self;
  want_event(e, value);
  while (e->value < value && await_change(&deadline))
    ;
  bool reached = e->value >= value;
  if (reached)
    order_wait(learns, &e->history, value);
  waiter **at = &e->waiters;
  while (*at != &self)
    at = &(*at)->next;
  *at = self.next;
  pthread_mutex_unlock(&lock);
  return reached;
}

uint64_t signal_event(Event *e, uint64_t value, const timeline *before) {
  pthread_mutex_lock(&lock);
  uint64_t old = e->value;
  e->value = value;
  order_signal(&e->history, value, before);
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  return old;
}

void await_idle(void) {
  pthread_mutex_lock(&lock);
  for (worker *w = workers; w;)
    if (w->busy || (w->head && due(w->head))) {
      pthread_cond_wait(&changed, &lock);
      w = workers;
    } else
      w = w->next;
  pthread_mutex_unlock(&lock);
}

static id command_buffer(Queue *self) { return (id)new_command_buffer(self, true); }
static id unretained_command_buffer(Queue *self) { return (id)new_command_buffer(self, false); }

static id described_command_buffer(Queue *self, SEL cmd, CommandBufferDescriptor *d) {
  (void)cmd;
  EXPECT(d, CommandBufferDescriptor, "descriptor", NULL);
  return (id)new_command_buffer(self, d->retained);
}

static void add_residency(Queue *self, SEL cmd, ResidencySet *set) {
  (void)cmd;
  add_residency_set(&self->residency, set);
}

static const method methods[] = {
    METHOD("commandBuffer", "@@:", command_buffer),
    METHOD("commandBufferWithUnretainedReferences", "@@:", unretained_command_buffer),
    METHOD("commandBufferWithDescriptor:", "@@:@", described_command_buffer),
    METHOD_SINCE(15, "addResidencySet:", "v@:@", add_residency),
    METHOD("setLabel:", "v@:@", ignore_label),
    {0},
};
class QueueClass = {.name = "MTLCommandQueue",
                    .super = &NSObjectClass,
                    .methods = methods,
                    .size = sizeof(Queue),
                    .dealloc = dealloc};
