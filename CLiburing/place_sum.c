// A sum over bytes in which their places count, and that may be taken piece by piece in any order.
//
// Multilinear hashing (Lemire and Kaser, "Strongly universal string hashing is fast", 2014): each
// word of 32 bits times a random number of 64 that belongs to its place. The numbers of a block of
// 4096 bytes are the same in all blocks; the block's own factor tells blocks apart. Words rather
// than 64 bits at a time, so that also in their highest bits 33 bits of the sum depend on them.
#include "CLiburing.h"

#include <endian.h>
#include <string.h>

enum { BLOCK = 4096, WORD = 4 };

static uint64_t factors[BLOCK / WORD];

// splitmix64, its final mix.
static uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
  return value ^ (value >> 31);
}

// An even factor would lose a bit.
static uint64_t factor(uint64_t number) { return mix((number + 1) * 0x9E3779B97F4A7C15) | 1; }

__attribute__((constructor)) static void make_factors(void) {
  for (size_t index = 0; index < BLOCK / WORD; index++) factors[index] = factor(~index);
}

static uint64_t byte_sum(unsigned char byte, size_t place) {
  return ((uint64_t)byte << (8 * (place % WORD))) * factors[place / WORD];
}

// Bytes of one block, from a place in it on.
static uint64_t block_sum(const unsigned char *bytes, size_t length, size_t place) {
  uint64_t sum = 0;
  size_t end = place + length;
  while (place < end && place % WORD != 0) sum += byte_sum(*bytes++, place++);
  for (; end - place >= WORD; place += WORD, bytes += WORD) {
    uint32_t word;
    memcpy(&word, bytes, WORD);
    sum += (uint64_t)le32toh(word) * factors[place / WORD];
  }
  while (place < end) sum += byte_sum(*bytes++, place++);
  return sum;
}

uint64_t clu_place_sum(const void *bytes, size_t length, uint64_t offset) {
  const unsigned char *rest = bytes;
  uint64_t sum = 0;
  while (length > 0) {
    size_t place = offset % BLOCK;
    size_t count = BLOCK - place < length ? BLOCK - place : length;
    sum += block_sum(rest, count, place) * factor(offset / BLOCK);
    rest += count;
    offset += count;
    length -= count;
  }
  return sum;
}
