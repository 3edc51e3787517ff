// A volunteer whose folder already holds an rsync mirror: what is right is not fetched, what is old
// is replaced, and what it does not know is neither deleted nor altered.

import { cpSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readTree } from '../loadtest/compare-trees.ts'
import { fetchedBytes } from '../loadtest/counters.ts'
import { fileTree } from '../loadtest/sample/file-tree.ts'
import { prepareNetwork } from './start-network.ts'

t.setTimeout(240_000)

t.test('an existing mirror is adopted without harm', async t => {
  const network = await prepareNetwork(t)
  const written = fileTree(network.repository, { files: 80, bytes: 20_000_000, seed: 3 })
  const mirror = join(network.folder, 'old-mirror')
  cpSync(network.repository, mirror, { recursive: true, preserveTimestamps: true })

  const [stale, gone] = written
  if (stale === undefined || gone === undefined) throw new Error('an empty tree')
  writeFileSync(join(mirror, stale.path), 'an older version')
  rmSync(join(mirror, gone.path))
  mkdirSync(join(mirror, 'private'))
  writeFileSync(join(mirror, 'private/notes.txt'), 'not yours')
  writeFileSync(join(mirror, 'pool/unknown.deb'), 'nobody published me')
  const unknown = ['private/notes.txt', 'pool/unknown.deb']
  const before = unknown.map(path => statSync(join(mirror, path)))

  await network.origin.start()
  const volunteer = await network.addVolunteer({ mirror })
  await network.waitForState('synced')

  const found = await readTree(mirror, path => path.startsWith('.mirrorswarm'))
  for (const [path, hash] of await readTree(network.repository)) {
    if (found.get(path) !== hash) t.fail(`${path} is not the published one`)
  }
  const after = unknown.map(path => statSync(join(mirror, path)))
  t.same(
    after.map(({ ino, mtimeMs, size }) => ({ ino, mtimeMs, size })),
    before.map(({ ino, mtimeMs, size }) => ({ ino, mtimeMs, size })),
    'unknown files are untouched',
  )
  const needed = stale.sizeBytes + gone.sizeBytes
  const fetched = await fetchedBytes(network, volunteer)
  t.ok(
    fetched >= needed && fetched <= needed + 2 ** 20,
    `fetched ${fetched} bytes for ${needed} that were missing`,
  )
})
