// Findings: printed, and the end of the process, as under Apple's validation
// layer; or recorded for tests.
#include "hooks.h"
#include "objc.h"
#include "settings.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RECORDED = 1 << 20 }; // bytes; what comes after is dropped

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char recorded[MAX_RECORDED];
static size_t recorded_bytes;

static _Thread_local struct {
  id self;
  SEL cmd;
} current;

void report_under(id self, SEL cmd) {
  current.self = self;
  current.cmd = cmd;
}

void report(const char *format, ...) {
  char line[1024];
  int n = 0;
  if (current.self)
    n = snprintf(line, sizeof line, "%c[%s %s]: failed assertion: ", is_class(current.self) ? '+' : '-',
                 class_name(current.self), sel_name(current.cmd));
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line + n, sizeof line - (size_t)n, format, arguments);
  va_end(arguments);
  if (!setting(RECORD)) {
    fprintf(stderr, "swmetal: %s\n", line);
    abort();
  }
  pthread_mutex_lock(&lock);
  size_t length = strlen(line);
  if (recorded_bytes + length + 1 <= MAX_RECORDED) {
    memcpy(recorded + recorded_bytes, line, length);
    recorded[recorded_bytes + length] = '\n';
    recorded_bytes += length + 1;
  }
  pthread_mutex_unlock(&lock);
}

size_t swmetal_take_errors(char *out, size_t room) {
  pthread_mutex_lock(&lock);
  size_t n = recorded_bytes < room ? recorded_bytes : room;
  memcpy(out, recorded, n);
  memmove(recorded, recorded + n, recorded_bytes - n);
  recorded_bytes -= n;
  pthread_mutex_unlock(&lock);
  return n;
}
