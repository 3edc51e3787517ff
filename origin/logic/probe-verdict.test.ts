import t from 'tap'
import { seededRandom } from '../../core/clock.ts'
import { sampleBytes } from '../../core/healing-limits.ts'
import type { VolunteerName } from '../../core/ids.ts'
import { chooseAuditor, chooseTarget } from './audit-choice.ts'
import { planProbe } from './probe-plan.ts'
import { judgeProbe, type ProbeFacts, type Sighting } from './probe-verdict.ts'

const size = 10_000_000
const part = { offset: 5000, length: 1000, ranged: true }
const good: Sighting = {
  ...{ end: 'taken', status: 206, contentLength: size - 5000, elapsedMs: 5 },
  ...{ contentRange: `bytes 5000-${size - 1}/${size}`, receivedBytes: 1000 },
}
const judge = (seen: Partial<Sighting>, change: Partial<ProbeFacts> = {}): string =>
  judgeProbe({
    ...{ plan: part, method: 'GET', sizeBytes: size, bounced: false, matches: true },
    sighting: { ...good, ...seen },
    ...change,
  }).finding

t.test('each way to fail has its name', async t => {
  t.equal(judge({}), 'passed')
  t.equal(judge({}, { matches: null }), 'passed', 'what cannot be told is no failure')
  t.equal(judge({}, { matches: false }), 'wrong-bytes')
  t.equal(judge({ end: 'unreachable', status: 0 }), 'unreachable')
  t.equal(judge({ end: 'silent', status: 0 }), 'stalled')
  for (const status of [404, 403, 500, 503, 302, 204]) {
    t.equal(judge({ status }, { matches: null }), 'wrong-status', String(status))
  }
  t.equal(judge({ status: 307 }, { bounced: true }), 'bounced')
  t.equal(judge({ status: 307 }), 'wrong-status', 'sent elsewhere')
  t.equal(judge({ contentRange: `bytes 0-9/${size}` }), 'wrong-length')
  t.equal(judge({ contentRange: `bytes 5000-9/${size + 1}` }), 'wrong-length')
  t.equal(judge({ contentRange: '' }), 'wrong-length')
  t.equal(judge({ end: 'cut', receivedBytes: 900 }), 'cut')
  t.equal(judge({ end: 'cut', receivedBytes: 900 }, { matches: false }), 'wrong-bytes')
  t.equal(judge({ end: 'complete', receivedBytes: 900 }), 'wrong-length')
  t.equal(judge({ end: 'stalled', receivedBytes: 900 }), 'stalled')
  t.equal(judge({ end: 'late', receivedBytes: 900, elapsedMs: 15_000 }), 'slow')
  t.equal(judge({ end: 'late', receivedBytes: 900_000, elapsedMs: 15_000 }), 'passed')
})

t.test('whole files and HEAD', async t => {
  const whole = { plan: { offset: 0, length: 1000, ranged: false }, sizeBytes: 1000 }
  const seen = { status: 200, contentLength: 1000, contentRange: '' }
  t.equal(judge(seen, whole), 'passed')
  t.equal(judge({ ...seen, contentLength: 999 }, whole), 'wrong-length')
  t.equal(judge({ ...seen, contentLength: null }, whole), 'passed', 'chunked')
  t.equal(judge({ ...seen, status: 206 }, whole), 'wrong-status')
  t.equal(judge({ ...seen, contentLength: size }), 'passed', 'a Range may be ignored')
  const head = { method: 'HEAD', matches: null } as const
  t.equal(judge({ status: 200, contentLength: size, receivedBytes: 0 }, head), 'passed')
  t.equal(judge({ status: 200, contentLength: 1, receivedBytes: 0 }, head), 'wrong-length')
  t.equal(judge({ status: 206 }, head), 'wrong-status')
})

t.test('a plan lies inside the file and looks like a program’s request', async t => {
  const random = seededRandom(7)
  const agents = new Set<string>()
  for (let round = 0; round < 500; round++) {
    const sizeBytes = Math.floor(random() * 4 * sampleBytes)
    const { offset, length, ranged, headers } = planProbe(sizeBytes, random)
    t.ok(offset >= 0 && offset + length <= sizeBytes && length <= sampleBytes)
    t.equal(ranged, sizeBytes > sampleBytes)
    const fields = new Map(headers)
    agents.add(String(fields.get('User-Agent')))
    t.notMatch([...fields.values()].join(' '), /mirrorswarm/i)
    if (ranged) t.match(fields.get('Range'), new RegExp(`^bytes=${offset}-`))
  }
  t.ok(agents.size > 5)
})

t.test('audits follow what is served, and leave nobody out', async t => {
  const random = seededRandom(3)
  const [ada, bob, cyd] = ['ada', 'bob', 'cyd'] as VolunteerName[]
  if (ada === undefined || bob === undefined || cyd === undefined) return
  const list = [
    { name: ada, sentBytes: 9e9 },
    { name: bob, sentBytes: 1e9 },
    { name: cyd, sentBytes: 0 },
  ]
  const counts = new Map<string, number>()
  for (let round = 0; round < 3000; round++) {
    const name = chooseTarget(list, random) ?? ''
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  t.ok((counts.get('ada') ?? 0) > 2000)
  t.ok((counts.get('bob') ?? 0) > (counts.get('cyd') ?? 0))
  t.ok((counts.get('cyd') ?? 0) > 50)
  t.equal(chooseTarget([], random), null)
  t.equal(chooseAuditor(ada, [ada], random), null)
  const others = new Set<string | null>()
  for (let round = 0; round < 100; round++) others.add(chooseAuditor(ada, [ada, bob, cyd], random))
  t.strictSame([...others].toSorted(), ['bob', 'cyd', null].toSorted())
})
