import t from 'tap'
import type { RepoPath, Sha256, VolunteerName } from '../../core/ids.ts'
import type { Suspicion } from '../../tracker/events.ts'
import { emptyAccount } from '../logic/account.ts'
import type { SelectionCandidate } from '../logic/select.ts'
import { type Explanation, renderExplanation, renderExplanationJson } from './explanation.ts'

const suspicion: Suspicion = {
  quarantined: true,
  reason: 'it sent other bytes than were hashed',
  by: 'origin',
  weight: 2,
  strikes: 1,
  passes: 0,
  failures: 0,
  sinceMs: Date.UTC(2026, 0, 31, 8, 5, 9),
  nextAuditMs: 0,
}

const candidate = (name: string, change: Partial<SelectionCandidate>): SelectionCandidate => ({
  name: name as VolunteerName,
  url: `http://${name}.example`,
  https: false,
  state: 'synced',
  disabled: false,
  trust: 'full',
  reach: 'any',
  clientBytesPerSecond: 0,
  syncBytesPerSecond: 0,
  uploadBytesPerSecond: null,
  capacityBytesPerSecond: 1_000_000,
  capacitySource: 'assumed',
  weight: 1,
  activeClients: 0,
  maxClients: null,
  account: emptyAccount,
  has: () => true,
  ...change,
})

const bad = candidate('eve', { state: 'quarantined', suspicion })
const doubtful = candidate('ada', {
  suspicion: { ...suspicion, quarantined: false, weight: 1, by: 'others', reason: 'it stalled' },
})
const cleared = candidate('bob', {
  suspicion: { ...suspicion, quarantined: false, weight: 0 },
})
const disabled = candidate('dan', { state: 'quarantined', disabled: true, suspicion })

const tier = { kind: 'rest', prefixBits: null, members: [] } as const
const accepted = [doubtful, cleared].map(each => ({ candidate: each, load: 0, tier }))

const explanation: Explanation = {
  path: 'pool/a.deb' as RepoPath,
  content: {
    number: 3,
    sha256: 'ab'.repeat(32) as Sha256,
    sizeBytes: 10_000,
    sha1: '',
    md5: '',
    md4: '',
    modifiedSeconds: 0,
    firstSnapshot: 1,
  },
  snapshot: 1,
  retired: false,
  from: null,
  serve: null,
  selection: {
    chosen: accepted[0] ?? null,
    by: 'load',
    accepted,
    refused: [
      { candidate: bad, reason: 'quarantined' },
      { candidate: disabled, reason: 'disabled' },
    ],
  },
}

t.test('it says what is held against a volunteer, since when, and who saw it', async t => {
  const lines = renderExplanation(explanation).split('\n')
  const lineOf = (name: string): string | undefined =>
    lines.find(line => line.includes(`  ${name}`))
  t.match(
    lineOf('eve'),
    'it is quarantined: it sent other bytes than were hashed (2026-01-31 08:05 UTC, seen by the origin)',
  )
  t.match(
    lineOf('ada'),
    'suspected: it stalled (2026-01-31 08:05 UTC, reported by other volunteers)',
  )
  t.notMatch(lineOf('bob'), /suspected/, 'what was cleared is not told')
  t.notMatch(lineOf('dan'), /bytes/, 'another reason stands alone')
})

t.test('programs get the same', async t => {
  const value = JSON.parse(renderExplanationJson(explanation))
  t.same(value.refused[0].suspicion, {
    quarantined: true,
    reason: 'it sent other bytes than were hashed',
    by: 'origin',
    since: '2026-01-31T08:05:09Z',
  })
  t.match(value.refused[0].explanation, /other bytes/)
  t.match(value.accepted[0].suspicion, { quarantined: false, reason: 'it stalled' })
  t.notOk('suspicion' in value.accepted[1])
})
