// Blocks: only global ones. One made on the stack by hand has no signed isa,
// and crashes on Apple silicon.
#include "objc.h"

enum { BLOCK_IS_GLOBAL = 1 << 28 };

void *_NSConcreteGlobalBlock[32];
void *_NSConcreteStackBlock[32];

bool block_usable(const block *b) {
  if (!b)
    report("block must not be NULL");
  else if (b->isa == _NSConcreteStackBlock)
    report("block %p is a stack block: made by hand it crashes on Apple silicon; use one global block", (void *)b);
  else if (b->isa != _NSConcreteGlobalBlock)
    report("%p is not a block", (void *)b);
  else if (!(b->flags & BLOCK_IS_GLOBAL))
    report("block %p has the class of global blocks without their flag: it would be copied", (void *)b);
  else if (!b->invoke || !b->descriptor || b->descriptor->size < sizeof(block))
    report("block %p has no function or no descriptor", (void *)b);
  else
    return true;
  return false;
}
