// Selectors, classes and their method tables.
#include "objc.h"
#include "settings.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct selector {
  const char *name;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct selector selectors[MAX_SELECTORS];
static _Atomic int selector_count;

SEL sel_registerName(const char *name) {
  pthread_mutex_lock(&lock);
  int i = 0;
  while (i < selector_count && strcmp(selectors[i].name, name))
    i++;
  if (i == MAX_SELECTORS) {
    fputs("swmetal: too many selectors\n", stderr);
    abort();
  }
  if (i == selector_count) {
    selectors[i].name = copy_string(name);
    selector_count++;
  }
  pthread_mutex_unlock(&lock);
  return &selectors[i];
}

const char *sel_name(SEL s) { return s->name; }

bool sel_valid(SEL s) {
  uintptr_t offset = (uintptr_t)s - (uintptr_t)selectors;
  return offset < (uintptr_t)selector_count * sizeof *s && offset % sizeof *s == 0;
}

class *objc_getClass(const char *name) {
  for (class *const *c = classes; *c; c++)
    if ((*c)->named && (*c)->since <= setting(OS) && !strcmp((*c)->name, name))
      return *c;
  return NULL;
}

bool is_class(const void *p) {
  for (class *const *c = classes; *c; c++)
    if (*c == p)
      return true;
  return false;
}

IMP find_method(id receiver, SEL s) {
  return is_object(receiver) ? receiver->isa->table[s - selectors] : ((class *)receiver)->class_table[s - selectors];
}

bool responds(id receiver, SEL s) {
  if (!sel_valid(s)) {
    report("invalid selector %p", (const void *)s);
    return false;
  }
  return find_method(receiver, s) != NULL;
}

static void fill(IMP *table, const method *m, int since) {
  for (; m && m->selector; m++)
    table[sel_registerName(m->selector) - selectors] = m->since > since ? NULL : m->imp;
}

static void fill_class(class *into, const class *from) {
  if (from->super)
    fill_class(into, from->super);
  fill(into->table, from->methods, (int)setting(OS));
  fill(into->class_table, from->class_methods, (int)setting(OS));
}

void fill_method_tables(void) {
  for (class *const *c = classes; *c; c++)
    fill_class(*c, *c);
}
