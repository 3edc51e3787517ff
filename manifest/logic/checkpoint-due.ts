// When a new checkpoint is worth writing: once the differences since the last one cost a newcomer
// noticeably more than a checkpoint would.

import { chainSteps, checkpointFloorBytes } from '../../core/limits.ts'
import type { Head } from '../model.ts'

/** The differences may add up to this part of what they are added to. */
const tolerated = 0.25

/** `parts`: those of the newest snapshot; null when nothing can describe it yet. */
export const checkpointDue = (
  parts: Pick<Head, 'snapshot' | 'checkpoint' | 'differences'> | null,
): boolean => {
  if (parts === null) return true
  const { checkpoint, differences } = parts
  let baseBytes = checkpoint.segments.reduce((sum, part) => sum + part.sizeBytes, 0)
  const steps = new Set<number>()
  let sinceBytes = 0
  for (const { from, to, sizeBytes } of differences) {
    if (from < checkpoint.snapshot) continue
    // Without a checkpoint the first difference, from nothing, is as good as one.
    if (from === 0) baseBytes += sizeBytes
    else {
      steps.add(to)
      sinceBytes += sizeBytes
    }
  }
  return (
    steps.size >= chainSteps || sinceBytes > Math.max(checkpointFloorBytes, baseBytes * tolerated)
  )
}
