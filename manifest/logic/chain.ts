// How to come from one snapshot to that of a head: by the differences in between when the head
// names them all, else from its checkpoint. Origin and volunteer ask the same function.

import type { SnapshotNumber } from '../../core/ids.ts'
import type { DifferencePart, Head, ManifestPart } from '../model.ts'

/** The parts that together make one snapshot out of the one before. */
export interface ChainStep {
  readonly kind: 'segment' | 'difference'
  readonly from: SnapshotNumber
  readonly to: SnapshotNumber
  readonly parts: readonly ManifestPart[]
}

export interface Chain {
  /** The checkpoint is loaded: what it does not name is gone. */
  readonly whole: boolean
  readonly steps: readonly ChainStep[]
}

type HeadParts = Pick<Head, 'snapshot' | 'checkpoint' | 'differences'>

const stepsFrom = (
  differences: readonly DifferencePart[],
  from: SnapshotNumber,
): ChainStep[] | null => {
  const steps: { kind: 'difference'; from: number; to: number; parts: ManifestPart[] }[] = []
  let reached = from
  for (const part of differences) {
    const last = steps.at(-1)
    if (last?.from === part.from && last.to === part.to) last.parts.push(part)
    else if (part.from === reached) {
      steps.push({ kind: 'difference', from: part.from, to: part.to, parts: [part] })
      reached = part.to
    }
  }
  return steps[0]?.from === from ? steps : null
}

/** From the checkpoint to the head. */
const wholeChain = ({ checkpoint, differences }: HeadParts): Chain => {
  const segments: ChainStep[] =
    checkpoint.snapshot === 0
      ? []
      : [
          {
            kind: 'segment',
            from: checkpoint.snapshot,
            to: checkpoint.snapshot,
            parts: checkpoint.segments,
          },
        ]
  return {
    whole: true,
    steps: [...segments, ...(stepsFrom(differences, checkpoint.snapshot) ?? [])],
  }
}

/** The way from snapshot `from` (0: nothing yet; null: whatever there is, start anew). */
export const planChain = (head: HeadParts, from: SnapshotNumber | null): Chain => {
  if (from === head.snapshot) return { whole: false, steps: [] }
  const steps = from === null || from === 0 ? null : stepsFrom(head.differences, from)
  return steps === null ? wholeChain(head) : { whole: false, steps }
}

/** What stops a head from describing its snapshot, or null. */
export const chainProblem = (head: HeadParts): string | null => {
  const { snapshot, checkpoint, differences } = head
  if (checkpoint.snapshot > snapshot) return 'its checkpoint is newer than its snapshot'
  if (checkpoint.snapshot > 0 && checkpoint.segments.length === 0) return 'its checkpoint is empty'
  if (checkpoint.snapshot === 0 && checkpoint.segments.length > 0) return 'snapshot 0 is not empty'
  let step: { from: number; to: number } | null = null
  for (const { from, to } of differences) {
    if (from >= to) return 'a difference leads backwards'
    const sameStep: boolean = step !== null && step.from === from && step.to === to
    if (step !== null && !sameStep && step.to !== from) return 'its differences have a gap'
    step = { from, to }
  }
  if (step !== null && step.to !== snapshot) return 'its differences do not end at its snapshot'
  const covered =
    checkpoint.snapshot === snapshot || differences.some(part => part.from === checkpoint.snapshot)
  return covered ? null : 'its checkpoint and differences do not meet'
}
