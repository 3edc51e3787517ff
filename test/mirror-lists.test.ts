// Package managers that keep a list of servers: apt's mirror+http, dnf's mirrorlist and metalink. They
// fail over from a volunteer that is dead, without a second run.

import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { AptClient } from '../loadtest/clients/apt.ts'
import { DnfClient, dnfUnusable } from '../loadtest/clients/dnf.ts'
import { hashFile } from '../loadtest/compare-trees.ts'
import { bytesServedToClients } from '../loadtest/counters.ts'
import type { Network } from '../loadtest/network.ts'
import { freePort } from '../loadtest/ports.ts'
import { missing } from '../loadtest/programs.ts'
import { AptRepository } from '../loadtest/sample/apt-repository.ts'
import { publishRpms, rpmPrograms } from '../loadtest/sample/rpm-repository.ts'
import { clientFolder, get, prepareNetwork } from './start-network.ts'

t.setTimeout(240_000)

const served = async (network: Network): Promise<number> => {
  let bytes = 0
  for (const volunteer of network.volunteers) {
    if (volunteer.running) bytes += await bytesServedToClients(network, volunteer)
  }
  return bytes
}

/** The volunteers in the order of a list of /-/via/ URLs. */
const order = (list: string): string[] =>
  [...list.matchAll(/\/-\/via\/([^/]+)\//g)].map(([, name = '']) => name)

/** Kill, as by a power failure, the volunteer that a list names first. */
const killFirst = async (network: Network, list: string): Promise<void> => {
  const [first] = order(list)
  await network.volunteers.find(({ name }) => name === first)?.kill()
}

t.test(
  'apt-get by mirror+http gets packages from volunteers, also when the first of its list is dead',
  { skip: missing('apt-get', 'dpkg-deb', 'gpg') },
  async t => {
    const network = await prepareNetwork(t)
    const folder = clientFolder(t)
    const repository = await AptRepository.create(join(network.repository, 'debian'), folder)
    t.teardown(() => repository.close())
    await network.origin.start()
    // apt remembers dead servers by host name, without the port.
    const ports = [await freePort(), await freePort()]
    for (const [index, port] of ports.entries()) {
      const listen = `127.0.0.${index + 2}:${port}`
      const args = ['--listen', listen, '--public-url', `http://${listen}/`]
      await network.addVolunteer({ args })
    }
    await network.waitForState('synced')
    const url = `${network.origin.url}/-/mirrors/apt/debian`
    const list = (await get(url)).body.toString()
    t.equal(order(list).length, 2)

    const fetchAll = async (name: string): Promise<void> => {
      mkdirSync(join(folder, name))
      const { suite, keyring } = repository
      const apt = new AptClient(join(folder, name), { url: `mirror+${url}`, suite, keyring })
      const update = await apt.update()
      t.equal(update.status, 0, `${update.stdout}${update.stderr}`)
      const download = await apt.download('swarm-hello', 'swarm-data')
      t.equal(download.status, 0, `${download.stdout}${download.stderr}`)
      t.equal(apt.downloaded().length, 4)
      const published = new Map(repository.files.map(file => [basename(file), file]))
      for (const file of apt.downloaded()) {
        t.equal(await hashFile(file), await hashFile(published.get(basename(file)) ?? ''))
      }
    }
    await fetchAll('before')
    const before = await served(network)
    t.ok(before > 4_900_000, `volunteers served ${before} bytes`)
    await killFirst(network, list)
    const [left] = network.volunteers.filter(({ running }) => running)
    if (left === undefined) throw new Error('nobody is left')
    const alone = await bytesServedToClients(network, left)
    await fetchAll('after')
    const more = (await bytesServedToClients(network, left)) - alone
    t.ok(more > 4_900_000, `the other volunteer served ${more} bytes`)
  },
)

t.test(
  'dnf by mirrorlist and by metalink gets packages from volunteers, and fails over',
  { skip: missing(...rpmPrograms) || dnfUnusable() },
  async t => {
    const network = await prepareNetwork(t)
    const rpms = join(network.repository, 'fedora')
    mkdirSync(rpms)
    await publishRpms(rpms)
    await network.origin.start()
    await network.addVolunteers(2)
    await network.waitForState('synced')
    const mirrorlist = `${network.origin.url}/-/mirrors/dnf?path=/fedora`
    const metalink = `${network.origin.url}/-/metalink/dnf?path=/fedora/repodata/repomd.xml`

    const fetchAll = async (kind: 'mirrorlist' | 'metalink'): Promise<DnfClient> => {
      const url = kind === 'metalink' ? metalink : mirrorlist
      const dnf = new DnfClient(clientFolder(t), url, [], kind)
      const download = await dnf.download('swarm-tool')
      t.equal(download.status, 0, `${download.stdout}${download.stderr}`)
      t.equal(dnf.downloaded().length, 2)
      for (const file of dnf.downloaded()) {
        t.equal(await hashFile(file), await hashFile(join(rpms, 'Packages', basename(file))))
      }
      return dnf
    }
    await fetchAll('mirrorlist')
    const byList = await served(network)
    t.ok(byList > 200_000, `volunteers served ${byList} bytes`)
    const dnf = await fetchAll('metalink')
    t.ok((await served(network)) >= 2 * byList, 'and the same by the metalink')

    const before = (await get(metalink)).body.toString()
    t.notMatch(before, 'alternates')
    await publishRpms(rpms, [
      { name: 'swarm-tool', version: '1.2', payloadBytes: 250_000, depends: ['swarm-lib'] },
    ])
    await network.publish()
    await network.waitForState('synced')
    const after = (await get(metalink)).body.toString()
    const [hash = ''] = /<hash type="sha256">\w+</.exec(before) ?? []
    t.ok(
      after.slice(after.indexOf('<mm0:alternates>')).includes(hash),
      'the former is an alternate',
    )
    t.equal((await dnf.refresh()).status, 0)

    await killFirst(network, (await get(mirrorlist)).body.toString())
    await fetchAll('mirrorlist')
    await fetchAll('metalink')
  },
)
