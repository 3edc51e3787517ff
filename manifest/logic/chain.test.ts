import t from 'tap'
import type { Sha256 } from '../../core/ids.ts'
import { checkpointFloorBytes } from '../../core/limits.ts'
import type { DifferencePart, Head } from '../model.ts'
import { chainProblem, planChain } from './chain.ts'
import { checkpointDue } from './checkpoint-due.ts'

const difference = (from: number, to: number, sizeBytes = 10): DifferencePart => ({
  ...{ from, to, sizeBytes },
  sha256: `${from}-${to}` as Sha256,
})

type Parts = Pick<Head, 'snapshot' | 'checkpoint' | 'differences'>

const segment = { sha256: 'segment' as Sha256, sizeBytes: 1000 }

/** Checkpoint at 3, differences from 1 to 5; that from 3 to 4 has two parts. */
const head: Parts = {
  snapshot: 5,
  checkpoint: { snapshot: 3, segments: [segment] },
  differences: [
    ...[difference(1, 2), difference(2, 3), difference(3, 4), difference(3, 4, 11)],
    difference(4, 5),
  ],
}

const ways = (from: number | null, parts = head): string => {
  const chain = planChain(parts, from)
  const steps = chain.steps.map(step => `${step.kind}:${step.from}-${step.to}x${step.parts.length}`)
  return [chain.whole ? 'whole' : 'chain', ...steps].join(' ')
}

t.test('differences are used where they reach, else the checkpoint', async t => {
  t.equal(ways(5), 'chain')
  t.equal(ways(4), 'chain difference:4-5x1')
  t.equal(ways(3), 'chain difference:3-4x2 difference:4-5x1')
  t.equal(ways(1), 'chain difference:1-2x1 difference:2-3x1 difference:3-4x2 difference:4-5x1')
  t.equal(ways(0), 'whole segment:3-3x1 difference:3-4x2 difference:4-5x1')
  t.equal(ways(null), 'whole segment:3-3x1 difference:3-4x2 difference:4-5x1')
})

t.test('without a checkpoint everything comes from the empty snapshot', async t => {
  const young: Parts = {
    snapshot: 2,
    checkpoint: { snapshot: 0, segments: [] },
    differences: [difference(0, 1), difference(1, 2)],
  }
  t.equal(ways(0, young), 'whole difference:0-1x1 difference:1-2x1')
  t.equal(ways(1, young), 'chain difference:1-2x1')
  t.equal(chainProblem(young), null)
})

t.test('heads that do not hang together are found out', async t => {
  t.equal(chainProblem(head), null)
  t.equal(chainProblem({ ...head, snapshot: 3, differences: [] }), null)
  t.equal(
    chainProblem({ ...head, snapshot: 3, differences: [difference(1, 2), difference(2, 3)] }),
    null,
  )
  const bad: Record<string, Parts> = {
    'a checkpoint in the future': { ...head, checkpoint: { snapshot: 6, segments: [segment] } },
    'an empty checkpoint': { ...head, checkpoint: { snapshot: 3, segments: [] } },
    'a full snapshot 0': { ...head, checkpoint: { snapshot: 0, segments: [segment] } },
    'a gap': { ...head, differences: [difference(3, 4), difference(1, 2), difference(4, 5)] },
    'an early end': { ...head, differences: [difference(3, 4)] },
    'a late start': { ...head, differences: [difference(4, 5)] },
    'a step back': { ...head, differences: [difference(5, 4), difference(4, 5)] },
    'no way at all': { ...head, differences: [] },
  }
  for (const [name, parts] of Object.entries(bad)) t.type(chainProblem(parts), 'string', name)
})

t.test('a checkpoint is due when differences cost a quarter of it, or are many', async t => {
  const base = 4 * checkpointFloorBytes
  const after = (differences: DifferencePart[]): Parts => ({
    snapshot: 2 + differences.length,
    checkpoint: { snapshot: 2, segments: [{ ...segment, sizeBytes: base * 2 }] },
    differences: [difference(1, 2, base * 100), ...differences],
  })
  t.equal(checkpointDue(null), true)
  t.equal(checkpointDue(after([])), false, 'what is behind the checkpoint does not count')
  t.equal(checkpointDue(after([difference(2, 3, base / 2)])), false)
  t.equal(checkpointDue(after([difference(2, 3, base / 2), difference(3, 4, 1)])), true)
  const many = Array.from({ length: 64 }, (_, index) => difference(2 + index, 3 + index, 1))
  t.equal(checkpointDue(after(many.slice(1))), false)
  t.equal(checkpointDue(after(many)), true)
  const first: Parts = {
    snapshot: 2,
    checkpoint: { snapshot: 0, segments: [] },
    differences: [difference(0, 1, base), difference(1, 2, base / 4)],
  }
  t.equal(checkpointDue(first), false, 'the first difference is as good as a checkpoint')
  const more = { ...first, snapshot: 3, differences: [...first.differences, difference(2, 3, 1)] }
  t.equal(checkpointDue(more), true)
})
