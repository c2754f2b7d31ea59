// The same XXH3 compiled for AVX2; SwiftPM has no flags per file, so the target is set by pragma.
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

// xxhash chooses by __AVX2__, which a pragma does not define under clang.
#define XXH_VECTOR 2
#define XXH_INLINE_ALL

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif

#include <xxhash.h>

uint64_t clu_xxh3_avx2(const void *bytes, size_t length);

uint64_t clu_xxh3_avx2(const void *bytes, size_t length) { return XXH3_64bits(bytes, length); }

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
