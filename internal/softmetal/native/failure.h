// Failures on demand: "buffer:3,compile:1" fails the third new buffer and the
// first compilation from now on.
#ifndef FAILURE_H
#define FAILURE_H

#include <stdbool.h>

enum failure {
  FAIL_BUFFER,   // nil instead of a buffer
  FAIL_COMPILE,  // no library, with an error
  FAIL_PIPELINE, // no pipeline, with an error
  FAIL_STATUS,   // a command buffer ends with an internal error
  FAIL_TIMEOUT,  // a command buffer is ended by the watchdog
  FAIL_LOST,     // this command buffer and all after it are ignored
  FAILURES
};

bool fails(enum failure); // counts a call of this kind
bool set_failures(const char *spec);
#endif
