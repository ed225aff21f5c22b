#include "metal.h"
#include "settings.h"

#include <pthread.h>

enum {
  FAMILY_APPLE = 1000, // MTLGPUFamilyApple1 is 1001
  FAMILY_COMMON = 3000,
  COMMON_FAMILIES = 3,
  FAMILY_METAL3 = 5001,
};

id MTLCreateSystemDefaultDevice(void) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static Device *device; // one for all, for ever
  report_under(NULL, NULL);
  pthread_mutex_lock(&lock);
  if (!device)
    device = new_object(&DeviceClass);
  pthread_mutex_unlock(&lock);
  return retain(device);
}

static id name(Device *self) {
  (void)self;
  return autorelease(new_string("software Metal"));
}

static bool supports_family(Device *self, SEL cmd, int64_t family) {
  (void)self;
  (void)cmd;
  return (family > FAMILY_APPLE && family <= FAMILY_APPLE + setting(FAMILY)) ||
         (family > FAMILY_COMMON && family <= FAMILY_COMMON + COMMON_FAMILIES) || family == FAMILY_METAL3;
}

static bool unified_memory(void) { return true; }
static uint64_t threadgroup_memory(void) { return MSL_THREADGROUP_BYTES; }
static uint64_t max_buffer(void) { return (uint64_t)setting(MAXBUFFER); }

static const method methods[] = {
    METHOD("name", "@@:", name),
    METHOD("supportsFamily:", "B@:q", supports_family),
    METHOD("hasUnifiedMemory", "B@:", unified_memory),
    METHOD("maxThreadgroupMemoryLength", "Q@:", threadgroup_memory),
    METHOD("maxBufferLength", "Q@:", max_buffer),
    METHOD("recommendedMaxWorkingSetSize", "Q@:", max_buffer),
    METHOD("currentAllocatedSize", "Q@:", allocated_bytes),
    METHOD("newCommandQueue", "@@:", new_queue),
    METHOD("newCommandQueueWithMaxCommandBufferCount:", "@@:Q", new_queue_with_limit),
    METHOD("newBufferWithLength:options:", "@@:QQ", new_buffer),
    METHOD("newBufferWithBytes:length:options:", "@@:r^vQQ", new_buffer_with_bytes),
    METHOD("newBufferWithBytesNoCopy:length:options:deallocator:", "@@:^vQQ@?", new_buffer_no_copy),
    METHOD("newLibraryWithSource:options:error:", "@@:@@^@", new_library),
    METHOD("newComputePipelineStateWithFunction:error:", "@@:@^@", new_pipeline),
    METHOD("newComputePipelineStateWithDescriptor:options:reflection:error:", "@@:@Q^@^@",
           new_pipeline_with_descriptor),
    METHOD("newSharedEvent", "@@:", new_event),
    METHOD_SINCE(15, "newResidencySetWithDescriptor:error:", "@@:@^@", new_residency_set),
    METHOD("newIndirectCommandBufferWithDescriptor:maxCommandCount:options:", "@@:@QQ", new_indirect_buffer),
    {0},
};
class DeviceClass = {.name = "MTLDevice", .super = &NSObjectClass, .methods = methods, .size = sizeof(Device)};
