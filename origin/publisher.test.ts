import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { generateKeys } from '../core/keys.ts'
import { waitingPublishes } from '../core/limits.ts'
import { silentLogger } from '../core/log.ts'
import { repositoryIdOf } from '../manifest/head.ts'
import type { PublishResult } from '../manifest/publish.ts'
import { ManifestWriter } from '../manifest/store/writer.ts'
import { Publisher } from './publisher.ts'

const makePlace = (t: Test) => {
  const folder = t.testdir({ repository: { 'a.deb': 'a', 'b.deb': 'b' } })
  return {
    root: join(folder, 'repository'),
    dataDir: join(folder, 'data'),
    keepAtOrigin: [],
    workers: 1,
  }
}

const makeData = (dataDir: string): void => {
  mkdirSync(dataDir)
  const writer = ManifestWriter.open(join(dataDir, 'manifest.db'))
  const repositoryId = repositoryIdOf(generateKeys('ed25519').publicKey)
  writer.setIdentity({ repositoryId, epoch: 1 })
  writer.close()
}

const makePublisher = (t: Test, place: ReturnType<typeof makePlace>) => {
  const published: number[] = []
  const publisher = new Publisher({
    scopes: () => [],
    place,
    logger: silentLogger,
    onPublished: async (result: PublishResult) => {
      published.push(result.snapshot.number)
    },
  })
  t.teardown(() => publisher.stop())
  return { publisher, published }
}

const asked = { allowShrink: false }

t.test('one after the other, and only news is told', async t => {
  const place = makePlace(t)
  makeData(place.dataDir)
  const { publisher, published } = makePublisher(t, place)
  const results = await Promise.all([publisher.publish(asked), publisher.publish(asked)])
  t.strictSame(
    results.map(result => result.unchanged),
    [false, true],
  )
  t.strictSame(published, [1])
  t.match(publisher.status, { publishing: false, problem: null })
})

t.test('no more than a few wait', async t => {
  const place = makePlace(t)
  makeData(place.dataDir)
  const { publisher } = makePublisher(t, place)
  const all = Array.from({ length: waitingPublishes + 4 }, () => publisher.publish(asked))
  const settled = await Promise.allSettled(all)
  const refused = settled.filter(each => each.status === 'rejected')
  t.ok(refused.length > 0 && refused.length <= 4)
  for (const each of refused) t.match(each.reason, { code: 'MS_PUBLISH_RUNNING' })
})

t.test('a thread that dies is an error, and the next publish has a new one', async t => {
  const place = makePlace(t)
  const { publisher } = makePublisher(t, place)
  await t.rejects(publisher.publish(asked), { code: 'MS_INTERNAL' }, 'there is no data folder')
  t.match(publisher.status, { publishing: false, problem: { code: 'MS_INTERNAL' } })
  makeData(place.dataDir)
  t.match(await publisher.publish(asked), { snapshot: { number: 1 } })
})

t.test('stopping ends a publish, and the next one completes it', async t => {
  const place = makePlace(t)
  makeData(place.dataDir)
  for (let index = 0; index < 20; index++) {
    writeFileSync(join(place.root, `${index}.iso`), Buffer.alloc(8_000_000, index))
  }
  const { publisher } = makePublisher(t, place)
  const running = publisher.publish(asked)
  running.catch(() => undefined)
  const started = performance.now()
  while ((publisher.status.progress?.hashedFiles ?? 0) === 0 && publisher.status.publishing) {
    if (performance.now() - started > 30_000) throw new Error('no progress')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  await publisher.stop()
  await t.rejects(publisher.publish(asked), { code: 'MS_INTERNAL' })
  const outcome = await running.then(
    () => 'finished',
    () => 'ended',
  )
  const after = makePublisher(t, place)
  const result = await after.publisher.publish(asked)
  t.equal(result.snapshot.number, 1)
  t.comment(`the first one ${outcome}, the second one hashed ${result.hashedFiles} of 22`)
  t.equal(result.files, 22)
})

t.test('a snapshot that could not be told is told by the next publish', async t => {
  const place = makePlace(t)
  makeData(place.dataDir)
  const told: number[] = []
  const publisher = new Publisher({
    scopes: () => [],
    place,
    logger: silentLogger,
    onPublished: async ({ snapshot }) => {
      told.push(snapshot.number)
      if (told.length === 1) throw new Error('no space left')
    },
  })
  t.teardown(() => publisher.stop())
  await t.rejects(publisher.publish(asked), { message: 'no space left' })
  t.match(await publisher.publish(asked), { unchanged: true, snapshot: { number: 1 } })
  await publisher.publish(asked)
  t.strictSame(told, [1, 1])
})
