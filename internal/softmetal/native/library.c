#include "compile.h"
#include "failure.h"
#include "metal.h"
#include "settings.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static const char domain[] = "MTLLibraryErrorDomain";
enum { COMPILE_FAILURE = 3 };
enum { MATH_MODE_SAFE = 0, MATH_MODE_FAST = 2 };

// An object stays mapped for ever: hazards name its kernels.
static const msl_kernel *load(const char *path) {
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  return handle ? dlsym(handle, "msl_kernels") : NULL;
}

Library *new_library(Device *self, SEL cmd, NSString *source, Options *options, NSError **error) {
  (void)self;
  (void)cmd;
  EXPECT(source, NSString, "source", NULL);
  if (options)
    EXPECT(options, Options, "options", NULL);
  if (!options || !options->safe_math) {
    report("the library asks for fast math, which is the default and which the software Metal does not have: "
           "setMathMode: MTLMathModeSafe, or before macOS 15 setFastMathEnabled: NO");
    return NULL;
  }
  if (fails(FAIL_COMPILE)) {
    give_error(error, domain, COMPILE_FAILURE, "Compiler encountered an internal error");
    return NULL;
  }
  bool checked = setting(CHECK);
  char *messages = NULL, *path = compile_metal(string_text(source), checked, &messages);
  const msl_kernel *kernels = path ? load(path) : NULL;
  if (kernels) {
    free(path);
    Library *l = new_object(&LibraryClass);
    l->kernels = kernels;
    l->checked = checked;
    return l;
  }
  give_error(error, domain, COMPILE_FAILURE, path ? dlerror() : messages);
  free(messages);
  free(path);
  return NULL;
}

static Function *new_function(Library *self, SEL cmd, NSString *name) {
  (void)cmd;
  EXPECT(name, NSString, "functionName", NULL);
  for (const msl_kernel *k = self->kernels; k->name; k++)
    if (!strcmp(k->name, string_text(name))) {
      Function *f = new_object(&FunctionClass);
      assign(&f->library, self);
      f->kernel = k;
      return f;
    }
  return NULL;
}

static id function_name(Function *self) { return autorelease(new_string(self->kernel->name)); }
static void function_dealloc(void *self) { release(((Function *)self)->library); }

static void set_fast_math(Options *self, SEL cmd, bool fast) {
  (void)cmd;
  self->safe_math = !fast;
}

static void set_math_mode(Options *self, SEL cmd, int64_t mode) {
  (void)cmd;
  if (mode < MATH_MODE_SAFE || mode > MATH_MODE_FAST)
    report("math mode %" PRId64 " is unknown", mode);
  self->safe_math = mode == MATH_MODE_SAFE;
}

// Versions are major << 16 | minor.
static void set_language_version(Options *self, SEL cmd, uint64_t version) {
  (void)self;
  (void)cmd;
  uint64_t major = version >> 16, minor = version & 0xffff;
  if (major < 1 || major > 4 || minor > 4)
    report("language version 0x%" PRIx64 " is unknown", version);
}

static const method library_methods[] = {
    METHOD("newFunctionWithName:", "@@:@", new_function),
    {0},
};
class LibraryClass = {
    .name = "MTLLibrary", .super = &NSObjectClass, .methods = library_methods, .size = sizeof(Library)};

static const method function_methods[] = {
    METHOD("name", "@@:", function_name),
    {0},
};
class FunctionClass = {.name = "MTLFunction",
                       .super = &NSObjectClass,
                       .methods = function_methods,
                       .size = sizeof(Function),
                       .dealloc = function_dealloc};

static const method options_methods[] = {
    METHOD("setFastMathEnabled:", "v@:B", set_fast_math),
    METHOD_SINCE(15, "setMathMode:", "v@:q", set_math_mode),
    METHOD("setLanguageVersion:", "v@:Q", set_language_version),
    {0},
};
class OptionsClass = {.name = "MTLCompileOptions",
                      .super = &NSObjectClass,
                      .methods = options_methods,
                      .size = sizeof(Options),
                      .named = true};
