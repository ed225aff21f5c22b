#include "failure.h"
#include "metal.h"
#include "settings.h"

static Pipeline *make(Function *f, bool indirect, uint64_t max_threads, NSError **error) {
  if (fails(FAIL_PIPELINE)) {
    give_error(error, "AGXMetalG13X", 3, "Compiler encountered an internal error");
    return NULL;
  }
  Pipeline *p = new_object(&PipelineClass);
  assign(&p->function, f);
  p->kernel = f->kernel;
  p->indirect = indirect;
  for (int i = 0; i < f->kernel->nargs; i++)
    if (p->binding_count <= f->kernel->args[i].index)
      p->binding_count = f->kernel->args[i].index + 1;
  p->max_threads = (uint64_t)setting(MAXTHREADS);
  if (max_threads && max_threads < p->max_threads)
    p->max_threads = max_threads;
  return p;
}

Pipeline *new_pipeline(Device *self, SEL cmd, Function *f, NSError **error) {
  (void)self;
  (void)cmd;
  EXPECT(f, Function, "computeFunction", NULL);
  return make(f, false, 0, error);
}

Pipeline *new_pipeline_with_descriptor(Device *self, SEL cmd, PipelineDescriptor *d, uint64_t options,
                                       void **reflection, NSError **error) {
  (void)self;
  (void)cmd;
  (void)reflection;
  EXPECT(d, PipelineDescriptor, "descriptor", NULL);
  if (options)
    report("pipeline options 0x%" PRIx64 ": the software Metal has no reflection", options);
  if (!d->function) {
    report("computeFunction must not be nil");
    return NULL;
  }
  return make(d->function, d->indirect, d->max_threads, error);
}

static void set_function(PipelineDescriptor *self, SEL cmd, Function *f) {
  (void)cmd;
  EXPECT(f, Function, "computeFunction");
  assign(&self->function, f);
}

static void set_indirect(PipelineDescriptor *self, SEL cmd, bool indirect) {
  (void)cmd;
  self->indirect = indirect;
}

static void set_max_threads(PipelineDescriptor *self, SEL cmd, uint64_t threads) {
  (void)cmd;
  if (threads > MSL_THREADS)
    report("maxTotalThreadsPerThreadgroup(%" PRIu64 ") must be <= %d", threads, MSL_THREADS);
  self->max_threads = threads;
}

static void descriptor_dealloc(void *self) { release(((PipelineDescriptor *)self)->function); }

static void dealloc(void *self) { release(((Pipeline *)self)->function); }
static uint64_t max_threads(Pipeline *self) { return self->max_threads; }
static uint64_t width(void) { return 32; }
static bool indirect(Pipeline *self) { return self->indirect; }

static const method descriptor_methods[] = {
    METHOD("setComputeFunction:", "v@:@", set_function),
    METHOD("setSupportIndirectCommandBuffers:", "v@:B", set_indirect),
    METHOD("setMaxTotalThreadsPerThreadgroup:", "v@:Q", set_max_threads),
    METHOD("setLabel:", "v@:@", ignore_label),
    {0},
};
class PipelineDescriptorClass = {.name = "MTLComputePipelineDescriptor",
                                 .super = &NSObjectClass,
                                 .methods = descriptor_methods,
                                 .size = sizeof(PipelineDescriptor),
                                 .dealloc = descriptor_dealloc,
                                 .named = true};

static const method methods[] = {
    METHOD("maxTotalThreadsPerThreadgroup", "Q@:", max_threads),
    METHOD("threadExecutionWidth", "Q@:", width),
    METHOD("supportIndirectCommandBuffers", "B@:", indirect),
    {0},
};
class PipelineClass = {.name = "MTLComputePipelineState",
                       .super = &NSObjectClass,
                       .methods = methods,
                       .size = sizeof(Pipeline),
                       .dealloc = dealloc};
