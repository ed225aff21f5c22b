// The executor: runs one launch of a compiled Metal kernel on the calling thread.
//
// A compiled object exports msl_kernels and leaves the other msl_* and __tsan_*
// symbols undefined; the program that loads it exports the executor's.
#ifndef MSL_EXEC_H
#define MSL_EXEC_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// What a kernel may do with a buffer: device const T *, device T *, constant T * or T &.
enum { MSL_READ, MSL_WRITE, MSL_CONSTANT };

enum { MSL_BUFFERS = 31 };           // indices 0 to 30
enum { MSL_THREADS = 1024 };         // most threads of a threadgroup
enum { MSL_THREADGROUP_BYTES = 32768 };
enum { MSL_FINDINGS = 16 };          // most findings of a launch that are reported

typedef struct msl_arg {
  int32_t index, kind;  // [[buffer(index)]]; MSL_READ, MSL_WRITE or MSL_CONSTANT
  uint32_t size, align; // of the type pointed to, in bytes
  const char *name;
} msl_arg;

typedef struct msl_kernel {
  const char *name;
  void (*entry)(void);
  const msl_arg *args;
  int32_t nargs;
} msl_kernel;

// Ended by an entry whose name is null.
extern const msl_kernel msl_kernels[];

typedef struct msl_buffer {
  void *data;
  uint64_t len; // bytes
} msl_buffer;

// The order of threadgroups, and of threads within them. MSL_RANDOM is a function of the seed.
enum msl_order { MSL_FORWARD, MSL_REVERSE, MSL_RANDOM };

typedef struct msl_launch {
  const msl_kernel *kernel;
  msl_buffer buffers[MSL_BUFFERS];
  uint32_t groups[3], threads[3]; // threadgroups of the grid, threads of each
  enum msl_order order;
  uint64_t seed;
  bool check; // the object was compiled in checked mode
  // report is given each finding: one line without its end. It may be null.
  void (*report)(void *ctx, const char *message);
  // access is given each access of a checked launch to a buffer; it may be null.
  void (*access)(void *ctx, void *addr, uint32_t size, bool write);
  void *ctx;
} msl_launch;

// msl_run executes a launch and returns the number of its findings, reported or not.
// Callers on several threads take turns.
int msl_run(const msl_launch *);

#ifdef __cplusplus
}
#endif
#endif
