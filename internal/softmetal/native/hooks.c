#include "hooks.h"

#include "metal.h"

#include <stdio.h>
#include <string.h>

long swmetal_live(const char *name) {
  await_idle();
  for (class *const *c = classes; *c; c++)
    if (!strcmp((*c)->name, name))
      return (*c)->live;
  return -1;
}

static void write_methods(FILE *out, const class *c, const method *m, char kind) {
  for (; m && m->selector; m++)
    fprintf(out, "%s\t%c%s\t%s\n", c->name, kind, m->selector, m->encoding);
}

char *swmetal_method_table(void) {
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  for (class *const *c = classes; out && *c; c++) {
    write_methods(out, *c, (*c)->class_methods, '+');
    write_methods(out, *c, (*c)->methods, '-');
  }
  if (out)
    fclose(out);
  return text;
}
