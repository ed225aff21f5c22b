// Runs the compiler from Metal's language to shared objects, as a child process.
#ifndef COMPILE_H
#define COMPILE_H

#include <stdbool.h>

// compile_metal returns an object's path, or null and the messages in *error. The caller frees them.
char *compile_metal(const char *text, bool checked, char **error);
#endif
