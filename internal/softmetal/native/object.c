// Objects and their retain counts.
#include "objc.h"

#include <string.h>

bool is_object(const void *p) {
  const object *o = p;
  return heap_owns(p) && (o->state == OBJECT_LIVE || o->state == OBJECT_DEAD);
}

bool is_live(const void *p) { return heap_owns(p) && ((const object *)p)->state == OBJECT_LIVE; }

bool is_kind_of(const void *p, const class *wanted) {
  if (!is_live(p))
    return false;
  for (const class *c = ((const object *)p)->isa; c; c = c->super)
    if (c == wanted)
      return true;
  return false;
}

const char *class_name(const void *p) {
  return is_class(p) ? ((const class *)p)->name : ((const object *)p)->isa->name;
}

void *new_object(class *c) {
  object *o = heap_take(c->size);
  o->isa = c;
  o->retains = 1;
  o->state = OBJECT_LIVE;
  c->live++;
  return o;
}

id retain(void *p) {
  id o = p;
  if (!o || is_class(o))
    return o;
  if (o->state != OBJECT_LIVE)
    report("retain of deallocated %s %p", class_name(o), p);
  else
    o->retains++;
  return o;
}

void release(void *p) {
  id o = p;
  if (!o || is_class(o))
    return;
  if (o->state != OBJECT_LIVE) {
    report("over-release of %s %p", class_name(o), p);
    return;
  }
  if (--o->retains > 0)
    return;
  for (class *c = o->isa; c; c = c->super)
    if (c->dealloc)
      c->dealloc(o);
  o->state = OBJECT_DEAD;
  o->isa->live--;
  heap_bury(o, o->isa->size);
}

void assign(void *field, void *value) {
  id old, new = retain(value);
  memcpy(&old, field, sizeof old);
  memcpy(field, &new, sizeof new);
  release(old);
}

id objc_retain(id o) {
  report_under(NULL, NULL);
  if (o && !is_class(o) && !is_object(o)) {
    report("objc_retain of a non-object %p", (void *)o);
    return o;
  }
  return retain(o);
}

void objc_release(id o) {
  report_under(NULL, NULL);
  if (o && !is_class(o) && !is_object(o)) {
    report("objc_release of a non-object %p", (void *)o);
    return;
  }
  release(o);
}

static id alloc(class *c) { return new_object(c); }

static id init(id self) { return self; }

static bool responds_to(id self, SEL cmd, SEL asked) {
  (void)cmd;
  return responds(self, asked);
}

static uint64_t retain_count(id self) { return (uint64_t)self->retains; }

static const method methods[] = {
    METHOD("init", "@@:", init),
    METHOD("retain", "@@:", retain),
    METHOD("release", "v@:", release),
    METHOD("autorelease", "@@:", autorelease),
    METHOD("retainCount", "Q@:", retain_count),
    METHOD("respondsToSelector:", "B@::", responds_to),
    {0},
};
static const method class_methods[] = {
    METHOD("alloc", "@@:", alloc),
    METHOD("new", "@@:", alloc),
    {0},
};
class NSObjectClass = {
    .name = "NSObject", .methods = methods, .class_methods = class_methods, .size = sizeof(object), .named = true};
