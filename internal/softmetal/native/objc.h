// The part of the Objective-C runtime that Metal's host calls need: selectors,
// classes, messages, retain counts, autorelease pools and global blocks.
#ifndef OBJC_H
#define OBJC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_SELECTORS = 512 };

typedef const struct selector *SEL;
typedef void (*IMP)(void);
typedef struct class class;

// Every object starts with this. A dead one keeps its class, for messages.
typedef struct object {
  class *isa;
  uint32_t state; // OBJECT_LIVE or OBJECT_DEAD
  atomic_int retains;
} object;
typedef object *id;

enum { OBJECT_LIVE = 0x4f424a31, OBJECT_DEAD = 0x44454144 };

typedef struct method {
  const char *selector;
  const char *encoding; // Apple's, without offsets: result, receiver, selector, arguments
  IMP imp;
  int since; // the macOS that brought it, 0 for all
} method;

struct class {
  const char *name;
  class *super;
  const method *methods, *class_methods; // ended by a null selector
  size_t size;                           // of an instance
  void (*dealloc)(void *self);           // releases what the instance holds
  bool named;                            // objc_getClass finds it: Metal's protocols are no classes
  int since;
  atomic_long live;
  IMP table[MAX_SELECTORS], class_table[MAX_SELECTORS];
};

extern class *const classes[]; // ended by null
extern class NSObjectClass;

#define METHOD(selector, encoding, function) {selector, encoding, (IMP)(function), 0}
#define METHOD_SINCE(macos, selector, encoding, function) {selector, encoding, (IMP)(function), macos}

// class.c
const char *sel_name(SEL);
bool sel_valid(SEL);
bool is_class(const void *);
bool responds(id, SEL);
IMP find_method(id, SEL);
void fill_method_tables(void);

// object.c
void *new_object(class *);
id retain(void *);
void release(void *);
void assign(void *field, void *value); // a strong reference: retains the new, releases the old
bool is_object(const void *);          // an instance, live or dead
bool is_live(const void *);
bool is_kind_of(const void *, const class *); // a live instance of the class or of one below it
const char *class_name(const void *);

// heap.c
void *heap_take(size_t);
void heap_bury(void *, size_t); // given out again only after many more
bool heap_owns(const void *);

// pool.c
id autorelease(void *);
void *objc_autoreleasePoolPush(void);
void objc_autoreleasePoolPop(void *);

// block.c
typedef struct block {
  void *isa;
  int32_t flags, reserved;
  void (*invoke)(void);
  const struct {
    unsigned long reserved, size;
  } *descriptor;
} block;
bool block_usable(const block *); // or says what is wrong with it

// report.c. An error ends the process, unless errors are recorded.
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));
void report_under(id self, SEL); // whose message this thread is in, for report; null for none

// memory.c. Running out of memory ends the process.
void *take_zeroed(size_t count, size_t size);
void *grow(void *array, size_t count, size_t size); // room for one more than count
char *copy_string(const char *);

// Memory that is freed together, aligned for every type.
typedef struct arena {
  struct chunk *chunks; // the latest first
  size_t left;          // of the latest
} arena;
void *arena_take(arena *, size_t);
void arena_free(arena *);
#endif
