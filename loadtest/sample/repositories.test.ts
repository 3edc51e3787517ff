// The sample repositories against the clients for which they are made, over a plain file server.

import { createReadStream, mkdirSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { sha256Hex } from '../../core/keys.ts'
import { AptClient } from '../clients/apt.ts'
import { DnfClient, dnfUnusable } from '../clients/dnf.ts'
import { temporaryFolder } from '../leftovers.ts'
import { missing } from '../programs.ts'
import { AptRepository } from './apt-repository.ts'
import { packagePayload } from './deb-package.ts'
import { imageFile } from './image-file.ts'
import { noise } from './noise.ts'
import { publishRpms, rpmPrograms } from './rpm-repository.ts'

const serve = async (t: Test, root: string): Promise<string> => {
  const server = createServer((request, response) => {
    const stat = statSync(join(root, request.url ?? '/'), { throwIfNoEntry: false })
    if (stat?.isFile() !== true) {
      response.writeHead(404).end()
      return
    }
    response.setHeader('content-length', stat.size)
    createReadStream(join(root, request.url ?? '/')).pipe(response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening')
  return `http://127.0.0.1:${address.port}`
}

const folders = (t: Test): { repository: string; client: string; keys: string } => {
  const folder = temporaryFolder('sample')
  t.teardown(() => folder.remove())
  const [repository, client, keys] = ['repository', 'client', 'keys'].map(name => {
    const path = join(folder.path, name)
    mkdirSync(path)
    return path
  }) as [string, string, string]
  return { repository, client, keys }
}

t.test(
  'apt-get trusts the signed repository, downloads, and sees a new version',
  { skip: missing('apt-get', 'dpkg-deb', 'gpg') },
  async t => {
    const { repository, client, keys } = folders(t)
    const sample = await AptRepository.create(repository, keys)
    t.teardown(() => sample.close())
    const apt = new AptClient(client, {
      url: await serve(t, repository),
      suite: sample.suite,
      keyring: sample.keyring,
    })
    const update = await apt.update()
    t.equal(update.status, 0, update.stderr)
    const download = await apt.download('swarm-hello')
    t.equal(download.status, 0, download.stderr)
    t.same(
      apt
        .downloaded()
        .map(file => basename(file))
        .sort(),
      ['libswarm1_1.0_all.deb', 'swarm-doc_1.0_all.deb', 'swarm-hello_1.1_all.deb'],
    )
    await sample.publish([{ name: 'swarm-hello', version: '1.2', payloadBytes: 9_000 }])
    t.equal((await apt.update()).status, 0)
    t.equal((await apt.download('swarm-hello')).status, 0)
    t.ok(apt.downloaded().some(file => file.endsWith('swarm-hello_1.2_all.deb')))
  },
)

t.test(
  'apt-get refuses the repository when another key signed it',
  { skip: missing('apt-get', 'dpkg-deb', 'gpg') },
  async t => {
    const { repository, client, keys } = folders(t)
    const sample = await AptRepository.create(repository, keys, [])
    const other = folders(t)
    const stranger = await AptRepository.create(other.repository, other.keys, [])
    t.teardown(() => {
      sample.close()
      stranger.close()
    })
    const apt = new AptClient(client, {
      url: await serve(t, repository),
      suite: sample.suite,
      keyring: stranger.keyring,
    })
    const update = await apt.update()
    t.not(update.status, 0)
    t.match(`${update.stdout}${update.stderr}`, /NO_PUBKEY|not signed|verified/)
  },
)

t.test(
  'dnf downloads from the rpm repository, with dependencies',
  { skip: missing(...rpmPrograms) || dnfUnusable() },
  async t => {
    const { repository, client } = folders(t)
    await publishRpms(repository)
    const dnf = new DnfClient(client, await serve(t, repository))
    const download = await dnf.download('swarm-tool')
    t.equal(download.status, 0, `${download.stdout}${download.stderr}`)
    t.same(
      dnf
        .downloaded()
        .map(file => basename(file))
        .sort(),
      ['swarm-lib-1.0-1.noarch.rpm', 'swarm-tool-1.1-1.noarch.rpm'],
    )
  },
)

t.test('an image has the asked size and contains its members whole', async t => {
  const member = noise('member', 100_000)
  const root = t.testdir({ member })
  const file = join(root, 'image.iso')
  await imageFile(file, { members: [join(root, 'member')], sizeBytes: 5_000_001, seed: 's' })
  const bytes = readFileSync(file)
  t.equal(bytes.length, 5_000_001)
  t.ok(bytes.includes(member))
  await imageFile(`${file}.2`, { members: [join(root, 'member')], sizeBytes: 5_000_001, seed: 's' })
  t.equal(sha256Hex(readFileSync(`${file}.2`)), sha256Hex(bytes), 'deterministic')
})

t.test('two versions of a package share most of their payload', t => {
  const [old, young] = ['1', '2'].map(version =>
    packagePayload({ name: 'x', version, payloadBytes: 80_000 }),
  ) as [Buffer, Buffer]
  t.ok(old.subarray(0, 70_000).equals(young.subarray(0, 70_000)))
  t.notOk(old.equals(young))
  t.end()
})
