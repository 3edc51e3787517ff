import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { clockAt, put, repository } from './fixtures/test-repository.ts'

const hashOf = (data: string): string => createHash('sha256').update(data).digest('hex')

const release = (files: Record<string, string>): string =>
  `Origin: test\nSHA256:\n${Object.entries(files)
    .map(([name, data]) => ` ${hashOf(data)} ${data.length} ${name}\n`)
    .join('')}`

t.test('a Release is published only with the index files that it names', async t => {
  const origin = repository(t)
  const amd64 = 'main/binary-amd64/Packages'
  put(origin, 'dists/x/Release', release({ [amd64]: 'one' }))
  await t.rejects(origin.publish(), {
    code: 'MS_PUBLISH_INCOMPLETE',
    message: /dists\/x\/Release.*main\/binary-amd64\/Packages is not there/,
  })
  put(origin, `dists/x/${amd64}`, 'one')
  t.match(await origin.publish(), { files: 2 })

  put(origin, `dists/x/${amd64}`, 'two')
  await t.rejects(origin.publish(), { code: 'MS_PUBLISH_INCOMPLETE' }, 'index first')
  put(origin, 'dists/x/Release', release({ [amd64]: 'three' }))
  await t.rejects(origin.publish(), { code: 'MS_PUBLISH_INCOMPLETE' }, 'neither fits')
  put(origin, `dists/x/${amd64}`, 'three')
  t.match(await origin.publish(), { changed: 2 })
})

t.test('a name that begins with "./" is checked too', async t => {
  const origin = repository(t)
  put(origin, 'flat/Release', release({ './Packages': 'one' }))
  await t.rejects(origin.publish(), { code: 'MS_PUBLISH_INCOMPLETE' })
  put(origin, 'flat/Packages', 'one')
  t.match(await origin.publish(), { files: 2 })
})

t.test('what a mirror leaves out on purpose does not stop it for ever', async t => {
  const origin = repository(t)
  const all = { 'main/binary-amd64/Packages': 'one', 'main/binary-s390x/Packages': 'two' }
  put(origin, 'dists/x/Release', release(all))
  put(origin, 'dists/x/main/binary-amd64/Packages', 'one')
  await t.rejects(origin.publish(), { code: 'MS_PUBLISH_INCOMPLETE' })
  const later = clockAt(() => Date.now() + 11 * 60_000)
  t.match(await origin.publish({ clock: later }), { files: 2 })
  put(origin, 'dists/x/Release', release({ ...all, 'main/binary-amd64/Packages': 'newer' }))
  put(origin, 'dists/x/main/binary-amd64/Packages', 'newer')
  t.match(await origin.publish(), { changed: 2 }, 'it was left out before')
})

t.test('repomd.xml waits for its metadata', async t => {
  const origin = repository(t)
  const xml = (data: string) =>
    `<repomd><data type="primary"><checksum type="sha256">${hashOf(data)}</checksum>` +
    `<location href="repodata/primary.xml.gz"/><size>${data.length}</size></data></repomd>`
  put(origin, 'el9/repodata/repomd.xml', xml('one'))
  await t.rejects(origin.publish(), { code: 'MS_PUBLISH_INCOMPLETE' })
  put(origin, 'el9/repodata/primary.xml.gz', 'two')
  await t.rejects(origin.publish(), { code: 'MS_PUBLISH_INCOMPLETE' })
  put(origin, 'el9/repodata/primary.xml.gz', 'one')
  t.match(await origin.publish(), { files: 2 })
})

t.test('an InRelease is read within its signature, and only what lies below it counts', async t => {
  const origin = repository(t)
  const signed = (files: Record<string, string>): string =>
    `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${release(files)}` +
    '-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n'
  put(origin, 'dists/x/InRelease', signed({ 'main/source/Sources.xz': 'one' }))
  await t.rejects(origin.publish(), { message: /InRelease.*Sources\.xz is not there/ })
  put(origin, 'dists/x/main/source/Sources.xz', 'one')
  t.match(await origin.publish(), { files: 2 })

  put(origin, 'dists/x/main/source/Sources.xz', 'half of the next')
  put(origin, 'pool/new.deb', 'new')
  await t.rejects(origin.publish(), { code: 'MS_PUBLISH_INCOMPLETE' })
  put(origin, 'dists/x/main/source/Sources.xz', 'one')
  t.match(await origin.publish(), { added: 1, changed: 0 })
})

t.test('a Release that names paths outside its folder stops nobody', async t => {
  const origin = repository(t)
  put(
    origin,
    'dists/x/Release',
    release({ '../../pool/x': 'a', '/etc/passwd': 'b', '%2e%2e/y': 'c' }),
  )
  put(origin, 'dists/x/%2e%2e/y', 'c')
  put(origin, 'dists/x/etc/passwd', 'b')
  t.match(await origin.publish(), { files: 3 })
})

t.test('an index whose own bytes are gone meanwhile is not vouched for', async t => {
  const origin = repository(t)
  put(origin, 'dists/x/Release', release({ Packages: 'one' }))
  put(origin, 'dists/x/Packages', 'one')
  const path = join(origin.root, 'dists/x/Release')
  await t.rejects(
    origin.publish({
      keepAtOrigin: () => false,
      onProgress: progress => {
        if (progress.hashedFiles === 2) rmSync(path, { force: true })
      },
    }),
    { code: 'MS_PUBLISH_INCOMPLETE' },
  )
})
