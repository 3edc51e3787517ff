// apt-get with an index of yesterday: packages that the repository has dropped since still come, from
// volunteers that keep them for their time of grace.

import { mkdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { AptClient } from '../loadtest/clients/apt.ts'
import { missing } from '../loadtest/programs.ts'
import { AptRepository } from '../loadtest/sample/apt-repository.ts'
import { clientFolder, prepareNetwork } from './start-network.ts'

t.setTimeout(240_000)

t.test(
  'apt-get gets a package that was dropped after its update, from a volunteer',
  { skip: missing('apt-get', 'dpkg-deb', 'gpg') },
  async t => {
    const network = await prepareNetwork(t)
    const folder = clientFolder(t)
    const repository = await AptRepository.create(network.repository, folder)
    t.teardown(() => repository.close())
    await network.origin.start()
    await network.addVolunteers(1)
    await network.waitForState('synced')
    mkdirSync(join(folder, 'apt'))
    const { suite, keyring } = repository
    const apt = new AptClient(join(folder, 'apt'), { url: network.origin.url, suite, keyring })
    t.equal((await apt.update()).status, 0)

    const dropped = repository.files.find(file => basename(file).startsWith('swarm-data'))
    rmSync(dropped ?? '')
    await network.publish('--allow-shrink')
    await network.waitForState('synced')
    const download = await apt.download('swarm-data')
    t.equal(download.status, 0, download.stderr)
    t.same(
      apt.downloaded().map(file => basename(file)),
      ['swarm-data_2.3-1_all.deb'],
    )
    const path = 'pool/main/s/swarm-data/swarm-data_2.3-1_all.deb'
    const explained = await fetch(`${network.origin.url}/${path}?explain`)
    t.match(await explained.text(), /retired: .*\n/)
  },
)
