// Unmodified apt-get against a network: signature checking on, packages through redirects.

import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { AptClient } from '../loadtest/clients/apt.ts'
import { hashFile } from '../loadtest/compare-trees.ts'
import { bytesServedToClients, redirects } from '../loadtest/counters.ts'
import { missing } from '../loadtest/programs.ts'
import { AptRepository } from '../loadtest/sample/apt-repository.ts'
import { clientFolder, prepareNetwork } from './start-network.ts'

t.setTimeout(240_000)

t.test(
  'apt-get updates and downloads signed packages from volunteers, before and after a new version',
  { skip: missing('apt-get', 'dpkg-deb', 'gpg') },
  async t => {
    const network = await prepareNetwork(t)
    const folder = clientFolder(t)
    const repository = await AptRepository.create(network.repository, folder)
    t.teardown(() => repository.close())
    await network.origin.start()
    await network.addVolunteers(2)
    await network.waitForState('synced')

    mkdirSync(join(folder, 'apt'))
    const apt = new AptClient(join(folder, 'apt'), {
      url: network.origin.url,
      suite: repository.suite,
      keyring: repository.keyring,
    })
    const update = await apt.update()
    t.equal(update.status, 0, update.stderr)
    const download = await apt.download('swarm-hello', 'swarm-data')
    t.equal(download.status, 0, download.stderr)

    const published = new Map(repository.files.map(file => [basename(file), file]))
    const names = apt.downloaded().map(file => basename(file))
    t.same(names.sort(), [
      'libswarm1_1.0_all.deb',
      'swarm-data_2.3-1_all.deb',
      'swarm-doc_1.0_all.deb',
      'swarm-hello_1.1_all.deb',
    ])
    for (const file of apt.downloaded()) {
      t.equal(await hashFile(file), await hashFile(published.get(basename(file)) ?? ''))
    }
    t.ok((await redirects(network)) >= 4, 'every package was redirected')
    let served = 0
    for (const volunteer of network.volunteers) {
      served += await bytesServedToClients(network, volunteer)
    }
    t.ok(served > 4_900_000, `volunteers served ${served} bytes`)

    await repository.publish([{ name: 'swarm-hello', version: '1.2', payloadBytes: 200_000 }])
    await network.publish()
    await network.waitForState('synced')
    const before = await redirects(network)
    t.equal((await apt.update()).status, 0)
    t.equal((await apt.download('swarm-hello')).status, 0)
    t.ok(apt.downloaded().some(file => file.endsWith('/swarm-hello_1.2_all.deb')))
    t.ok((await redirects(network)) > before, 'the new version was redirected too')
  },
)
