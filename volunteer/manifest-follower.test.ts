// Following heads that are genuine, and refusing those that are not.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import type { ContentNumber, RepoPath, Sha256 } from '../core/ids.ts'
import { generateKeys } from '../core/keys.ts'
import { silentLogger } from '../core/log.ts'
import { certifyOnlineKey, repositoryIdOf, signHead } from '../manifest/head.ts'
import type { Head } from '../manifest/model.ts'
import { ObjectStore } from '../manifest/objects.ts'
import { ManifestReader } from '../manifest/store/reader.ts'
import { ManifestWriter } from '../manifest/store/writer.ts'
import { storeParts } from '../manifest/wire.ts'
import { AnnounceClient } from '../tracker/logic/announce-client.ts'
import { HeldStore } from './held-store.ts'
import { ManifestFollower } from './manifest-follower.ts'

const root = generateKeys('ed25519')
const online = generateKeys('ed25519')
const repositoryId = repositoryIdOf(root.publicKey)
const hashes = Array.from({ length: 4 }, () => randomBytes(32).toString('hex') as Sha256)

/** Snapshot `snapshot` of `epoch`, in which the paths f0, f1, … have these contents by number. */
const origin = (folder: string) => {
  const objects = new ObjectStore(folder)
  let garbled = false
  let head: string | null = null
  const publish = async (
    epoch: number,
    snapshot: number,
    contents: readonly Sha256[],
    key = root,
  ) => {
    const header = {
      type: 'segment' as const,
      repository: repositoryId,
      epoch,
      to: snapshot,
      contents: contents.length,
      snapshot: {
        createdMs: 1,
        files: contents.length,
        links: 0,
        bytes: contents.length,
        uniqueBytes: contents.length,
        added: contents.length,
        changed: 0,
        removed: 0,
      },
    }
    const hex = (digits: number): string => '0'.repeat(digits)
    const records = [
      ...contents.map((sha256, n) => ({
        ...{ type: 'content' as const, n, sha256, size: 1, modified: 1, first: 1 },
        ...{ sha1: hex(40), md5: hex(32), md4: hex(32) },
      })),
      ...contents.map((_, n) => ({ type: 'file' as const, path: `f${n}` as RepoPath, content: n })),
    ]
    const segments = await storeParts(objects, header, records)
    const now = Date.now()
    const document: Head = {
      ...{ repositoryId, epoch, snapshot, createdMs: now, expiresMs: now + 100_000 },
      checkpoint: { snapshot, segments },
      differences: [],
    }
    head = signHead(document, online, certifyOnlineKey(key, online.publicKey, now + 100_000))
  }
  return {
    publish,
    garble: () => {
      garbled = true
    },
    head: async () => head,
    object: async (sha256: Sha256) =>
      (garbled ? null : await objects.read(sha256)) ?? Buffer.from('garbage'),
  }
}

const prepare = (t: Test) => {
  const folder = t.testdir({})
  const writer = ManifestWriter.open(join(folder, 'manifest.db'))
  const reader = ManifestReader.open(join(folder, 'manifest.db'))
  const store = HeldStore.open(join(folder, 'held.db'))
  t.teardown(() => {
    reader.close()
    writer.close()
    store.close()
  })
  const client = new AnnounceClient({ session: 'one' })
  const source = origin(join(folder, 'objects'))
  const follower = new ManifestFollower(
    { origin: source, reader, writer, store, client, clock: systemClock, logger: silentLogger },
    { rootKey: root.publicKey, repositoryId },
  )
  let changes = 0
  const catchUp = (): Promise<void> =>
    follower.catchUp(new AbortController().signal, () => {
      changes++
    })
  const hold = (path: string, sha256: Sha256, content: ContentNumber): void =>
    store.record([
      { path: path as RepoPath, sha256, content, sizeBytes: 1, modifiedNs: 1n, inode: 1n },
    ])
  return { source, follower, catchUp, store, client, hold, changes: () => changes }
}

const [one, two, three] = hashes as [Sha256, Sha256, Sha256]

t.test('a genuine head is followed; the same head again changes nothing', async t => {
  const { source, follower, catchUp, changes, client } = prepare(t)
  await catchUp()
  t.equal(follower.current(), null, 'nothing is published')
  await source.publish(1, 1, [one])
  await catchUp()
  await catchUp()
  t.strictSame(follower.current(), { epoch: 1, number: 1 })
  t.strictSame(client.manifest, { repositoryId, epoch: 1, snapshot: 1 })
  t.equal(changes(), 1)
})

t.test('an older head is refused, in epoch or number', async t => {
  const { source, follower, catchUp } = prepare(t)
  await source.publish(2, 5, [one])
  await catchUp()
  for (const [epoch, snapshot] of [
    [2, 4],
    [1, 9],
  ] as const) {
    await source.publish(epoch, snapshot, [one, two])
    await t.rejects(catchUp(), { code: 'MS_MANIFEST_INVALID', message: /older/ })
    t.strictSame(follower.current(), { epoch: 2, number: 5 })
  }
})

t.test('heads of another root key, and parts with other bytes, change nothing', async t => {
  const { source, follower, catchUp } = prepare(t)
  await source.publish(1, 1, [one], generateKeys('ed25519'))
  await t.rejects(catchUp(), { code: 'MS_MANIFEST_INVALID' })
  await source.publish(1, 1, [one])
  source.garble()
  await t.rejects(catchUp(), { code: 'MS_MANIFEST_INVALID' })
  t.equal(follower.current(), null)
})

t.test('in a new epoch the same contents have other numbers, and stay held', async t => {
  const { source, catchUp, store, client, hold } = prepare(t)
  await source.publish(1, 1, [one, two])
  await catchUp()
  hold('f0', one, 0)
  hold('f1', two, 1)
  store.setPlacedSnapshot(1)
  await source.publish(2, 1, [three, two, one])
  await catchUp()
  t.strictSame([...store.contents()], [1, 2])
  t.equal(store.file('f0' as RepoPath)?.content, 2)
  t.equal(store.placedSnapshot(), null, 'nothing of the new epoch is in place')
  t.equal(store.adopting, false, 'but the folder was adopted long ago')
  t.ok(client.has(1) && client.has(2) && !client.has(0))
})
