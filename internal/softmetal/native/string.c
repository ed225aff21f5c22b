#include "metal.h"

#include <stdlib.h>
#include <string.h>

NSString *new_string(const char *text) {
  NSString *s = new_object(&NSStringClass);
  s->text = copy_string(text);
  return s;
}

void ignore_label(id self, SEL cmd, NSString *label) {
  (void)self;
  (void)cmd;
  if (label)
    EXPECT(label, NSString, "label");
}

static NSString *init_with(NSString *self, SEL cmd, const char *text) {
  (void)cmd;
  if (!text) {
    report("NULL cString");
    return self;
  }
  free(self->text);
  self->text = copy_string(text);
  return self;
}

static id string_with(class *c, SEL cmd, const char *text) {
  return autorelease(init_with(new_object(c), cmd, text));
}

const char *string_text(const NSString *self) { return self->text ? self->text : ""; }

static uint64_t length(NSString *self) { // in UTF-16 units
  uint64_t n = 0;
  for (const char *s = string_text(self); *s; s++)
    n += ((*s & 0xc0) != 0x80) + ((*s & 0xf8) == 0xf0);
  return n;
}

static void dealloc(void *self) { free(((NSString *)self)->text); }

static const method methods[] = {
    METHOD("initWithUTF8String:", "@@:r*", init_with),
    METHOD("UTF8String", "r*@:", string_text),
    METHOD("length", "Q@:", length),
    {0},
};
static const method class_methods[] = {
    METHOD("stringWithUTF8String:", "@@:r*", string_with),
    {0},
};
class NSStringClass = {.name = "NSString",
                       .super = &NSObjectClass,
                       .methods = methods,
                       .class_methods = class_methods,
                       .size = sizeof(NSString),
                       .dealloc = dealloc,
                       .named = true};
