// mslrun: runs launches for another process. It reads requests from standard input and
// answers on standard output, until its input ends.
//
// Numbers are in the machine's own order. A request is, in order: path of the object
// and name of the kernel (u32 length, bytes); order u32, check u32, seed u64, groups and
// threads 3 u32 each; number of buffers u32 and each, from index 0: bound u32, length
// u64, bytes. An answer is frames of a letter, a length u64 and bytes: F a finding, B a
// buffer that the kernel writes (index u32, bytes), then D done, or E an error; C says
// how the kernel crashed and ends the process.
#define _GNU_SOURCE
#include "exec.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, GUARD = 16 * PAGE, NAME = 4096, OBJECTS = 256 };

// A mapping is the memory of a buffer between two guards that fault. The data ends at
// the second, as far as 16-byte alignment lets it.
typedef struct mapping {
  uint8_t *from, *data;
  uint64_t size, len;
} mapping;

static msl_launch launch;
static mapping mappings[MSL_BUFFERS];

static void write_all(const void *data, uint64_t n) {
  const char *p = data;
  while (n) {
    ssize_t k = write(STDOUT_FILENO, p, n);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) _exit(2);
    p += k, n -= (uint64_t)k;
  }
}

static void frame(char letter, uint64_t n) {
  write_all(&letter, 1);
  write_all(&n, sizeof n);
}

static void text_frame(char letter, const char *text) {
  frame(letter, strlen(text));
  write_all(text, strlen(text));
}

static void read_all(void *data, uint64_t n) {
  char *p = data;
  while (n) {
    ssize_t k = read(STDIN_FILENO, p, n);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) _exit(k == 0 ? 0 : 2); // the other side is gone
    p += k, n -= (uint64_t)k;
  }
}

static uint32_t read_u32(void) {
  uint32_t v;
  read_all(&v, sizeof v);
  return v;
}

static uint64_t read_u64(void) {
  uint64_t v;
  read_all(&v, sizeof v);
  return v;
}

static void read_text(char *text) {
  uint32_t n = read_u32();
  if (n >= NAME) _exit(2);
  read_all(text, n);
  text[n] = 0;
}

static void report(void *ctx, const char *message) {
  (void)ctx;
  text_frame('F', message);
}

// crashed tells what memory was accessed, if it can.
static void crashed(int signal, siginfo_t *info, void *context) {
  (void)context;
  char text[512];
  const char *kernel = launch.kernel ? launch.kernel->name : "";
  const uint8_t *at = info->si_addr;
  for (int i = 0; i < MSL_BUFFERS && launch.kernel; i++) {
    const mapping *b = &mappings[i];
    if (!b->from || at < b->from || at >= b->from + b->size || signal != SIGSEGV) continue;
    const char *name = "buffer";
    for (int k = 0; k < launch.kernel->nargs; k++)
      if (launch.kernel->args[k].index == i) name = launch.kernel->args[k].name;
    if (at >= b->data && at < b->data + b->len)
      snprintf(text, sizeof text, "%s:0: crash: writes %s, which is constant", kernel, name);
    else
      snprintf(text, sizeof text, "%s:0: crash: byte %lld of %s, which has %llu", kernel, (long long)(at - b->data),
               name, (unsigned long long)b->len);
    text_frame('C', text);
    _exit(3);
  }
  snprintf(text, sizeof text, "%s:0: crash: %s at address %p", kernel, strsignal(signal), info->si_addr);
  text_frame('C', text);
  _exit(3);
}

static void catch_crashes(void) {
  static uint8_t stack[64 << 10];
  stack_t s = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&s, NULL);
  struct sigaction a = {.sa_sigaction = crashed, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &a, NULL);
}

static bool map(mapping *b, uint64_t len) {
  uint64_t data = (len + 15) & ~(uint64_t)15, pages = (data + PAGE - 1) / PAGE * PAGE;
  *b = (mapping){.size = pages + 2 * GUARD, .len = len};
  void *p = mmap(NULL, b->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return false;
  b->from = p;
  b->data = b->from + GUARD + pages - data;
  return pages == 0 || mprotect(b->from + GUARD, pages, PROT_READ | PROT_WRITE) == 0;
}

static const char *open_object(const char *path, void **handle) {
  static struct {
    char path[NAME];
    void *handle;
  } open[OBJECTS];
  static int count;
  for (int i = 0; i < count; i++)
    if (!strcmp(open[i].path, path)) {
      *handle = open[i].handle;
      return NULL;
    }
  if (count == OBJECTS)
    while (count) dlclose(open[--count].handle);
  *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!*handle) return dlerror();
  strcpy(open[count].path, path);
  open[count++].handle = *handle;
  return NULL;
}

static const char *find_kernel(const char *path, const char *name) {
  void *handle;
  const char *error = open_object(path, &handle);
  if (error) return error;
  const msl_kernel *k = dlsym(handle, "msl_kernels");
  if (!k) return "the object has no kernels";
  for (; k->name; k++)
    if (!strcmp(k->name, name)) {
      launch.kernel = k;
      return NULL;
    }
  return "the object has no such kernel";
}

static void serve(void) {
  static char path[NAME], name[NAME];
  memset(&launch, 0, sizeof launch);
  read_text(path);
  read_text(name);
  launch.order = read_u32();
  launch.check = read_u32();
  launch.seed = read_u64();
  for (int d = 0; d < 3; d++) launch.groups[d] = read_u32();
  for (int d = 0; d < 3; d++) launch.threads[d] = read_u32();
  launch.report = report;
  uint32_t n = read_u32();
  if (n > MSL_BUFFERS) _exit(2);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t bound = read_u32();
    uint64_t len = read_u64();
    if (!bound) continue;
    if (!map(&mappings[i], len)) _exit(4);
    read_all(mappings[i].data, len);
    launch.buffers[i] = (msl_buffer){mappings[i].data, len};
  }
  const char *error = find_kernel(path, name);
  if (error) {
    text_frame('E', error);
  } else {
    bool writes[MSL_BUFFERS] = {false};
    for (int i = 0; i < launch.kernel->nargs; i++)
      if (launch.kernel->args[i].kind == MSL_WRITE) writes[launch.kernel->args[i].index] = true;
    for (int i = 0; i < MSL_BUFFERS; i++) {
      mapping *b = &mappings[i];
      if (b->from && !writes[i]) mprotect(b->from + GUARD, b->size - 2 * GUARD, PROT_READ);
    }
    msl_run(&launch);
    for (uint32_t i = 0; i < MSL_BUFFERS; i++) {
      if (!mappings[i].from || !writes[i]) continue;
      frame('B', sizeof i + mappings[i].len);
      write_all(&i, sizeof i);
      write_all(mappings[i].data, mappings[i].len);
    }
    frame('D', 0);
  }
  launch.kernel = NULL;
  for (int i = 0; i < MSL_BUFFERS; i++)
    if (mappings[i].from) munmap(mappings[i].from, mappings[i].size);
  memset(mappings, 0, sizeof mappings);
}

int main(void) {
  catch_crashes();
  for (;;) serve();
}
