#include "metal.h"

enum { ERROR_OPTION_ENCODER_STATUS = 1 };

static id init(CommandBufferDescriptor *self) {
  self->retained = true;
  return (id)self;
}

static void *new(class *c) { return init(new_object(c)); }

static void set_retained(CommandBufferDescriptor *self, SEL cmd, bool retained) {
  (void)cmd;
  self->retained = retained;
}

static void set_error_options(CommandBufferDescriptor *self, SEL cmd, uint64_t options) {
  (void)self;
  (void)cmd;
  if (options > ERROR_OPTION_ENCODER_STATUS)
    report("error options 0x%" PRIx64 " are unknown", options);
}

static const method methods[] = {
    METHOD("init", "@@:", init),
    METHOD("setRetainedReferences:", "v@:B", set_retained),
    METHOD("setErrorOptions:", "v@:Q", set_error_options),
    {0},
};
static const method class_methods[] = {
    METHOD("new", "@@:", new),
    {0},
};
class CommandBufferDescriptorClass = {.name = "MTLCommandBufferDescriptor",
                                      .super = &NSObjectClass,
                                      .methods = methods,
                                      .class_methods = class_methods,
                                      .size = sizeof(CommandBufferDescriptor),
                                      .named = true,
                                      .since = 11};
