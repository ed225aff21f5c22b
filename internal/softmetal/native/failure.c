#include "failure.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[FAILURES] = {"buffer", "compile", "pipeline", "status", "timeout", "lost"};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long calls_left[FAILURES]; // until the failure; 0: none to come
static bool lost;

bool fails(enum failure f) {
  pthread_mutex_lock(&lock);
  bool now = calls_left[f] > 0 && --calls_left[f] == 0;
  if (f == FAIL_LOST)
    now = lost = lost || now;
  pthread_mutex_unlock(&lock);
  return now;
}

static int find(const char *name, size_t length) {
  for (int f = 0; f < FAILURES; f++)
    if (strlen(names[f]) == length && !memcmp(names[f], name, length))
      return f;
  return -1;
}

bool set_failures(const char *spec) {
  long calls[FAILURES] = {0};
  while (*spec) {
    size_t length = strcspn(spec, ":");
    int f = find(spec, length);
    if (f < 0 || !spec[length])
      return false;
    char *end;
    calls[f] = strtol(spec + length + 1, &end, 10);
    if (calls[f] <= 0 || (*end && *end != ','))
      return false;
    spec = *end ? end + 1 : end;
  }
  pthread_mutex_lock(&lock);
  memcpy(calls_left, calls, sizeof calls_left);
  lost = false;
  pthread_mutex_unlock(&lock);
  return true;
}
