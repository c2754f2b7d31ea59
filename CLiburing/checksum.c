// XXH3 with the widest instructions that this processor has.
#include "CLiburing.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t clu_xxh3_avx2(const void *bytes, size_t length);

uint64_t clu_xxh3_64(const void *bytes, size_t length) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return clu_xxh3_avx2(bytes, length);
#endif
  return XXH3_64bits(bytes, length);
}
