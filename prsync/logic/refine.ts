// Decides which chunk hashes of a wanted content are worth fetching: coarse ones of everything, finer
// ones only where something is missing and only where they are expected to save more than they cost.

import { addMatches, type ChunkMatches, coveredRuns, type Span } from './delta-plan.ts'
import { complementRuns, mergeRuns, type Run, runEnd, runsBytes, subtractRuns } from './runs.ts'

/** What bytes cost on the wire. */
export interface Price {
  /** Of a missing byte: 1, or less if the answer is compressed. */
  readonly perByte: number
  /** Of a run of missing bytes, for being asked for. */
  readonly perRun: number
}

/**
 * Where answers are compressed a missing byte costs less, but bits of many places compress badly:
 * with this price the sums over real pairs are best, compressed as well as not.
 */
export const usualPrice: Price = { perByte: 0.8, perRun: 3 }

/** Bytes of unpacked forms are always compressed, text to about a quarter. */
export const formPrice: Price = { perByte: 0.3, perRun: 3 }

/** Hashes to fetch next, and how to use them. */
export interface RefineStep {
  /** scan: look anywhere in the bases; near: only where a neighbouring match would continue. */
  readonly kind: 'scan' | 'near'
  readonly chunkBytes: number
  readonly hashBytes: number
  /** Runs of chunk indices. */
  readonly runs: readonly Run[]
}

interface Level {
  readonly kind: 'scan' | 'near'
  readonly chunkBytes: number
  readonly hashBytes: number
  /** Chance that a missing chunk matches, by its distance to the next match (see `bucketOf`). */
  readonly expected: readonly number[]
  /** Chunks asked of a bucket to learn what its chance really is; the rest waits for that. */
  readonly sample: number
  /** What a match is worth more than its own bytes: matches nearby that it makes possible. */
  readonly bonus: number
}

/**
 * A match anywhere needs all 64 bits. One at a foretold place has few places to be wrong at: 24 bits
 * let one in 16 million pass, which the hash of its piece finds out.
 */
const levels: readonly Level[] = [
  { kind: 'scan', chunkBytes: 65_536, hashBytes: 8, expected: [1], sample: 0, bonus: 1 },
  { kind: 'scan', chunkBytes: 8_192, hashBytes: 8, expected: [1], sample: 0, bonus: 1 },
  {
    kind: 'scan',
    chunkBytes: 1_024,
    hashBytes: 8,
    expected: [0.4, 0.3, 0.2],
    sample: 256,
    bonus: 2,
  },
  {
    kind: 'near',
    chunkBytes: 256,
    hashBytes: 3,
    expected: [0.6, 0.5, 0.4, 0.2],
    sample: 64,
    bonus: 1.5,
  },
  { kind: 'near', chunkBytes: 64, hashBytes: 3, expected: [0.7, 0.4, 0.4], sample: 64, bonus: 1 },
]

/** Chunks of which samples are taken together: lone ones would cost more in the request. */
const sampleGroup = 4
/** What a chunk adds to the request, when it is one of many. */
const askedChunkBytes = 0.3
/** An expectation counts as much as this many observed chunks. */
const expectationWeight = 4
/** Contents below these sizes begin with the second and third level: fewer round trips. */
const firstLevelFloors = [512 * 1024, 64 * 1024] as const

/**
 * Of a form, which is several times as large as its content, 8 KiB chunks are sampled too where next
 * to nothing matched before.
 */
const cautiousSample = { small: 48, large: 96 }
const largeForm = 4 * 1024 * 1024
const cautiousLevel = 1
const cautiousShare = 8
/** Where even less matched, nothing is looked for near it. */
const hopelessShare = 32

/** Missing chunks of which a sample is asked for, to learn whether the others are worth it. */
interface Sampled {
  readonly asked: readonly Run[]
  readonly left: readonly Run[]
  readonly expected: number
  /** How many of those asked for were matched. */
  readonly hits: number
}

export interface RefineState {
  readonly sizeBytes: number
  readonly price: Price
  readonly isCautious: boolean
  /** What was matched so far, to be copied. */
  readonly spans: readonly Span[]
  /** Position of the level that is asked next. */
  readonly level: number
  /** Not empty between a level's sample and its rest. */
  readonly sampled: readonly Sampled[]
}

const mostBucket = 9

/**
 * The missing whole chunks by their distance to the next match, as runs of chunk indices: next to it,
 * second, third and fourth, fifth to eighth … The matches are what ends a missing run, but not the
 * content's own ends.
 */
const bucketsOf = (missing: readonly Run[], chunkBytes: number, sizeBytes: number): Run[][] => {
  const buckets: Run[][] = Array.from({ length: mostBucket + 1 }, () => [])
  for (const run of missing) {
    const first = Math.ceil(run.offset / chunkBytes)
    const count = Math.floor(runEnd(run) / chunkBytes) - first
    if (count <= 0) continue
    const hasLeft = run.offset > 0
    const hasRight = runEnd(run) < sizeBytes
    const nearLeft = hasLeft ? (hasRight ? Math.ceil(count / 2) : count) : 0
    const nearRight = hasRight ? count - nearLeft : 0
    for (const [from, to, bucket] of shells(nearLeft)) {
      buckets[bucket]?.push({ offset: first + from, length: to - from })
    }
    for (const [from, to, bucket] of shells(nearRight)) {
      buckets[bucket]?.push({ offset: first + count - to, length: to - from })
    }
    if (nearLeft + nearRight === 0) buckets[mostBucket]?.push({ offset: first, length: count })
  }
  return buckets.map(mergeRuns)
}

/** [0, count) cut at 1, 2, 4, 8 …, each part with its bucket. */
function* shells(count: number): Generator<[from: number, to: number, bucket: number]> {
  for (let bucket = 0, from = 0; from < count; bucket += 1) {
    const to = bucket < mostBucket ? Math.min(count, 2 ** bucket) : count
    yield [from, to, bucket]
    from = to
  }
}

/** About `wanted` chunks in groups, spread evenly over the runs. */
const spread = (runs: readonly Run[], wanted: number): Run[] => {
  const step = (runsBytes(runs) * sampleGroup) / wanted
  const chosen: Run[] = []
  let passed = 0
  let next = step / 2
  for (const { offset, length } of runs) {
    for (; next < passed + length; next += step) {
      const at = Math.floor(next - passed)
      chosen.push({ offset: offset + at, length: Math.min(sampleGroup, length - at) })
    }
    passed += length
  }
  return mergeRuns(chosen)
}

/** Whether asking for a chunk's hash saves more than it costs. */
const isWorth = (chance: number, level: Level, price: Price): boolean => {
  const saved = level.chunkBytes * price.perByte * level.bonus - price.perRun
  return chance * saved > level.hashBytes + askedChunkBytes
}

const firstLevel = (sizeBytes: number): number =>
  firstLevelFloors.filter(floor => sizeBytes < floor).length

/** `spans`: what an earlier search found. */
export const startRefine = (
  sizeBytes: number,
  price: Price,
  spans: readonly Span[] = [],
): RefineState => ({
  ...{ sizeBytes, price, spans, sampled: [], level: firstLevel(sizeBytes) },
  isCautious: price === formPrice,
})

export const missingOf = (state: RefineState): Run[] =>
  complementRuns(coveredRuns(state.spans), state.sizeBytes)

const stepOf = (level: Level, runs: Iterable<Run>): RefineStep => {
  const { kind, chunkBytes, hashBytes } = level
  return { kind, chunkBytes, hashBytes, runs: mergeRuns(runs) }
}

/** What is left of the buckets whose samples matched well. */
const restOf = (state: RefineState, level: Level): Run[] =>
  state.sampled
    .filter(({ asked, expected, hits }) => {
      const weight = runsBytes(asked) + expectationWeight
      return isWorth((hits + expected * expectationWeight) / weight, level, state.price)
    })
    .flatMap(({ left }) => left)

const isDoubtful = ({ isCautious, level, spans, sizeBytes }: RefineState): boolean =>
  isCautious &&
  level >= cautiousLevel &&
  runsBytes(coveredRuns(spans)) * cautiousShare < sizeBytes &&
  levels[level]?.kind === 'scan'

const isHopeless = ({ isCautious, spans, sizeBytes }: RefineState): boolean =>
  isCautious && runsBytes(coveredRuns(spans)) * hopelessShare < sizeBytes

/** The chunks of a level to ask for now, and those that wait for what these show. */
const openLevel = (state: RefineState, level: Level): { asked: Run[]; sampled: Sampled[] } => {
  const asked: Run[] = []
  const sampled: Sampled[] = []
  // Without any match there is nothing that a chunk could be near to.
  if (level.kind === 'near' && state.spans.length === 0) return { asked, sampled }
  const buckets = bucketsOf(missingOf(state), level.chunkBytes, state.sizeBytes)
  if (level.kind === 'near' && isHopeless(state)) return { asked, sampled }
  const few = state.sizeBytes < largeForm ? cautiousSample.small : cautiousSample.large
  const sample = isDoubtful(state) ? few : level.sample
  for (const [bucket, runs] of buckets.entries()) {
    const expected = level.expected[bucket] ?? 0
    const isSmall = runsBytes(runs) <= sample
    if (sample === 0 || isSmall || isWorth(expected, level, state.price)) asked.push(...runs)
    else {
      const some = spread(runs, sample)
      asked.push(...some)
      sampled.push({ asked: some, left: subtractRuns(runs, some), expected, hits: 0 })
    }
  }
  return { asked, sampled }
}

/** The hashes to fetch next, or null when no more are worth it. */
export const nextStep = (
  state: RefineState,
): { readonly state: RefineState; readonly step: RefineStep | null } => {
  const level = levels[state.level]
  if (level === undefined) return { state, step: null }
  const done = { ...state, sampled: [], level: state.level + 1 }
  if (state.sampled.length > 0) {
    const rest = restOf(state, level)
    return rest.length === 0 ? nextStep(done) : { state: done, step: stepOf(level, rest) }
  }
  const { asked, sampled } = openLevel(state, level)
  if (asked.length === 0) return nextStep(done)
  const next = sampled.length === 0 ? done : { ...state, sampled }
  return { state: next, step: stepOf(level, asked) }
}

const countInside = (chunks: Uint32Array, runs: readonly Run[]): number => {
  let count = 0
  let at = 0
  for (const chunk of chunks) {
    for (let run = runs[at]; run !== undefined && runEnd(run) <= chunk; run = runs[at]) at += 1
    const run = runs[at]
    if (run !== undefined && run.offset <= chunk) count += 1
  }
  return count
}

/** The state after a step's hashes were compared with the bases; `matches` in ascending order. */
export const tookStep = (
  state: RefineState,
  step: RefineStep,
  matches: ChunkMatches,
): RefineState => ({
  ...state,
  spans: addMatches(state.spans, matches, step.chunkBytes, state.sizeBytes),
  sampled: state.sampled.map(each => ({ ...each, hits: countInside(matches.chunks, each.asked) })),
})
