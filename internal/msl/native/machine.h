// State of the executor, shared by its files.
#ifndef MSL_MACHINE_H
#define MSL_MACHINE_H

#include "thread.h"

#include <stddef.h>

// Memories that barriers order, as indices.
enum memory { DEVICE, THREADGROUP, MEMORIES };

// Time is counted in barriers: stamp rises at each, and when a threadgroup starts. An
// access carries the stamp of its time, so what came before the last barrier of a set
// of threads has a lower stamp than that barrier.
typedef struct moments {
  uint32_t since[MEMORIES];
} moments;

enum thread_state { NEW, READY, AT_EXCHANGE, AT_BARRIER, DONE };

typedef struct fiber {
  msl_thread thread; // first, so that msl_now.self is the fiber
  enum thread_state state;
  uint32_t waits;    // for the generation after this one
  uint8_t *stack;
  void *sp;
} fiber;

typedef struct simdgroup {
  uint32_t place, count;    // in the order of threads
  uint32_t full, live, met; // sets of lanes: all, not ended, waiting at the exchange
  uint32_t lanes;           // that met last
  uint32_t generation;
  msl_site site;            // of the first that waits
  moments barrier;
  _Alignas(16) uint8_t slots[2][MSL_LANES][16];
} simdgroup;

typedef struct machine {
  const msl_launch *launch;
  fiber fibers[MSL_THREADS];
  simdgroup simdgroups[MSL_THREADS / MSL_LANES];
  uint16_t order[MSL_THREADS], place[MSL_THREADS]; // order of threads, and its inverse
  uint32_t count, live, waiting;                   // threads of the threadgroup
  uint32_t generation;                             // barriers passed by the threadgroup
  msl_site site;                                   // of the first that waits at a barrier
  uint32_t stamp, ordinal;                         // now; number of the threadgroup
  moments barrier;
  uint32_t started; // stamp at which the threadgroup started
  uint64_t random;
} machine;

extern machine msl_machine;

// The memory of threadgroup variables lies in the middle of a larger mapping, so that
// indices a little out of range still hit it.
enum { VARIABLES = 64, ARENA_MARGIN = 64 << 10, ARENA = 1 << 20 };

typedef struct variable {
  const char *name;
  uint32_t offset, size, element; // bytes
} variable;

typedef struct arena {
  uint8_t *base; // ARENA bytes between two margins
  variable variables[VARIABLES];
  uint32_t count, top, bytes; // bytes: what Metal counts
} arena;

extern arena msl_arena;

// Findings (report.c). A finding is one message per kind, place and thing, however
// often it happens.
void msl_report_begin(void);
int msl_report_count(void);
bool msl_report_first(const char *kind, uintptr_t place, uintptr_t what);
__attribute__((format(printf, 3, 4))) void msl_report(uint32_t line, const char *kind, const char *format, ...);
uint32_t msl_line(uintptr_t pc); // of the Metal text; 0: not known

// Checks of accesses (check.c), for a launch that asks for them.
bool msl_check_begin(void); // false: no memory for it
void msl_check_end(void);

// The stacks hold what is private to threads, which is not checked.
bool msl_on_stack(const void *);

// msl_stop ends the launch from within a thread.
_Noreturn void msl_stop(void);

#endif
