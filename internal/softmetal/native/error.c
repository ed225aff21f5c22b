#include "metal.h"

#include <stdlib.h>

NSError *new_error(const char *domain, int64_t code, const char *message) {
  NSError *e = new_object(&NSErrorClass);
  e->domain = domain;
  e->code = code;
  e->message = copy_string(message);
  return e;
}

void give_error(NSError **where, const char *domain, int64_t code, const char *message) {
  if (where)
    *where = (NSError *)autorelease(new_error(domain, code, message));
}

static id localized_description(NSError *self) { return autorelease(new_string(self->message)); }
static id domain(NSError *self) { return autorelease(new_string(self->domain)); }
static int64_t code(NSError *self) { return self->code; }
static void dealloc(void *self) { free(((NSError *)self)->message); }

static const method methods[] = {
    METHOD("localizedDescription", "@@:", localized_description),
    METHOD("domain", "@@:", domain),
    METHOD("code", "q@:", code),
    {0},
};
class NSErrorClass = {.name = "NSError",
                      .super = &NSObjectClass,
                      .methods = methods,
                      .size = sizeof(NSError),
                      .dealloc = dealloc,
                      .named = true};
