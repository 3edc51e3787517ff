// Unmodified dnf against a network: real repodata, packages through redirects.

import { basename, join } from 'node:path'
import t from 'tap'
import { DnfClient, dnfUnusable } from '../loadtest/clients/dnf.ts'
import { hashFile } from '../loadtest/compare-trees.ts'
import { redirects } from '../loadtest/counters.ts'
import { missing } from '../loadtest/programs.ts'
import { publishRpms, rpmPrograms } from '../loadtest/sample/rpm-repository.ts'
import { clientFolder, prepareNetwork } from './start-network.ts'

t.setTimeout(240_000)

t.test(
  'dnf downloads packages from volunteers, before and after a new version',
  { skip: missing(...rpmPrograms) || dnfUnusable() },
  async t => {
    const network = await prepareNetwork(t)
    await publishRpms(network.repository)
    await network.origin.start()
    await network.addVolunteers(2)
    await network.waitForState('synced')

    const dnf = new DnfClient(clientFolder(t), network.origin.url)
    const download = await dnf.download('swarm-tool')
    t.equal(download.status, 0, `${download.stdout}${download.stderr}`)
    t.same(
      dnf
        .downloaded()
        .map(file => basename(file))
        .sort(),
      ['swarm-lib-1.0-1.noarch.rpm', 'swarm-tool-1.1-1.noarch.rpm'],
    )
    for (const file of dnf.downloaded()) {
      t.equal(
        await hashFile(file),
        await hashFile(join(network.repository, 'Packages', basename(file))),
      )
    }
    t.ok((await redirects(network)) >= 2, 'both packages were redirected')

    await publishRpms(network.repository, [
      { name: 'swarm-tool', version: '1.2', payloadBytes: 250_000, depends: ['swarm-lib'] },
    ])
    await network.publish()
    await network.waitForState('synced')
    const refresh = await dnf.refresh()
    t.equal(refresh.status, 0, `${refresh.stdout}${refresh.stderr}`)
    t.equal((await dnf.download('swarm-tool')).status, 0)
    t.ok(dnf.downloaded().some(file => file.endsWith('/swarm-tool-1.2-1.noarch.rpm')))
  },
)
