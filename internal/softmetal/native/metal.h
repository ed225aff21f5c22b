// The classes of Metal's compute side.
#ifndef METAL_H
#define METAL_H

#include "exec.h"
#include "objc.h"
#include "order.h"

#include <inttypes.h>

typedef struct MTLSize {
  uint64_t width, height, depth;
} MTLSize;

typedef struct NSRange {
  uint64_t location, length;
} NSRange;

enum {
  MAX_BYTES = 4096, // of setBytes
  MAX_THREADGROUP_BUFFERS = 8,
  MAX_RESIDENCY_SETS = 32, // of a queue or a command buffer
  MAX_INDIRECT_COMMANDS = 16384,
};

typedef struct NSString {
  object base;
  char *text;
} NSString;

typedef struct NSError {
  object base;
  const char *domain;
  char *message;
  int64_t code;
} NSError;

typedef struct Device {
  object base;
} Device;

typedef struct Options {
  object base;
  bool safe_math;
} Options;

typedef struct Library {
  object base;
  const msl_kernel *kernels;
  bool checked;
} Library;

typedef struct Function {
  object base;
  Library *library;
  const msl_kernel *kernel;
} Function;

typedef struct PipelineDescriptor {
  object base;
  Function *function;
  bool indirect;
  uint64_t max_threads;
} PipelineDescriptor;

typedef struct Pipeline {
  object base;
  Function *function;
  const msl_kernel *kernel;
  bool indirect; // may stand in an indirect command buffer
  uint64_t max_threads;
  int32_t binding_count; // of the kernel: its greatest index and 1
} Pipeline;

typedef struct Buffer {
  object base;
  uint8_t *data;
  uint64_t length;
  bool private, tracked, read_only;
  void *mapping; // of our own memory, with a page that faults on either side
  uint64_t mapping_length;
  const block *deallocator;
  uint64_t serial;
  char *label;
  atomic_int in_flight;         // command buffers committed and not completed that use it
  _Atomic uint64_t resident_in; // serial of the encoder that has it in its list
} Buffer;

typedef struct ResidencySet {
  object base;
  Buffer **members, **staged;
  size_t count, staged_count;
} ResidencySet;

typedef struct ResidencyList {
  ResidencySet *sets[MAX_RESIDENCY_SETS];
  size_t count;
} ResidencyList;

// A thread that waits for a value of an event.
typedef struct waiter {
  uint64_t value;
  struct waiter *next;
} waiter;

typedef struct Event {
  object base;
  uint64_t value, polled; // what it is, and was when the host last asked
  waiter *waiters;
  signals history;
} Event;

// What stands at an index of an encoder: a buffer, bytes or nothing.
typedef struct binding {
  Buffer *buffer;
  uint64_t offset;
  uint8_t *bytes;
  uint64_t length; // of bytes
} binding;

// A kernel with everything that a launch of it needs.
typedef struct launch {
  Pipeline *pipeline;
  MTLSize groups, threads;
  uint64_t threadgroup_memory[MAX_THREADGROUP_BUFFERS];
  binding bindings[MSL_BUFFERS]; // a copy may end after those that the kernel has
} launch;

typedef struct IndirectCommand IndirectCommand;

typedef struct IndirectDescriptor {
  object base;
  uint64_t types, max_bindings;
  bool inherit_bindings, inherit_pipeline;
} IndirectDescriptor;

typedef struct IndirectBuffer {
  object base;
  uint64_t max_bindings;
  bool inherit_bindings, inherit_pipeline;
  IndirectCommand **commands; // null until asked for
  uint64_t count;
  atomic_int in_flight;
} IndirectBuffer;

struct IndirectCommand {
  object base;
  IndirectBuffer *owner;
  launch launch;
  bool set, barrier;
};

typedef struct command command;

struct command {
  enum { DISPATCH, BARRIER, RESOURCE_BARRIER, EXECUTE } kind;
  launch *launch; // of DISPATCH; what EXECUTE inherits
  IndirectBuffer *indirect;
  NSRange range; // of indirect
  Buffer **resources;
  size_t resource_count;
  command *next;
};

typedef struct resident {
  Buffer *buffer;
  uint64_t usage;
} resident;

typedef struct CommandBuffer CommandBuffer;
typedef struct snapshot snapshot;

typedef struct Encoder {
  object base;
  CommandBuffer *owner; // null when it has died
  uint64_t serial;
  bool ended, concurrent;
  bool holds; // retains what it uses
  launch state; // for the next dispatch
  command *commands, **last;
  resident *residents;
  size_t resident_count;
  Pipeline **pipelines; // that were set
  size_t pipeline_count;
  IndirectBuffer **indirect; // that it executes
  size_t indirect_count;
} Encoder;

typedef struct step {
  enum { ENCODE, SIGNAL, WAIT } kind;
  Encoder *encoder;
  Event *event;
  uint64_t value;
} step;

typedef struct CommandBufferDescriptor {
  object base;
  bool retained;
} CommandBufferDescriptor;

typedef struct Queue Queue;

enum status { NOT_ENQUEUED, ENQUEUED, COMMITTED, SCHEDULED, COMPLETED, FAILED };

struct CommandBuffer {
  object base;
  Queue *queue;
  _Atomic int status;
  bool retained; // holds what its encoders use
  bool wanted;   // somebody waits for it: time to run, in lazy mode
  bool done;     // and its handlers have run
  Encoder *open;
  step *steps;
  size_t step_count;
  const block **handlers;
  size_t handler_count;
  arena arena; // of what its encoders have encoded
  ResidencyList residency;
  double start, end; // seconds
  NSError *error;    // an injected one from commit on, others when they happen
  snapshot *snapshot;
  submission submission;
  CommandBuffer *next;
};

struct Queue {
  object base;
  struct worker *worker;
  uint64_t max_buffers;
  ResidencyList residency;
};

extern class NSStringClass, NSErrorClass, DeviceClass, OptionsClass, LibraryClass, FunctionClass,
    PipelineDescriptorClass, PipelineClass, BufferClass, QueueClass, CommandBufferDescriptorClass, CommandBufferClass,
    EncoderClass, EventClass, IndirectDescriptorClass, IndirectBufferClass, IndirectCommandClass,
    ResidencyDescriptorClass, ResidencySetClass;

// EXPECT returns from a method whose argument is no live object of the class.
#define EXPECT(argument, wanted, what, ...)                                                            \
  do {                                                                                                 \
    if (!is_kind_of(argument, &wanted##Class)) {                                                       \
      report("argument %s (%p) is not a live %s", what, (const void *)(argument), wanted##Class.name); \
      return __VA_ARGS__;                                                                              \
    }                                                                                                  \
  } while (0)

// string.c
NSString *new_string(const char *);
const char *string_text(const NSString *);
void ignore_label(id self, SEL, NSString *); // setLabel: of what reports nothing by its label

// error.c
NSError *new_error(const char *domain, int64_t code, const char *message);
void give_error(NSError **where, const char *domain, int64_t code, const char *message);

// library.c, pipeline.c, buffer.c, event.c, residency.c, icb.c, queue.c: methods of the device
Library *new_library(Device *, SEL, NSString *source, Options *, NSError **);
Pipeline *new_pipeline(Device *, SEL, Function *, NSError **);
Pipeline *new_pipeline_with_descriptor(Device *, SEL, PipelineDescriptor *, uint64_t options, void **reflection,
                                       NSError **);
Buffer *new_buffer(Device *, SEL, uint64_t length, uint64_t options);
Buffer *new_buffer_with_bytes(Device *, SEL, const void *, uint64_t length, uint64_t options);
Buffer *new_buffer_no_copy(Device *, SEL, void *, uint64_t length, uint64_t options, const block *);
Event *new_event(Device *);
ResidencySet *new_residency_set(Device *, SEL, id descriptor, NSError **);
IndirectBuffer *new_indirect_buffer(Device *, SEL, IndirectDescriptor *, uint64_t count, uint64_t options);
Queue *new_queue(Device *);
Queue *new_queue_with_limit(Device *, SEL, uint64_t max_buffers);
uint64_t allocated_bytes(void);

// mapping.c: is any of the memory mapped to be read, and not to be written?
bool read_only(const void *memory, uint64_t length);

// residency.c
void add_residency_set(ResidencyList *, ResidencySet *);
bool residency_has(const ResidencyList *, const Buffer *);
void release_residency(ResidencyList *);

// launch.c: what a launch must satisfy
bool array_ok(const void *array, uint64_t count, const char *what);
bool binding_index_ok(uint64_t index);
bool offset_ok(const Buffer *, uint64_t offset);
bool sizes_ok(const Pipeline *, MTLSize groups, MTLSize threads, const uint64_t *threadgroup_memory);
bool bindings_ok(const Pipeline *, const binding *, uint64_t count);
bool groups_of(MTLSize grid, MTLSize threads, MTLSize *groups); // of a grid in threads

// queue.c
void count_new_buffer(Queue *);                   // waits where Metal does, for one to complete
void count_dropped_buffer(Queue *);               // never committed
void enqueue(CommandBuffer *, uint32_t encoders); // the worker holds it until it is done
void wait_until_done(CommandBuffer *);
int poll_status(CommandBuffer *);
uint64_t poll_event(Event *);
bool wait_for_event(Event *, uint64_t value, uint64_t milliseconds, timeline *learns); // by host and GPU
uint64_t signal_event(Event *, uint64_t value, const timeline *); // returns the value before
void await_idle(void); // until all that is due has run

// command_buffer.c
CommandBuffer *new_command_buffer(Queue *, bool retained); // autoreleased
void release_uses(CommandBuffer *);
void fail_command_buffer(CommandBuffer *, int64_t code, const char *cause);

// encoder.c
Encoder *new_encoder(CommandBuffer *, bool concurrent);
void each_buffer(const Encoder *, void (*f)(Buffer *, void *), void *context); // that its commands use
bool is_resident(const Encoder *, const Buffer *, uint64_t usage);

// icb.c
bool indirect_ok(const Encoder *, IndirectBuffer *, NSRange);
launch indirect_launch(const IndirectBuffer *, const IndirectCommand *, const launch *inherited);

// execute.c
void execute(CommandBuffer *);
#endif
