import { join } from 'node:path'
import t from 'tap'
import { createLogger } from '../core/log.ts'
import { ManifestReader } from '../manifest/store/reader.ts'
import { parseNetworkEvent } from '../tracker/events.ts'
import { Replica } from '../tracker/replica.ts'
import { SqliteEventLog } from '../tracker/sqlite-event-log.ts'
import { syntheticNetwork, syntheticPath } from './synthetic-network.ts'

t.test('files and volunteers are there, and found again', async t => {
  const folder = t.testdir({})
  const options = { files: 300, volunteers: 12, seed: 1 }
  const made = await syntheticNetwork(folder, options)
  const again = await syntheticNetwork(folder, options)
  t.equal(again.repositoryId, made.repositoryId)
  t.rejects(syntheticNetwork(folder, { ...options, files: 301 }))
  const reader = ManifestReader.open(join(made.dataDir, 'manifest.db'))
  t.teardown(() => reader.close())
  t.match(reader.latest(), { number: 1, files: 300 })
  t.ok(reader.fileAt(syntheticPath(299), 1))
  t.equal(reader.fileAt(syntheticPath(300), 1), null)
  const log = new SqliteEventLog(join(made.dataDir, 'state.db'), parseNetworkEvent)
  t.teardown(() => log.close())
  const logger = createLogger('test', 'silent')
  const replica = new Replica({ log, logger, onEvent: () => undefined })
  await replica.start()
  const held = made.volunteers.map(
    name => replica.network.volunteers.get(name)?.holdings?.contents.count ?? 0,
  )
  t.equal(held.length, 12)
  t.equal(held[0], 300)
  t.ok(held.every(count => count > 100))
  await replica.stop()
})
