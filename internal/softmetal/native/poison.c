#include "poison.h"

#include "hooks.h"

#include <string.h>

enum { BLOCK = 16, HALVES = BLOCK / 2 };

// Quiet NaNs of bf16 with a payload of 1 to 63.
static void pattern(uintptr_t block, uint16_t halves[HALVES]) {
  uint64_t x = block * UINT64_C(0x9e3779b97f4a7c15);
  x ^= x >> 29;
  for (int i = 0; i < HALVES; i++, x >>= 6)
    halves[i] = (uint16_t)(0x7fc0 | (1 + x % 63));
}

void poison(void *memory, uint64_t length) {
  uint16_t halves[HALVES];
  uintptr_t start = (uintptr_t)memory, end = start + length;
  for (uintptr_t a = start; a < end;) {
    uintptr_t block = a & ~(uintptr_t)(BLOCK - 1), stop = block + BLOCK < end ? block + BLOCK : end;
    pattern(block, halves);
    memcpy((char *)memory + (a - start), (char *)halves + (a - block), stop - a);
    a = stop;
  }
}

uintptr_t poison_at(uintptr_t start, uint64_t length) {
  uint16_t halves[HALVES];
  uintptr_t end = start + length;
  for (uintptr_t a = start; a < end; a = (a & ~(uintptr_t)(BLOCK - 1)) + BLOCK) {
    uintptr_t block = a & ~(uintptr_t)(BLOCK - 1);
    pattern(block, halves);
    if (!memcmp((const void *)block, halves, BLOCK))
      return a;
  }
  return end;
}

void swmetal_poison(void *memory, uint64_t length) { poison(memory, length); }
