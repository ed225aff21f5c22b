// What a dispatch must satisfy, in an encoder or an indirect command buffer.
#include "metal.h"

enum { CONSTANT_ALIGNMENT = 4 };

bool binding_index_ok(uint64_t index) {
  if (index < MSL_BUFFERS)
    return true;
  report("buffer binding index(%" PRIu64 ") must be < %d", index, MSL_BUFFERS);
  return false;
}

bool offset_ok(const Buffer *b, uint64_t offset) {
  if (offset < b->length)
    return true;
  report("offset(%" PRIu64 ") must be < [buffer length](%" PRIu64 ")", offset, b->length);
  return false;
}

bool array_ok(const void *array, uint64_t count, const char *what) {
  if (array || !count)
    return true;
  report("%s must not be NULL", what);
  return false;
}

static bool any_zero(MTLSize s) { return !s.width || !s.height || !s.depth; }

bool sizes_ok(const Pipeline *p, MTLSize groups, MTLSize threads, const uint64_t *threadgroup_memory) {
  if (any_zero(groups)) {
    report("grid %" PRIu64 "x%" PRIu64 "x%" PRIu64 " must not be 0", groups.width, groups.height, groups.depth);
    return false;
  }
  if (groups.width > UINT32_MAX || groups.height > UINT32_MAX || groups.depth > UINT32_MAX) {
    report("grid %" PRIu64 "x%" PRIu64 "x%" PRIu64 " does not fit 32 bits", groups.width, groups.height, groups.depth);
    return false;
  }
  if (any_zero(threads)) {
    report("threadsPerThreadgroup %" PRIu64 "x%" PRIu64 "x%" PRIu64 " must not be 0", threads.width, threads.height,
           threads.depth);
    return false;
  }
  uint64_t most = p->max_threads;
  if (threads.width > most || threads.height > most / threads.width ||
      threads.depth > most / threads.width / threads.height) {
    report("threadsPerThreadgroup.width(%" PRIu64 ") * height(%" PRIu64 ") * depth(%" PRIu64 ") must be <= %" PRIu64
           " (maxTotalThreadsPerThreadgroup of %s): the launch would silently not run",
           threads.width, threads.height, threads.depth, most, p->kernel->name);
    return false;
  }
  uint64_t total = 0;
  for (int i = 0; i < MAX_THREADGROUP_BUFFERS; i++)
    total += threadgroup_memory[i];
  if (total > MSL_THREADGROUP_BYTES) {
    report("threadgroup memory length(%" PRIu64 ") must be <= %d", total, MSL_THREADGROUP_BYTES);
    return false;
  }
  return true;
}

static bool binding_ok(const char *kernel, const msl_arg *a, const binding *b) {
  if (!b->buffer && !b->bytes) {
    report("kernel %s: missing buffer binding at index %d for %s", kernel, a->index, a->name);
    return false;
  }
  uint64_t alignment = a->kind == MSL_CONSTANT && a->align < CONSTANT_ALIGNMENT ? CONSTANT_ALIGNMENT : a->align;
  if (b->buffer && b->offset % alignment) {
    report("kernel %s: offset(%" PRIu64 ") of buffer index %d (%s) must be a multiple of %" PRIu64, kernel, b->offset,
           a->index, a->name, alignment);
    return false;
  }
  uint64_t have = b->buffer ? b->buffer->length - b->offset : b->length;
  if (have < a->size) {
    report("kernel %s: length(%" PRIu64 ") at index %d (%s) is smaller than the argument type (%" PRIu32 ")", kernel,
           have, a->index, a->name, a->size);
    return false;
  }
  if (a->kind == MSL_WRITE && b->bytes) {
    report("kernel %s: setBytes data bound to the writable argument %s", kernel, a->name);
    return false;
  }
  if (a->kind == MSL_WRITE && b->buffer->read_only) {
    report("kernel %s: memory that is mapped to be read is bound to the writable argument %s", kernel, a->name);
    return false;
  }
  return true;
}

bool bindings_ok(const Pipeline *p, const binding *bindings, uint64_t count) {
  const msl_kernel *k = p->kernel;
  for (int i = 0; i < k->nargs; i++) {
    const msl_arg *a = &k->args[i];
    if ((uint64_t)a->index >= count) {
      report("kernel %s: buffer index %d exceeds the %" PRIu64 " binds of this command", k->name, a->index, count);
      return false;
    }
    if (!binding_ok(k->name, a, &bindings[a->index]))
      return false;
  }
  return true;
}

bool groups_of(MTLSize grid, MTLSize threads, MTLSize *groups) {
  if (any_zero(threads)) {
    *groups = grid;
    return true; // sizes_ok says so
  }
  *groups = (MTLSize){grid.width / threads.width, grid.height / threads.height, grid.depth / threads.depth};
  if (groups->width * threads.width == grid.width && groups->height * threads.height == grid.height &&
      groups->depth * threads.depth == grid.depth)
    return true;
  report("grid %" PRIu64 "x%" PRIu64 "x%" PRIu64 " is no multiple of the threadgroup: the software Metal has none that "
         "are smaller at the edges",
         grid.width, grid.height, grid.depth);
  return false;
}
