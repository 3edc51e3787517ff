// What one redirect decision costs, signature included: 40 and 1,000 volunteers, 100,000 files and
// 10,000 clients in all tiers of closeness. Prints microseconds of
// processor time for each decision, so that a busy machine does not count.

import { seededRandom, systemClock } from '../core/clock.ts'
import type { ContentNumber, RepoPath, Sha256, VolunteerName } from '../core/ids.ts'
import { sha256Hex } from '../core/keys.ts'
import type { Content } from '../manifest/model.ts'
import { parsePreferRules } from '../origin/logic/prefer-rules.ts'
import { Redirector, type RedirectRequest } from '../origin/redirector.ts'
import { Holdings } from '../tracker/holdings.ts'
import type { Candidate } from '../tracker/logic/views.ts'
import { print } from './figures.ts'

const files = 100_000
const clients = 10_000
const rounds = 200_000
const repetitions = 5
/** Of all files, what a partial mirror holds; every fourth volunteer has one. */
const part = 0.5

const random = seededRandom(20)

/** Halves of the numbers, made once: real partial mirrors share containers too. */
const partial = (): Holdings => {
  const holdings = new Holdings()
  for (let number = 0; number < files; number++) if (random() < part) holdings.add(number)
  return holdings
}

const full = Holdings.of(Array.from({ length: files }, (_, number) => number))
const partials = [partial(), partial(), partial()]

const volunteerOf = (index: number): Candidate => {
  const name = `v${index}` as VolunteerName
  const holdings = index % 4 === 3 ? (partials[index % 3] ?? full) : full
  const url = `http://v${index}.volunteers.example:8090`
  return {
    name,
    url,
    record: {
      name,
      url,
      publicKey: 'k'.repeat(43),
      linkKey: Buffer.alloc(32, index).toString('base64'),
      trust: 'full',
      reachable: true,
      enrolledMs: 0,
      weight: 1,
      disabled: false,
      draining: false,
      networks: [`10.${index % 200}.0.0/16`],
      site: `site${index % 20}`,
    },
    state: index % 10 === 9 ? 'offline' : 'synced',
    snapshot: 1,
    limits: { uploadBytesPerSecond: 1e9 * (1 + (index % 5)), maxClients: 500 },
    lastAnnounceMs: 1,
    reasons: [],
    clientBytesPerSecond: 1e6 * (index % 7),
    syncBytesPerSecond: 0,
    activeClients: index % 30,
    has: (number: ContentNumber) => holdings.has(number),
  }
}

const contentOf = (number: number): Content => ({
  number,
  sha256: sha256Hex(Buffer.from(String(number))) as Sha256,
  sizeBytes: 20_000 + (number % 1000) * 300,
  sha1: '',
  md5: '',
  md4: '',
  modifiedSeconds: 0,
  firstSnapshot: 1,
})

const contents = Array.from({ length: files }, (_, number) => contentOf(number))
const pathOf = (number: number): RepoPath =>
  `debian/pool/main/p/package-${number % 977}/package-${number}_1.2-3_amd64.deb` as RepoPath

/** Half in networks of volunteers, some in the network of a rule, the rest anywhere. */
const addressOf = (client: number): string => {
  const tail = `${(client >> 8) & 255}.${client & 255}`
  return client % 2 === 0 ? `10.${client % 250}.${tail}` : `192.${client % 250}.${tail}`
}

const requests: RedirectRequest[] = Array.from({ length: rounds }, () => {
  const number = Math.floor(random() * files)
  const address = addressOf(Math.floor(random() * clients))
  return {
    client: `${address} Debian APT-HTTP/1.3 (2.6.1)`,
    address,
    https: false,
    path: pathOf(number),
    content: contents[number] as Content,
    range: undefined,
  }
})

const rules = parsePreferRules(['192.3.0.0/16=v1,v2,v5', '192.4.0.0/16=site:site3'])

const measure = (count: number, record: boolean): number => {
  const list = Array.from({ length: count }, (_, index) => volunteerOf(index))
  const redirector = new Redirector({
    source: { candidates: () => list, revision: 1 },
    clock: systemClock,
    random,
    rules,
  })
  let best = Number.POSITIVE_INFINITY
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const start = process.cpuUsage()
    for (const request of requests) {
      const decision = redirector.decide(request)
      if (record) redirector.record(request, decision)
    }
    const { user, system } = process.cpuUsage(start)
    best = Math.min(best, (user + system) / rounds)
  }
  return best
}

for (const [count, aim] of [
  [40, 5],
  [1000, 8],
] as const) {
  const decide = measure(count, false)
  const both = measure(count, true)
  print(
    `${count} volunteers: decide ${decide.toFixed(2)} µs (aim: at most ${aim}), ` +
      `decide and record ${both.toFixed(2)} µs${decide <= aim ? '' : '  NOT REACHED'}`,
  )
}
