// What tests ask of the library beside Metal. Apple's Metal has none of it.
#ifndef HOOKS_H
#define HOOKS_H

#include "objc.h"

// swmetal_set gives the setting SWMETAL_<name> a value, false if it cannot have it.
bool swmetal_set(const char *name, const char *value);

// swmetal_take_errors moves recorded errors into out, a line each, and returns their bytes.
size_t swmetal_take_errors(char *out, size_t room);

// swmetal_live counts the live objects of a class, -1 if there is no such class. First
// all committed work has its end, in lazy mode that which is waited for.
long swmetal_live(const char *class_name);

// swmetal_method_table lists class, + or - and selector, and encoding between
// tabs, a line each; the caller frees it.
char *swmetal_method_table(void);

// swmetal_poison fills memory with what reads as never written.
void swmetal_poison(void *memory, uint64_t length);
#endif
