#include "settings.h"

#include "failure.h"
#include "hooks.h"
#include "objc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const orders[] = {"forward", "reverse", "random", NULL};

static struct {
  const char *name;
  _Atomic int64_t value;
  const char *const *words; // of the values 0, 1, ...
} settings[SETTINGS] = {
    [CHECK] = {"CHECK", 1, NULL},
    [RECORD] = {"RECORD", 0, NULL},
    [LAZY] = {"LAZY", 0, NULL},
    [SHUFFLE] = {"SHUFFLE", 0, NULL},
    [ORDER] = {"ORDER", 0, orders},
    [HOSTWRITES] = {"HOSTWRITES", 0, NULL},
    [MAXTHREADS] = {"MAXTHREADS", 1024, NULL},
    [MAXBUFFER] = {"MAXBUFFER", INT64_C(16) << 30, NULL},
    [FAMILY] = {"FAMILY", 8, NULL},
    [PATIENCE] = {"PATIENCE", 10000, NULL},
    [PAGE] = {"PAGE", 0, NULL},
    [OS] = {"OS", 15, NULL},
};

int64_t setting(enum setting s) { return settings[s].value; }

static bool parse(const char *text, const char *const *words, int64_t *value) {
  for (int i = 0; words && words[i]; i++)
    if (!strcmp(words[i], text)) {
      *value = i;
      return true;
    }
  char *end;
  errno = 0;
  *value = strtoll(text, &end, 10);
  return !words && *text && !*end && !errno && *value >= 0;
}

bool swmetal_set(const char *name, const char *text) {
  if (!strcmp(name, "FAIL"))
    return set_failures(text);
  for (int i = 0; i < SETTINGS; i++) {
    int64_t value;
    if (strcmp(settings[i].name, name) || !parse(text, settings[i].words, &value))
      continue;
    settings[i].value = value;
    if (i == OS)
      fill_method_tables();
    return true;
  }
  return false;
}

static void set_from_environment(const char *name) {
  char variable[32];
  snprintf(variable, sizeof variable, "SWMETAL_%s", name);
  const char *text = getenv(variable);
  if (!text || swmetal_set(name, text))
    return;
  fprintf(stderr, "swmetal: %s cannot be \"%s\"\n", variable, text);
  abort();
}

__attribute__((constructor(102))) static void read_environment(void) {
  fill_method_tables();
  for (int i = 0; i < SETTINGS; i++)
    set_from_environment(settings[i].name);
  set_from_environment("FAIL");
}
