// The byte work of PRsync in WebAssembly: chunk hashes, anchors, and the scan for wanted chunks.
// The same results as rolling-sum.ts, chunk-map.ts, anchors.ts and plain-scanner.ts, which also say
// why; the memory is laid out by wasm-kernel.ts and wasm-scanner.ts. Built by `npm run build:kernel`.

#include "hashes.h"

// ---- chunk hashes ------------------------------------------------------------------------------

EXPORT(chunk_hashes) void chunk_hashes(const u8 *bytes, u32 chunk_bytes, u32 count, u32 *hashes) {
  for (u32 chunk = 0; chunk < count; chunk++, bytes += chunk_bytes) {
    hashes[2 * chunk] = rolling_sum(bytes, chunk_bytes);
    hashes[2 * chunk + 1] = (u32)xxh64(bytes, chunk_bytes);
  }
}

// ---- anchors -----------------------------------------------------------------------------------

static u32 gear_values[256];

EXPORT(start) void start(void) {
  for (u32 byte = 0; byte < 256; byte++) {
    u32 value = (byte + 1) * 0x9e3779b1u;
    value = (value ^ (value >> 16)) * 0x85ebca6bu;
    value = (value ^ (value >> 13)) * 0xc2b2ae35u;
    gear_values[byte] = value ^ (value >> 16);
  }
}

enum { anchor_floor = 1024, anchor_normal = 2048, anchor_ceiling = 16384, gear_bytes = 32 };
#define EARLY_CUT (1u << 19)
#define LATE_CUT (1u << 21)

static u32 anchor_chunk(const u8 *bytes, u32 available, u32 last) {
  u32 end = available < anchor_ceiling ? available : anchor_ceiling;
  u32 normal = end < anchor_normal ? end : anchor_normal;
  u32 gear = 0;
  u32 length = anchor_floor - gear_bytes;
  if (end >= anchor_floor) {
    while (length < anchor_floor) gear = (gear << 1) + gear_values[bytes[length++]];
    if (gear < EARLY_CUT) return length;
    while (length < normal) {
      gear = (gear << 1) + gear_values[bytes[length++]];
      if (UNLIKELY(gear < EARLY_CUT)) return length;
    }
    while (length < end) {
      gear = (gear << 1) + gear_values[bytes[length++]];
      if (UNLIKELY(gear < LATE_CUT)) return length;
    }
  }
  return end == anchor_ceiling || last ? end : 0;
}

static u32 anchored_bytes;

// Writes 5 bytes for each chunk that ends within the bytes, returns how many chunks.
EXPORT(anchors) u32 anchors(const u8 *bytes, u32 length, u32 last, u8 *list) {
  u32 count = 0, done = 0;
  while (done < length) {
    u32 chunk = anchor_chunk(bytes + done, length - done, last);
    if (chunk == 0) break;
    u64 hash = xxh64(bytes + done, chunk);
    for (u32 i = 0; i < 5; i++) *list++ = (u8)(hash >> (8 * i));
    count++;
    done += chunk;
  }
  anchored_bytes = done;
  return count;
}

EXPORT(anchors_consumed) u32 anchors_consumed(void) { return anchored_bytes; }

#include "scan.h"
