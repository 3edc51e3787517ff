// A file over 4 GiB (sparse, so that it costs little disk) and ranges beyond 4 GiB.

import { closeSync, ftruncateSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { RepoPath } from '../core/ids.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { ManifestReader } from '../manifest/store/reader.ts'
import { get, prepareNetwork } from './start-network.ts'

const sizeBytes = 4 * 2 ** 30 + 5_000_001
const marks = [0, 2 ** 31 - 50, 2 ** 32 - 50, 2 ** 32 + 4_000_000, sizeBytes - 100]
const markBytes = 100

t.setTimeout(300_000)

const makeFile = (file: string): void => {
  const handle = openSync(file, 'w')
  ftruncateSync(handle, sizeBytes)
  for (const mark of marks) writeSync(handle, noise(`mark ${mark}`, markBytes), 0, markBytes, mark)
  closeSync(handle)
}

t.test('ranges of a file over 4 GiB are exact, at the origin and at a volunteer', async t => {
  const network = await prepareNetwork(t)
  makeFile(join(network.repository, 'huge.img'))
  await network.origin.start()
  await network.publish()
  const reader = ManifestReader.open(join(network.data, 'manifest.db'))
  t.teardown(() => reader.close())
  const path = 'huge.img' as RepoPath
  const found = reader.resolve(path, reader.latest()?.number ?? 0)
  const content = found.kind === 'file' ? found.content : null
  t.equal(content?.sizeBytes, sizeBytes)
  t.equal(reader.pieceHashes(content?.number ?? -1)?.pieces.length, 20 * 513)
  t.equal(reader.fileStamp(path)?.sizeBytes, sizeBytes)
  // Adopted, not fetched: that would be four more gigabytes, of nothing that is about ranges.
  const mirror = join(network.folder, 'mirror')
  mkdirSync(mirror)
  makeFile(join(mirror, 'huge.img'))
  const volunteer = await network.addVolunteer({ mirror })
  await network.waitForState('synced', { timeoutMs: 240_000 })

  const redirect = await get(`${network.origin.url}/huge.img`, {
    headers: { range: 'bytes=0-0' },
  })
  t.equal(redirect.status, 302)
  const location = redirect.headers.get('location') ?? ''
  t.ok(location.startsWith(volunteer.url))
  for (const url of [`${network.origin.url}/huge.img?direct`, location]) {
    const head = await get(url, { method: 'HEAD' })
    t.equal(head.headers.get('content-length'), String(sizeBytes))
    for (const mark of marks) {
      const last = mark + markBytes - 1
      const part = await get(url, { headers: { range: `bytes=${mark}-${last}` } })
      t.equal(part.status, 206)
      t.equal(part.headers.get('content-range'), `bytes ${mark}-${last}/${sizeBytes}`)
      t.ok(part.body.equals(noise(`mark ${mark}`, markBytes)), `the bytes at ${mark}`)
    }
    const suffix = await get(url, { headers: { range: `bytes=-${markBytes}` } })
    t.ok(suffix.body.equals(noise(`mark ${sizeBytes - 100}`, markBytes)), 'the last bytes')
    const beyond = await get(url, { headers: { range: `bytes=${sizeBytes}-` } })
    t.equal(beyond.status, 416)
  }
  t.equal(statSync(join(volunteer.mirror, 'huge.img')).size, sizeBytes)
})
