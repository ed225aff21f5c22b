#include "metal.h"

Event *new_event(Device *self) {
  (void)self;
  return new_object(&EventClass);
}

static void set_value(Event *self, SEL cmd, uint64_t value) {
  (void)cmd;
  timeline host = order_host();
  signal_event(self, value, &host);
}

static bool wait_until(Event *self, SEL cmd, uint64_t value, uint64_t milliseconds) {
  (void)cmd;
  timeline learned = {0};
  bool reached = wait_for_event(self, value, milliseconds, &learned);
  order_host_learn(&learned);
  return reached;
}

static const method methods[] = {
    METHOD("signaledValue", "Q@:", poll_event),
    METHOD("setSignaledValue:", "v@:Q", set_value),
    METHOD_SINCE(12, "waitUntilSignaledValue:timeoutMS:", "B@:QQ", wait_until),
    {0},
};
class EventClass = {
    .name = "MTLSharedEvent", .super = &NSObjectClass, .methods = methods, .size = sizeof(Event)};
