import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../core/clock.ts'
import { testFolder } from '../../core/fixtures/test-folder.ts'
import type { ContentNumber, VolunteerName } from '../../core/ids.ts'
import { silentLogger } from '../../core/log.ts'
import type { Sample } from '../../core/sample-download.ts'
import type { VolunteerRecord } from '../../tracker/events.ts'
import type { Candidate } from '../../tracker/logic/views.ts'
import { SmallManifest } from '../fixtures/small-manifest.ts'
import { ForeignMirrors, type ForeignMirrorsParts, mirrorRecord } from './foreign-mirrors.ts'
import { ProofStore } from './proof-store.ts'

/** Mirrors whose every request hangs until it is aborted, and ends some time after that. */
const start = (t: Test, names: readonly string[], requireClients = false) => {
  const manifest = new SmallManifest()
  manifest.add('a')
  const records = new Map<VolunteerName, VolunteerRecord>()
  for (const name of names as VolunteerName[]) {
    const url = `http://${name}.example.org`
    const request = { name, url, capacityBytesPerSecond: null, allowOpen: name.startsWith('open') }
    records.set(name, mirrorRecord(request, 1, false))
  }
  const hanging = new Set<string>()
  const begun: string[] = []
  const sample = (url: string, signal: AbortSignal) =>
    new Promise<Sample>((_, reject) => {
      hanging.add(url)
      begun.push(url)
      signal.addEventListener('abort', () =>
        setImmediate(() =>
          setImmediate(() => {
            hanging.delete(url)
            reject(new Error('aborted'))
          }),
        ),
      )
    })
  const tracker = {
    announce: async () => ({ tag: '', holdingsVersion: 1, wantFull: false }),
    volunteer: (name: VolunteerName) => records.get(name) ?? null,
    candidates: () => [...records.values()].map(record => ({ record }) as Candidate),
    suspicion: () => null,
  }
  const store = new ProofStore(join(testFolder(t), 'mirrors.db'))
  const foreign = new ForeignMirrors({
    ...{ store, reader: manifest, clock: systemClock, logger: silentLogger, announceMs: 1e9 },
    ...{ isRedirected: () => true, requireClients, random: Math.random },
    tracker: tracker as unknown as ForeignMirrorsParts['tracker'],
    look: signal => ({
      userAgent: 'test',
      expected: async () => 'x',
      sample: ({ url }) => sample(url, signal),
    }),
  })
  t.teardown(() => foreign.stop())
  return { foreign, records, hanging, begun }
}

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 5))
}

t.test('stopping ends all that is under way, also for mirrors that were removed', async t => {
  const { foreign, records, hanging } = start(t, ['one', 'two', 'three'])
  foreign.start()
  await until(() => hanging.size === 3)
  t.equal(foreign.watched, 3)
  records.delete('two' as VolunteerName)
  foreign.check()
  t.equal(foreign.watched, 2)
  t.equal(hanging.size, 3, 'it takes a moment')
  await foreign.stop()
  t.equal(hanging.size, 0)
  t.equal(foreign.watched, 0)
  foreign.published()
  foreign.check()
  t.equal(foreign.watched, 0, 'nothing begins again')
  foreign.requested(0 as ContentNumber)
  t.equal(foreign.provedPathOf('one' as VolunteerName, 0 as ContentNumber), null)
})

t.test('where clients need credentials only mirrors that may be open are looked at', async t => {
  const { foreign, hanging } = start(t, ['open-one', 'closed'], true)
  foreign.start()
  await until(() => hanging.size === 1)
  t.strictSame([...hanging], ['http://open-one.example.org/a'])
  t.equal(foreign.watched, 1)
})

t.test('a mirror under the name of another is watched anew', async t => {
  const { foreign, records, begun } = start(t, ['one'])
  foreign.start()
  await until(() => begun.length === 1)
  const name = 'one' as VolunteerName
  const record = records.get(name)
  if (record === undefined) throw new Error('there is one')
  records.set(name, { ...record, weight: 0.5, draining: true })
  foreign.check()
  t.equal(begun.length, 1, 'what the operator settles changes nothing')
  records.set(name, { ...record, url: 'http://other.example.org', enrolledMs: 2 })
  foreign.check()
  await until(() => begun.length === 2)
  t.equal(begun[1], 'http://other.example.org/a')
  t.equal(foreign.watched, 1)
})
