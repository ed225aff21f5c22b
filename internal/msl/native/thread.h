// What a compiled kernel sees of the executor: its threads, their positions and
// the places where they meet. The shim is written over this.
#ifndef MSL_THREAD_H
#define MSL_THREAD_H

#include "exec.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MSL_LANES = 32 };

typedef struct msl_thread {
  uint32_t position[3]; // in the threadgroup
  uint32_t index;       // in the threadgroup
  uint32_t lane, simdgroup;
} msl_thread;

typedef struct msl_grid {
  msl_thread *self;  // the thread that runs
  uint32_t group[3]; // its threadgroup's position in the grid
  uint32_t groups[3], threads[3], simdgroups;
  void *buffers[MSL_BUFFERS];
} msl_grid;

extern msl_grid msl_now;

// A place in the Metal text.
typedef struct msl_site {
  uint32_t line, column;
} msl_site;

// Flags of barriers: the memory that they order.
enum { MSL_MEM_NONE = 0, MSL_MEM_DEVICE = 1, MSL_MEM_THREADGROUP = 2 };

// msl_exchange is where the lanes of a simdgroup meet: it takes size bytes (at most
// 16) of this lane, waits for the others and returns all of them, 16 bytes apart, the
// lane that gave slot n at n. *lanes is the set of lanes that came.
const void *msl_exchange(const void *value, uint32_t size, uint32_t slot, uint32_t *lanes, msl_site site);

void msl_simdgroup_barrier(uint32_t flags, msl_site site);

void msl_threadgroup_barrier(uint32_t flags, msl_site site);

// msl_threadgroup_variable is the memory of a variable in this threadgroup. id numbers
// the variables of a kernel from 0, element is the size of the scalars or vectors in it.
void *msl_threadgroup_variable(uint32_t id, const char *name, uint32_t size, uint32_t element, msl_site site);

// The functions of a library of C in single precision.
#define MSL_MATH1(X) \
  X(exp) X(exp2) X(log) X(log2) X(log10) X(sin) X(cos) X(tan) X(asin) X(acos) X(atan) \
  X(sinh) X(cosh) X(tanh) X(asinh) X(acosh) X(atanh)
#define MSL_MATH2(X) X(pow) X(atan2) X(fmod)
#define MSL_DECLARE1(f) float msl_##f(float);
#define MSL_DECLARE2(f) float msl_##f(float, float);
MSL_MATH1(MSL_DECLARE1)
MSL_MATH2(MSL_DECLARE2)
float msl_ldexp(float, int);

#ifdef __cplusplus
}
#endif
#endif
