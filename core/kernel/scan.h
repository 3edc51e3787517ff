// The scan for wanted chunks, the same as in plain-scanner.ts: rolling sums, marks, bitmap, table,
// confirmation in place. Included by kernel.c; one instance of the module scans for one map only.

#define MIX 0x9e3779b1u
#define UNMIX 0x0e8b2f51u // MIX * UNMIX = 1
#define MIX_AGAIN 0x85ebca6bu
#define NOWHERE 0xffffffffffffffffull
#define ZEROS 0xfffffffffffffffeull
#define FOLLOWS 0x80000000u

enum { probe_limit = 256, batch = 1024 };
static const u64 confirmation_bytes = 1 << 26;

static u32 window, weight, ones;
static u32 count;
static u32 missing;
static const u32 *hashes; // weak and strong of each wanted chunk
static u32 *first;        // the first wanted chunk with the same hash; top bit: follows its neighbour
static u64 *places;       // basis (16 bits), offset (48 bits)
static u32 *slots;        // wanted chunk + 1
static u32 slot_shift, slot_mask;
// One byte for each value of a mixed sum's high bits: 1 where a sum may be wanted.
extern u8 __heap_base[];
#define marks __heap_base
static u32 mark_shift;
static u32 *bitmap; // one bit for each value of as many other bits
static u32 bitmap_mask;
static u8 *room;

static u32 kept, sum, refused_sum, refused;
static u64 basis, position, started, looked_at, wasted_bytes, refused_position;

static u32 mixed[batch] __attribute__((aligned(16)));
static u32 candidates[batch + 1];
static u32 sifted[batch + 1];

// While scanning, sums are kept without the ones that are added to the bytes, and mixed. Where one
// is looked up in the marks, and again in the bitmap:
INLINE u32 mixed_of(u32 weak) { return (weak - ones) * MIX; }
INLINE u32 bit_of(u32 mixed_sum) { return (mixed_sum ^ (mixed_sum >> 15)) * MIX_AGAIN; }
INLINE u32 *word_of(u32 bit) { return bitmap + ((bit >> 3) & bitmap_mask); }

static void insert(u32 index) {
  u32 weak = hashes[2 * index], strong = hashes[2 * index + 1];
  u32 slot = (weak * MIX) >> slot_shift;
  for (u32 probe = 0; probe < probe_limit; probe++, slot = (slot + 1) & slot_mask) {
    u32 entry = slots[slot];
    if (entry == 0) {
      u32 bit = bit_of(mixed_of(weak));
      slots[slot] = index + 1;
      marks[mixed_of(weak) >> mark_shift] = 1;
      *word_of(bit) |= 1u << (bit >> 27);
      missing++;
      return;
    }
    entry--;
    if (hashes[2 * entry] == weak && hashes[2 * entry + 1] == strong) {
      first[index] = entry | (first[index] & FOLLOWS);
      return;
    }
  }
}

// `first` comes with its top bits set by the caller; everything else is zero.
EXPORT(prepare)
u32 prepare(u32 chunk_bytes, u32 wanted, const u32 *hash_list, u32 *firsts, u64 *place_list,
            u32 *slot_list, u32 slot_bits, u32 mark_bits, u32 *bitmap_words,
            u32 bitmap_bits, u8 *bytes) {
  window = chunk_bytes;
  count = wanted;
  missing = 0;
  hashes = hash_list;
  first = firsts;
  places = place_list;
  slots = slot_list;
  slot_shift = 32 - slot_bits;
  slot_mask = (1u << slot_bits) - 1;
  mark_shift = 32 - mark_bits;
  bitmap = bitmap_words;
  bitmap_mask = (1u << (bitmap_bits - 5)) - 1;
  room = bytes;
  weight = 1;
  ones = 0;
  for (u32 i = 0; i < window; i++) {
    ones += weight;
    weight *= M;
  }
  // The window before the room is still all zeros.
  u32 zero_weak = rolling_sum(room - window, window);
  u32 zero_strong = (u32)xxh64(room - window, window);
  for (u32 index = 0; index < count; index++) {
    first[index] = index | (first[index] & FOLLOWS);
    if (hashes[2 * index] == zero_weak && hashes[2 * index + 1] == zero_strong) {
      places[index] = ZEROS;
    } else {
      places[index] = NOWHERE;
      insert(index);
    }
  }
  return missing;
}

EXPORT(begin) void begin(u32 number, double offset) {
  looked_at += position - started;
  basis = (u64)number << 48;
  kept = 0;
  position = started = (u64)offset;
  refused = 0;
}

INLINE u32 is_welcome(u32 entry, u64 at) {
  if (places[entry] == NOWHERE) return 1;
  if (entry == 0 || !(first[entry] & FOLLOWS) || at < window) return 0;
  return places[first[entry - 1] & ~FOLLOWS] == (basis | (at - window));
}

static u32 may_confirm(u32 weak, u64 at) {
  if (refused && refused_sum == weak && refused_position == at - 1) {
    refused_position = at;
    return 0;
  }
  return wasted_bytes + window <= confirmation_bytes + 8 * (looked_at + at - started);
}

static void test(u32 weak, const u8 *bytes, u64 at) {
  u32 slot = (weak * MIX) >> slot_shift;
  u32 confirmed = 0, strong = 0;
  for (u32 probe = 0; probe < probe_limit; probe++, slot = (slot + 1) & slot_mask) {
    u32 entry = slots[slot];
    if (entry-- == 0) break;
    if (LIKELY(hashes[2 * entry] != weak) || !is_welcome(entry, at)) continue;
    if (!confirmed) {
      if (!may_confirm(weak, at)) return;
      strong = (u32)xxh64(bytes, window);
      confirmed = 1;
    }
    if (hashes[2 * entry + 1] != strong) continue;
    if (places[entry] == NOWHERE) missing--;
    else wasted_bytes += window;
    places[entry] = basis | at;
    return;
  }
  if (!confirmed) return;
  wasted_bytes += window;
  refused = 1;
  refused_sum = weak;
  refused_position = at;
}

INLINE u32 rolled(u32 value, const u8 *bytes) {
  return value * M + bytes[window] - bytes[0] * weight;
}

// The mixed sums of `length` windows (a multiple of 8) from `sum` on. The four lanes are neighbouring
// windows; each step takes every lane four bytes further. Reads up to 20 bytes behind the last
// window, which count for nothing.
static void roll_batch(const u8 *bytes, u32 length) {
  const v128_t m = splat(M), m2 = splat(M2), m4 = splat(M4), mix = splat(MIX);
  const v128_t leaving = splat(weight);
  const u8 *ahead = bytes + window;
  const u32 h1 = rolled(sum, bytes), h2 = rolled(h1, bytes + 1);
  v128_t lanes = wasm_u32x4_make(sum, h1, h2, rolled(h2, bytes + 2));
  v128_t in, out, next_in, next_out;
  widen(ahead, &in, &next_in);
  widen(bytes, &out, &next_out);
  // What changes from a window to the next, then over two windows; over four in the loop.
  v128_t one = minus(in, times(out, leaving));
  v128_t next_one = minus(next_in, times(next_out, leaving));
  v128_t two = plus(times(one, m), wasm_i32x4_shuffle(one, next_one, 1, 2, 3, 4));
  one = next_one;
  for (u32 i = 0; i < length; i += 8) {
    widen(ahead + i + 8, &in, &next_in);
    widen(bytes + i + 8, &out, &next_out);
    wasm_v128_store(mixed + i, times(lanes, mix));
    v128_t next = minus(in, times(out, leaving));
    v128_t next_two = plus(times(one, m), wasm_i32x4_shuffle(one, next, 1, 2, 3, 4));
    v128_t four = plus(times(two, m2), wasm_i32x4_shuffle(two, next_two, 2, 3, 4, 5));
    lanes = plus(times(lanes, m4), four);
    wasm_v128_store(mixed + i + 4, times(lanes, mix));
    one = minus(next_in, times(next_out, leaving));
    two = plus(times(next, m), wasm_i32x4_shuffle(next, one, 1, 2, 3, 4));
    four = plus(times(next_two, m2), wasm_i32x4_shuffle(next_two, two, 2, 3, 4, 5));
    lanes = plus(times(lanes, m4), four);
  }
  sum = wasm_u32x4_extract_lane(lanes, 0);
}

// Branchless: a wrong guess every hundred bytes would cost more than the rest of the loop.
#define COLLECT(k)   \
  *out = i + k;       \
  out += marks[from[k] >> shift];

INLINE u32 collect_marked(u32 length, const u32 shift) {
  u32 *out = candidates;
  const u32 *from = mixed;
  for (u32 i = 0; i < length; i += 8) {
    COLLECT(0) COLLECT(1) COLLECT(2) COLLECT(3)
    COLLECT(4) COLLECT(5) COLLECT(6) COLLECT(7)
    from += 8;
    __asm__ volatile("" : "+r"(from), "+r"(i));
  }
  return out - candidates;
}

// Shifts by a constant are quicker. Keep in step with markBits in wasm-scanner.ts.
INLINE u32 collect(u32 length) {
  if (mark_shift == 16) return collect_marked(length, 16);
  if (mark_shift == 14) return collect_marked(length, 14);
  if (mark_shift == 12) return collect_marked(length, 12);
  return collect_marked(length, 10);
}

INLINE u32 sift(u32 found) {
  u32 left = 0;
  for (u32 i = 0; i < found; i++) {
    u32 bit = bit_of(mixed[candidates[i]]);
    sifted[left] = candidates[i];
    left += (*word_of(bit) >> (bit >> 27)) & 1;
  }
  return left;
}

static void scan_windows(const u8 *bytes, u32 length) {
  sum -= ones;
  while (length >= 8) {
    u32 part = length < batch ? length & ~7u : batch;
    roll_batch(bytes, part);
    u32 left = sift(collect(part));
    for (u32 i = 0; i < left; i++) {
      u32 at = sifted[i];
      test(mixed[at] * UNMIX + ones, bytes + at, position + at);
    }
    position += part;
    bytes += part;
    length -= part;
  }
  for (; length > 0; length--) {
    if (marks[(sum * MIX) >> mark_shift]) test(sum + ones, bytes, position);
    sum = rolled(sum, bytes);
    bytes++;
    position++;
  }
  sum += ones;
}

// `length` bytes in the room follow; returns how many different chunks have no place yet.
EXPORT(scan) u32 scan(u32 length) {
  u8 *bytes = room - kept;
  u32 available = kept + length;
  if (kept < window) {
    if (available < window) {
      kept = available;
      __builtin_memmove(room - kept, bytes, kept);
      return missing;
    }
    sum = rolling_sum(bytes, window);
  }
  scan_windows(bytes, available - window);
  kept = window;
  __builtin_memmove(room - window, bytes + available - window, window);
  return missing;
}

EXPORT(finish) u32 finish(void) {
  if (kept == window) test(sum, room - window, position);
  kept = 0;
  return missing;
}

EXPORT(forget) u32 forget(u32 number) {
  for (u32 index = 0; index < count; index++) {
    if ((first[index] & ~FOLLOWS) != index || places[index] >= ZEROS) continue;
    if (places[index] >> 48 != number) continue;
    places[index] = NOWHERE;
    missing++;
  }
  return missing;
}
