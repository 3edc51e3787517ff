import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { RepoPath } from '../core/ids.ts'
import { TestRepository } from './fixtures/test-repository.ts'

// Four gigabytes through five hashes take their time on a busy machine.
t.setTimeout(600_000)

t.test('a sparse file beyond 4 GiB has its size and hashes', async t => {
  const origin = new TestRepository(t.testdir())
  t.teardown(() => origin.close())
  const file = join(origin.root, 'big')
  writeFileSync(file, '')
  const size = 4 * 1024 ** 3 + 5
  truncateSync(file, size)
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, 'end', size - 3)
  closeSync(descriptor)
  const result = await origin.publish()
  t.equal(result.bytes, size)
  const found = origin.reader.resolve('big' as RepoPath, 1)
  const content = found.kind === 'file' ? found.content : null
  t.equal(content?.sizeBytes, size)
  t.equal(origin.reader.pieceHashes(content?.number ?? -1)?.pieces.length, 20 * 513)
  t.equal(origin.reader.fileStamp('big' as RepoPath)?.sizeBytes, size)
})
