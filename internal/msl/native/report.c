// Findings: each is said once, with the kernel and the line of its text.
#define _GNU_SOURCE
#include "machine.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct key {
  const char *kind;
  uintptr_t place, what;
} key;

static key said[MSL_FINDINGS];
static int count;

void msl_report_begin(void) { count = 0; }
int msl_report_count(void) { return count; }

bool msl_report_first(const char *kind, uintptr_t place, uintptr_t what) {
  for (int i = 0; i < count && i < MSL_FINDINGS; i++)
    if (said[i].place == place && said[i].what == what && !strcmp(said[i].kind, kind)) return false;
  if (count < MSL_FINDINGS) said[count] = (key){kind, place, what};
  count++;
  return count <= MSL_FINDINGS;
}

// msl_report prints "KERNEL:LINE: KIND: TEXT".
void msl_report(uint32_t line, const char *kind, const char *format, ...) {
  const msl_launch *l = msl_machine.launch;
  if (!l->report) return;
  char text[512];
  int n = snprintf(text, sizeof text, "%s:%u: %s: ", l->kernel->name, line, kind);
  if (n < 0 || n >= (int)sizeof text) return;
  va_list args;
  va_start(args, format);
  vsnprintf(text + n, sizeof text - (size_t)n, format, args);
  va_end(args);
  l->report(l->ctx, text);
}

// The lines of an object lie beside it, in OBJECT.lines: rows of an address in hex and
// the line of the code from there, by rising address.
uint32_t msl_line(uintptr_t pc) {
  Dl_info info;
  if (!dladdr((void *)pc, &info) || !info.dli_fname) return 0;
  char path[4096];
  if (snprintf(path, sizeof path, "%s.lines", info.dli_fname) >= (int)sizeof path) return 0;
  FILE *f = fopen(path, "r");
  if (!f) return 0;
  uint32_t line = 0, next;
  unsigned long from, at = pc - (uintptr_t)info.dli_fbase;
  while (fscanf(f, "%lx %u", &from, &next) == 2 && from <= at) line = next;
  fclose(f);
  return line;
}
