// Residency sets (macOS 15): buffers that indirect command buffers may use.
#include "metal.h"

#include <stdlib.h>

ResidencySet *new_residency_set(Device *self, SEL cmd, id descriptor, NSError **error) {
  (void)self;
  (void)cmd;
  (void)error;
  EXPECT(descriptor, ResidencyDescriptor, "descriptor", NULL);
  return new_object(&ResidencySetClass);
}

static void add(ResidencySet *self, SEL cmd, Buffer *b) {
  (void)cmd;
  EXPECT(b, Buffer, "allocation");
  self->staged = grow(self->staged, self->staged_count, sizeof *self->staged);
  self->staged[self->staged_count++] = b;
  retain(b);
}

static void add_all(ResidencySet *self, SEL cmd, Buffer **buffers, uint64_t count) {
  if (!array_ok(buffers, count, "allocations"))
    return;
  for (uint64_t i = 0; i < count; i++)
    add(self, cmd, buffers[i]);
}

static void commit(ResidencySet *self) {
  for (size_t i = 0; i < self->staged_count; i++) {
    self->members = grow(self->members, self->count, sizeof *self->members);
    self->members[self->count++] = self->staged[i];
  }
  self->staged_count = 0;
}

static void request(ResidencySet *self) {
  if (self->staged_count)
    report("requestResidency with %zu additions that were not committed", self->staged_count);
}

static void dealloc(void *object) {
  ResidencySet *self = object;
  commit(self);
  for (size_t i = 0; i < self->count; i++)
    release(self->members[i]);
  free(self->members);
  free(self->staged);
}

void add_residency_set(ResidencyList *list, ResidencySet *set) {
  EXPECT(set, ResidencySet, "residencySet");
  if (list->count == MAX_RESIDENCY_SETS)
    report("more than %d residency sets", MAX_RESIDENCY_SETS);
  else
    list->sets[list->count++] = (ResidencySet *)retain(set);
}

bool residency_has(const ResidencyList *list, const Buffer *b) {
  for (size_t i = 0; i < list->count; i++)
    for (size_t j = 0; j < list->sets[i]->count; j++)
      if (list->sets[i]->members[j] == b)
        return true;
  return false;
}

void release_residency(ResidencyList *list) {
  for (size_t i = 0; i < list->count; i++)
    release(list->sets[i]);
}

static const method methods[] = {
    METHOD("addAllocation:", "v@:@", add),
    METHOD("addAllocations:count:", "v@:r^@Q", add_all),
    METHOD("commit", "v@:", commit),
    METHOD("requestResidency", "v@:", request),
    {0},
};
class ResidencySetClass = {.name = "MTLResidencySet",
                           .super = &NSObjectClass,
                           .methods = methods,
                           .size = sizeof(ResidencySet),
                           .dealloc = dealloc,
                           .since = 15};
class ResidencyDescriptorClass = {.name = "MTLResidencySetDescriptor",
                                  .super = &NSObjectClass,
                                  .size = sizeof(object),
                                  .named = true,
                                  .since = 15};
