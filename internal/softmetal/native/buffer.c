#include "failure.h"
#include "hazard.h"
#include "metal.h"
#include "poison.h"
#include "settings.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// Of MTLResourceOptions.
enum {
  STORAGE_SHIFT = 4,
  STORAGE_MASK = 15,
  STORAGE_MANAGED = 1,
  STORAGE_PRIVATE = 2,
  TRACKING_SHIFT = 8,
  TRACKING_MASK = 3,
  UNTRACKED = 1,
  TRACKED = 2,
};

static const size_t GUARD = 1 << 16; // a multiple of any page size

static _Atomic uint64_t serials, bytes;

uint64_t allocated_bytes(void) { return bytes; }

static uint64_t page_size(void) { return setting(PAGE) ? (uint64_t)setting(PAGE) : (uint64_t)sysconf(_SC_PAGESIZE); }

static bool length_ok(uint64_t length) {
  if (!length)
    report("buffer length must not be zero");
  else if (length > (uint64_t)setting(MAXBUFFER))
    report("buffer length %" PRIu64 " exceeds maxBufferLength %" PRId64, length, setting(MAXBUFFER));
  else
    return true;
  return false;
}

static bool options_ok(uint64_t options) {
  uint64_t storage = options >> STORAGE_SHIFT & STORAGE_MASK, tracking = options >> TRACKING_SHIFT & TRACKING_MASK;
  if (storage == STORAGE_MANAGED)
    report("MTLStorageModeManaged is not available on Apple silicon");
  else if (storage > STORAGE_PRIVATE)
    report("storage mode %" PRIu64 " is not for buffers", storage);
  else if (tracking > TRACKED || options >> (TRACKING_SHIFT + 2) || options & 14)
    report("resource options 0x%" PRIx64 " are unknown", options);
  else
    return true;
  return false;
}

static Buffer *make(void *data, uint64_t length, uint64_t options) {
  Buffer *b = new_object(&BufferClass);
  b->data = data;
  b->length = length;
  b->private = (options >> STORAGE_SHIFT & STORAGE_MASK) == STORAGE_PRIVATE;
  b->tracked = (options >> TRACKING_SHIFT & TRACKING_MASK) != UNTRACKED;
  b->serial = ++serials;
  bytes += length;
  hazard_cover(b);
  return b;
}

// Memory between two guards. What Metal returns is not defined, so it is poisoned.
Buffer *new_buffer(Device *self, SEL cmd, uint64_t length, uint64_t options) {
  (void)self;
  (void)cmd;
  if (!length_ok(length) || !options_ok(options) || fails(FAIL_BUFFER))
    return NULL;
  uint64_t room = (length + GUARD - 1) & ~(GUARD - 1);
  uint8_t *mapping = mmap(NULL, room + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED)
    return NULL;
  if (mprotect(mapping + GUARD, room, PROT_READ | PROT_WRITE)) {
    munmap(mapping, room + 2 * GUARD);
    return NULL;
  }
  if (setting(CHECK))
    poison(mapping + GUARD, room);
  Buffer *b = make(mapping + GUARD, length, options);
  b->mapping = mapping;
  b->mapping_length = room + 2 * GUARD;
  return b;
}

Buffer *new_buffer_with_bytes(Device *self, SEL cmd, const void *from, uint64_t length, uint64_t options) {
  if (!from) {
    report("bytes must not be NULL");
    return NULL;
  }
  Buffer *b = new_buffer(self, cmd, length, options);
  if (b)
    memcpy(b->data, from, length);
  return b;
}

Buffer *new_buffer_no_copy(Device *self, SEL cmd, void *data, uint64_t length, uint64_t options,
                           const block *deallocator) {
  (void)self;
  (void)cmd;
  if (!data || (uintptr_t)data % page_size()) {
    report("pointer %p is not page aligned (%" PRIu64 ")", data, page_size());
    return NULL;
  }
  if (length % page_size()) {
    report("length %" PRIu64 " is not a multiple of the page size (%" PRIu64 ")", length, page_size());
    return NULL;
  }
  if (!length_ok(length) || !options_ok(options))
    return NULL;
  if (options >> STORAGE_SHIFT & STORAGE_MASK) {
    report("newBufferWithBytesNoCopy needs shared storage");
    return NULL;
  }
  if (deallocator && !block_usable(deallocator))
    return NULL;
  if (fails(FAIL_BUFFER))
    return NULL;
  Buffer *b = make(data, length, options);
  b->deallocator = deallocator;
  b->read_only = read_only(data, length);
  return b;
}

static void dealloc(void *self) {
  Buffer *b = self;
  hazard_uncover(b);
  bytes -= b->length;
  if (b->in_flight)
    report("buffer %p deallocated while %d command buffers that use it are in flight", self, b->in_flight);
  else if (b->mapping)
    munmap(b->mapping, b->mapping_length);
  if (b->deallocator)
    ((void (*)(const block *, void *, uint64_t))b->deallocator->invoke)(b->deallocator, b->data, b->length);
  free(b->label);
}

static void *contents(Buffer *self) { return self->private ? NULL : self->data; }
static uint64_t length(Buffer *self) { return self->length; }
static uint64_t address(Buffer *self) { return (uintptr_t)self->data; }

static void set_label(Buffer *self, SEL cmd, NSString *label) {
  (void)cmd;
  EXPECT(label, NSString, "label");
  free(self->label);
  self->label = copy_string(string_text(label));
}

static const method methods[] = {
    METHOD("contents", "^v@:", contents),
    METHOD("length", "Q@:", length),
    METHOD_SINCE(13, "gpuAddress", "Q@:", address),
    METHOD("setLabel:", "v@:@", set_label),
    {0},
};
class BufferClass = {.name = "MTLBuffer",
                     .super = &NSObjectClass,
                     .methods = methods,
                     .size = sizeof(Buffer),
                     .dealloc = dealloc};
