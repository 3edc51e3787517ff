// How much garbage a process keeps. V8 collects late, on a large machine very late, and what a start
// leaves behind it keeps until its heap grows beyond that, which may be never. Knows nothing of what is
// in the heap.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { heapGrowingPercent, startGarbageBytes } from './limits.ts'

/**
 * From now on V8 collects old objects when they have grown by `heapGrowingPercent`. By itself it lets
 * them grow up to fourfold, by how fast it saw itself collect: on a machine that pauses, by luck. Holds
 * for all threads; Node takes this option by no environment variable.
 */
export const collectSooner = (): void =>
  setFlagsFromString(`--heap-growing-percent=${heapGrowingPercent}`)

/** Collect once where `leastBytes` or more are taken; true if so. Stops everything for 0.1 s or so. */
export const collectStartGarbage = (leastBytes: number = startGarbageBytes): boolean => {
  const { heapTotal, arrayBuffers } = process.memoryUsage()
  if (heapTotal + arrayBuffers < leastBytes) return false
  // Only contexts that are made from now on have it, so nobody else can call it.
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  if (typeof collect === 'function') collect()
  return true
}
