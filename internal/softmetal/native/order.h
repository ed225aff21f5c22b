// What happens before what: between the encoders of all queues and the host.
//
// Encoders are numbered as they are committed, queue by queue. A queue takes its
// encoders up one after the other, so if one is known to be over, all before it
// on that queue are. Whoever waits for an event or a command buffer learns what
// the other side knew; nothing else orders encoders, except Metal's own tracking
// of resources, which is left to hazard.c.
#ifndef ORDER_H
#define ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_QUEUES = 32, MAX_SIGNALS = 16 };

// The last encoder of each queue that is known to be over.
typedef struct timeline {
  uint32_t over[MAX_QUEUES];
} timeline;

// A committed command buffer.
typedef struct submission {
  int queue;
  uint32_t first, last; // its encoders
  timeline known;       // what the host knew to be over at the commit
  timeline before;      // that, and what it has waited for since
  struct submission *older, *newer; // in flight
} submission;

// The latest signals of an event.
typedef struct signals {
  struct {
    uint64_t value;
    timeline before;
  } latest[MAX_SIGNALS];
  size_t count;
} signals;

int order_take_queue(void); // -1 if there are too many
void order_drop_queue(int);
void order_submit(submission *, int queue, uint32_t encoders);
void order_finish(submission *); // it is not in flight any more
void order_observe(const submission *); // the host knows that it is over
void order_join(timeline *, const timeline *);
void order_signal(signals *, uint64_t value, const timeline *);
void order_wait(timeline *, const signals *, uint64_t value);
timeline order_host(void);
void order_host_learn(const timeline *);

// order_settled is what is ordered before all that is in flight or still to come.
timeline order_settled(void);
#endif
