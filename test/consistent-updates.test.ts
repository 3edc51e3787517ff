// While a repository is published again and again, whoever reads indexes gets them all from one
// snapshot: a thousand readers that check every hash, and apt-get and dnf among them.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { AptClient } from '../loadtest/clients/apt.ts'
import { DnfClient, dnfUnusable } from '../loadtest/clients/dnf.ts'
import { missing, type ProgramResult } from '../loadtest/programs.ts'
import { AptRepository } from '../loadtest/sample/apt-repository.ts'
import { publishRpms, rpmPrograms } from '../loadtest/sample/rpm-repository.ts'
import { type Format, formats, type Identity, IndexReader } from './consistency/index-reader.ts'
import { writeVersion } from './consistency/moving-indexes.ts'
import { clientFolder, prepareNetwork } from './start-network.ts'

t.setTimeout(400_000)

const publishes = 50
const runsPerPublish = 24
/** Each so many-th run waits for a publish between the entry point and what it names. */
const crossing = 3

/** Resolves what waits for the next publish. */
class Publishes {
  done = 0
  #next = Promise.withResolvers<void>()

  next(): Promise<void> {
    return this.#next.promise
  }

  publish(): void {
    this.done += 1
    this.#next.resolve()
    this.#next = Promise.withResolvers<void>()
  }
}

let invented = 0
const identities: readonly { readonly name: string; readonly identity: Identity }[] = [
  ...Array.from({ length: 24 }, (_, index) => ({
    name: 'of its own',
    identity: {
      userAgent: () => `reader-${index}`,
      keepsConnection: index % 2 === 0,
      direct: index % 5 === 0,
    },
  })),
  ...Array.from({ length: 8 }, () => ({
    name: 'like its neighbours',
    identity: { userAgent: () => 'Debian APT-HTTP/1.3', keepsConnection: true },
  })),
  // What no origin can recognise: it shows that this test finds mixtures where there are any.
  ...Array.from({ length: 4 }, () => ({
    name: 'unrecognisable',
    identity: { userAgent: () => `nobody-${invented++}`, keepsConnection: false },
  })),
]

interface Tally {
  runs: number
  readonly mixed: string[]
  readonly formats: Set<Format>
}

t.test('fifty publishes, a thousand updates, and none mixes two snapshots', async t => {
  const network = await prepareNetwork(t, {
    originArgs: ['--settle', '1h', '--scan-interval', '1h'],
  })
  const folder = clientFolder(t)
  const withApt = missing('apt-get', 'dpkg-deb', 'gpg') === false
  const withDnf = (missing(...rpmPrograms) || dnfUnusable()) === false
  const archive = join(network.repository, 'archive')
  const rpms = join(network.repository, 'rpms')
  const repository = withApt ? await AptRepository.create(archive, folder) : null
  t.teardown(() => repository?.close())
  if (withDnf) await publishRpms(rpms)
  await writeVersion(network.repository, 0)
  await network.origin.start()
  await network.publish()

  const moments = new Publishes()
  const tallies = new Map<string, Tally>()
  let ended = false
  let finished = 0
  const read = async (name: string, identity: Identity, index: number): Promise<void> => {
    const tally = tallies.get(name) ?? { runs: 0, mixed: [], formats: new Set<Format>() }
    tallies.set(name, tally)
    const reader = new IndexReader(network.origin.url, identity)
    for (let run = index; !ended; run++) {
      const format = formats[run % formats.length] ?? 'dists'
      const crosses = run % crossing === 0
      const before = moments.done
      const mixed = await reader.update(format, async () => {
        if (crosses && !ended) await moments.next()
      })
      tally.runs += 1
      finished += 1
      tally.mixed.push(...mixed.map(path => `${path} of publish ${before}`))
      if (mixed.length > 0) tally.formats.add(format)
      // Otherwise a quick origin would be asked more often than published.
      if (run % crossing === 1) await moments.next()
    }
  }
  const programs: ProgramResult[] = []
  const repeat = async (update: () => Promise<ProgramResult>): Promise<void> => {
    while (!ended) programs.push(await update())
  }
  const clients: Promise<void>[] = identities.map(({ name, identity }, index) =>
    read(name, identity, index),
  )
  if (repository !== null) {
    mkdirSync(join(folder, 'apt'))
    const { suite, keyring } = repository
    const apt = new AptClient(join(folder, 'apt'), {
      ...{ suite, keyring, url: `${network.origin.url}/archive` },
    })
    clients.push(repeat(() => apt.update()))
  }
  if (withDnf) {
    mkdirSync(join(folder, 'dnf'))
    const dnf = new DnfClient(join(folder, 'dnf'), `${network.origin.url}/rpms`)
    clients.push(repeat(() => dnf.refresh()))
  }

  for (let number = 1; number <= publishes; number++) {
    const wanted = finished + runsPerPublish
    await writeVersion(network.repository, number)
    if (number % 10 === 5) {
      const version = `2.${number}`
      await repository?.publish([{ name: 'swarm-more', version, payloadBytes: 20_000 }])
      if (withDnf) await publishRpms(rpms, [{ name: 'swarm-more', version, payloadBytes: 9000 }])
    }
    t.equal(await network.publish(), number + 1)
    moments.publish()
    while (finished < wanted) await new Promise(resolve => setTimeout(resolve, 5))
  }
  ended = true
  moments.publish()
  await Promise.all(clients)

  for (const name of ['of its own', 'like its neighbours']) t.same(tallies.get(name)?.mixed, [])
  const runs = [...tallies].map(([name, tally]) => (name === 'unrecognisable' ? 0 : tally.runs))
  const total = runs.reduce((sum, count) => sum + count, 0)
  t.ok(total >= 1000, `${total} updates`)
  const unpinned = tallies.get('unrecognisable')
  t.same([...(unpinned?.formats ?? [])].sort(), [...formats].sort(), 'mixtures would be found')
  for (const { status, stdout, stderr } of programs) t.equal(status, 0, `${stdout}${stderr}`)
  t.comment(
    `${total} updates, ${programs.length} by apt-get and dnf; of ${unpinned?.runs} that could not ` +
      `be recognised ${unpinned?.mixed.length} indexes did not fit`,
  )
})
