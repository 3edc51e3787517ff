import t from 'tap'
import type { RepoPath } from '../core/ids.ts'
import { pieceLengthFor } from '../manifest/logic/piece-length.ts'
import type { BundleCandidate } from '../manifest/publish.ts'
import { readBundle } from './bundle.ts'
import { bundler } from './bundler.ts'
import { parseMetainfo } from './metainfo.ts'
import { hashContent } from './swarm-fixture.ts'

const KiB = 1024

const candidate = (number: number, size: number, path: string): BundleCandidate => {
  const hashed = hashContent(Buffer.alloc(size, number + 1), number, pieceLengthFor(size))
  const { pieces, lastPiece } = hashed
  return {
    ...hashed,
    pieces: Buffer.from(pieces),
    lastPiece: Buffer.from(lastPiece),
    path: path as RepoPath,
    demand: '',
  }
}

t.test('small files travel together by class, large ones alone under their own name', t => {
  const candidates = [
    candidate(0, 10 * KiB, 'a/one'),
    candidate(1, 33 * 1024 * KiB, 'a/image%20disk.iso'),
    candidate(2, 300 * KiB, 'b/two'),
    candidate(3, 200 * KiB, 'b/three'),
    candidate(4, 0, 'b/empty'),
  ]
  const planned = bundler.plan(candidates)
  t.strictSame(planned.map(bundle => bundle.members).sort(), [[0, 3], [1], [2]].sort())
  for (const bundle of planned) {
    const members = bundle.members.map(number => candidates[number] as BundleCandidate)
    t.doesNotThrow(() => readBundle(bundle.metainfo, bundle.infoHash, members, new Set()))
  }
  const large = planned.find(bundle => bundle.members[0] === 1)
  t.equal(parseMetainfo(large?.metainfo ?? Buffer.alloc(0)).name.toString(), 'image disk.iso')
  t.end()
})

t.test('the same contents make the same bundles', t => {
  const candidates = [candidate(0, 100, 'x'), candidate(1, 200, 'y')]
  t.strictSame(bundler.plan(candidates), bundler.plan(candidates))
  t.end()
})
