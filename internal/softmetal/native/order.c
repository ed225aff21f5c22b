#include "order.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool taken[MAX_QUEUES];
static timeline committed; // the last encoder of each queue; goes on when a queue's place is taken again
static timeline host;
static submission *oldest, *newest; // in flight

int order_take_queue(void) {
  pthread_mutex_lock(&lock);
  int q = 0;
  while (q < MAX_QUEUES && taken[q])
    q++;
  if (q < MAX_QUEUES)
    taken[q] = true;
  pthread_mutex_unlock(&lock);
  return q < MAX_QUEUES ? q : -1;
}

void order_drop_queue(int q) {
  pthread_mutex_lock(&lock);
  taken[q] = false;
  pthread_mutex_unlock(&lock);
}

void order_submit(submission *s, int queue, uint32_t encoders) {
  pthread_mutex_lock(&lock);
  s->queue = queue;
  s->first = committed.over[queue] + 1;
  s->last = committed.over[queue] += encoders;
  s->known = s->before = host;
  s->older = newest;
  s->newer = NULL;
  *(newest ? &newest->newer : &oldest) = s;
  newest = s;
  pthread_mutex_unlock(&lock);
}

void order_finish(submission *s) {
  pthread_mutex_lock(&lock);
  *(s->older ? &s->older->newer : &oldest) = s->newer;
  *(s->newer ? &s->newer->older : &newest) = s->older;
  pthread_mutex_unlock(&lock);
}

void order_join(timeline *into, const timeline *from) {
  for (int q = 0; q < MAX_QUEUES; q++)
    if (into->over[q] < from->over[q])
      into->over[q] = from->over[q];
}

void order_host_learn(const timeline *t) {
  pthread_mutex_lock(&lock);
  order_join(&host, t);
  pthread_mutex_unlock(&lock);
}

void order_observe(const submission *s) {
  timeline t = s->before;
  t.over[s->queue] = s->last;
  order_host_learn(&t);
}

// The host only learns, so what the oldest in flight began with all others did too.
timeline order_settled(void) {
  pthread_mutex_lock(&lock);
  timeline t = oldest ? oldest->known : host;
  pthread_mutex_unlock(&lock);
  return t;
}

void order_signal(signals *s, uint64_t value, const timeline *before) {
  size_t at = s->count++ % MAX_SIGNALS;
  s->latest[at].value = value;
  s->latest[at].before = *before;
}

// A wait is over with the lowest value that suffices.
void order_wait(timeline *t, const signals *s, uint64_t value) {
  int least = -1;
  for (int i = 0; i < MAX_SIGNALS && (size_t)i < s->count; i++)
    if (s->latest[i].value >= value && (least < 0 || s->latest[i].value < s->latest[least].value))
      least = i;
  if (least >= 0)
    order_join(t, &s->latest[least].before);
}

timeline order_host(void) {
  pthread_mutex_lock(&lock);
  timeline t = host;
  pthread_mutex_unlock(&lock);
  return t;
}
