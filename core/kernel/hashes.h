// Both halves of a chunk's hash: the rolling polynomial sum of rolling-sum.ts and XXH64. Included by
// kernel.c; knows nothing of chunks.

#include <wasm_simd128.h>

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define EXPORT(name) __attribute__((export_name(#name)))
#define INLINE static inline __attribute__((always_inline))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

// ---- rolling sum -------------------------------------------------------------------------------

#define M 0x915f77f5u
#define M2 (M * M)
#define M3 (M2 * M)
#define M4 (M2 * M2)
#define M8 (M4 * M4)
#define M16 (M8 * M8)

// Hidden from the compiler, or it would repeat the constant where it is used: V8 builds a constant
// vector anew in each round of a loop, which costs more than the arithmetic.
INLINE v128_t splat(u32 value) {
  __asm__ volatile("" : "+r"(value));
  return wasm_u32x4_splat(value);
}
INLINE v128_t times(v128_t a, v128_t b) { return wasm_i32x4_mul(a, b); }
INLINE v128_t plus(v128_t a, v128_t b) { return wasm_i32x4_add(a, b); }
INLINE v128_t minus(v128_t a, v128_t b) { return wasm_i32x4_sub(a, b); }

// Eight bytes as two vectors of four numbers. Hidden half-way for the same reason: the compiler would
// make it one shuffle by a constant.
INLINE void widen(const u8 *bytes, v128_t *low, v128_t *high) {
  v128_t middle = wasm_u16x8_load8x8(bytes);
  __asm__ volatile("" : "+r"(middle));
  *low = wasm_u32x4_extend_low_u16x8(middle);
  *high = wasm_u32x4_extend_high_u16x8(middle);
}

// Sixteen sums side by side, each of every sixteenth byte; `length` is a multiple of 16.
static u32 rolling_sum(const u8 *bytes, u32 length) {
  const v128_t one = splat(1), m4 = splat(M4), m8 = splat(M8), m16 = splat(M16);
  v128_t sums[4] = {splat(0), splat(0), splat(0), splat(0)};
  for (u32 i = 0; i < length; i += 16) {
    v128_t terms[4];
    widen(bytes + i, terms, terms + 1);
    widen(bytes + i + 8, terms + 2, terms + 3);
    for (u32 k = 0; k < 4; k++) {
      sums[k] = plus(times(sums[k], m16), plus(terms[k], one));
    }
  }
  v128_t quarters = plus(times(plus(times(sums[0], m4), sums[1]), m8),
                         plus(times(sums[2], m4), sums[3]));
  return wasm_u32x4_extract_lane(quarters, 0) * M3 + wasm_u32x4_extract_lane(quarters, 1) * M2 +
         wasm_u32x4_extract_lane(quarters, 2) * M + wasm_u32x4_extract_lane(quarters, 3);
}

// ---- XXH64 (seed 0), https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md -------------

#define P1 0x9e3779b185ebca87ull
#define P2 0xc2b2ae3d27d4eb4full
#define P3 0x165667b19e3779f9ull
#define P4 0x85ebca77c2b2ae63ull
#define P5 0x27d4eb2f165667c5ull

INLINE u64 rotate(u64 value, u32 bits) { return (value << bits) | (value >> (64 - bits)); }
INLINE u64 read64(const u8 *at) {
  u64 value;
  __builtin_memcpy(&value, at, 8);
  return value;
}
INLINE u32 read32(const u8 *at) {
  u32 value;
  __builtin_memcpy(&value, at, 4);
  return value;
}
INLINE u64 lane(u64 state, u64 input) { return rotate(state + input * P2, 31) * P1; }
INLINE u64 merge(u64 hash, u64 state) { return (hash ^ lane(0, state)) * P1 + P4; }

static u64 xxh64(const u8 *at, u32 length) {
  const u8 *end = at + length;
  u64 hash = P5;
  if (length >= 32) {
    u64 a = P1 + P2, b = P2, c = 0, d = 0 - P1;
    for (; at + 32 <= end; at += 32) {
      a = lane(a, read64(at));
      b = lane(b, read64(at + 8));
      c = lane(c, read64(at + 16));
      d = lane(d, read64(at + 24));
    }
    hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
    hash = merge(merge(merge(merge(hash, a), b), c), d);
  }
  hash += length;
  for (; at + 8 <= end; at += 8) hash = rotate(hash ^ lane(0, read64(at)), 27) * P1 + P4;
  if (at + 4 <= end) {
    hash = rotate(hash ^ (read32(at) * P1), 23) * P2 + P3;
    at += 4;
  }
  for (; at < end; at++) hash = rotate(hash ^ (*at * P5), 11) * P1;
  hash = (hash ^ (hash >> 33)) * P2;
  hash = (hash ^ (hash >> 29)) * P3;
  return hash ^ (hash >> 32);
}
