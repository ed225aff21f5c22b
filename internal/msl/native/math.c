// The mathematical functions of kernels, each that of the C library.
#define _GNU_SOURCE
#include "thread.h"

#include <math.h>

#define DEFINE1(name) \
  float msl_##name(float x) { return name##f(x); }
#define DEFINE2(name) \
  float msl_##name(float x, float y) { return name##f(x, y); }
MSL_MATH1(DEFINE1)
MSL_MATH2(DEFINE2)
float msl_ldexp(float x, int e) { return ldexpf(x, e); }
