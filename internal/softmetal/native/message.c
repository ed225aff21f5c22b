// The lookup behind objc_msgSend.
#include "objc.h"

static uintptr_t answer_zero(void) { return 0; }

// Called from message.S.
IMP message_lookup(id receiver, SEL s) {
  report_under(NULL, NULL);
  if (!sel_valid(s)) {
    report("objc_msgSend: invalid selector %p (receiver %p)", (const void *)s, (void *)receiver);
    return (IMP)answer_zero;
  }
  if (!is_object(receiver) && !is_class(receiver)) {
    report("objc_msgSend(%s): receiver %p is not an object", sel_name(s), (void *)receiver);
    return (IMP)answer_zero;
  }
  if (is_object(receiver) && !is_live(receiver)) {
    report("*** -[%s %s]: message sent to deallocated instance %p", class_name(receiver), sel_name(s),
           (void *)receiver);
    return (IMP)answer_zero;
  }
  IMP method = find_method(receiver, s);
  if (!method) {
    bool to_class = is_class(receiver);
    report("%c[%s %s]: unrecognized selector sent to %s %p", to_class ? '+' : '-', class_name(receiver), sel_name(s),
           to_class ? "class" : "instance", (void *)receiver);
    return (IMP)answer_zero;
  }
  report_under(receiver, s);
  return method;
}
