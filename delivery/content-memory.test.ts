// Hot contents in memory: bounded, and never of a file that was changed.

import { randomBytes } from 'node:crypto'
import { rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { sha256Of } from '../test/file-server.ts'
import { ContentMemory } from './content-memory.ts'
import { type FileGuard, guardOf, openGuarded } from './guarded-file.ts'
import { respond } from './logic/respond.ts'
import { ReadBudget } from './read-budget.ts'
import { type Body, SliceReader } from './slice-reader.ts'

const makeFile = async (folder: string, name: string, sizeBytes: number) => {
  const file = join(folder, name)
  const bytes = randomBytes(sizeBytes)
  await writeFile(file, bytes)
  const { changedNs: _, ...guard } = guardOf(await stat(file, { bigint: true }))
  return { file, bytes, guard, sha256: sha256Of(bytes) }
}

type Made = Awaited<ReturnType<typeof makeFile>>

/** One request as a volunteer handles it; true: from memory. */
const ask = async (memory: ContentMemory, { file, guard, sha256 }: Made): Promise<boolean> => {
  const kept = await memory.find(sha256)
  kept?.leave()
  if (kept !== null) return true
  const handle = await openGuarded(file, guard)
  if (handle === null) return false
  await memory.offer(sha256, file, { handle, guard })
  await handle.close()
  return false
}

const heat = async (t: Test, memory: ContentMemory, made: Made): Promise<void> => {
  await ask(memory, made)
  await ask(memory, made)
  t.ok(await ask(memory, made), 'it is kept')
}

t.test('what is asked for again is kept, byte for byte', async t => {
  const made = await makeFile(t.testdir(), 'file', 10_000)
  const memory = new ContentMemory()
  await heat(t, memory, made)
  const kept = await memory.find(made.sha256)
  t.ok(made.bytes.equals(kept?.bytes ?? Buffer.alloc(0)))
  t.equal(memory.usedBytes, 10_000)
  kept?.leave()
})

t.test('a file that was changed, replaced or removed is not given out any more', async t => {
  const folder = t.testdir()
  const changes: Record<string, (made: Made) => Promise<void>> = {
    'written in place, with the old time': async ({ file, bytes, guard }) => {
      await writeFile(file, Buffer.from(bytes).fill('x', 0, 10))
      const seconds = Number(guard.modifiedNs) / 1e9
      await utimes(file, seconds, seconds)
    },
    replaced: async ({ file, bytes }) => {
      await writeFile(`${file}.new`, bytes)
      await rename(`${file}.new`, file)
    },
    removed: ({ file }) => rm(file),
  }
  for (const [name, change] of Object.entries(changes)) {
    const made = await makeFile(folder, name, 5_000)
    const memory = new ContentMemory()
    await heat(t, memory, made)
    const sending = await memory.find(made.sha256)
    await change(made)
    t.equal(await memory.find(made.sha256), null, name)
    t.equal(memory.usedBytes, 5_000, 'what is being sent counts still')
    t.ok(made.bytes.equals(sending?.bytes ?? Buffer.alloc(0)), 'and is what was verified')
    sending?.leave()
    t.equal(memory.usedBytes, 0)
    t.equal(await memory.find(made.sha256), null)
  }
})

t.test('it stays within its bound, with a crowd that stalls too', async t => {
  const folder = t.testdir()
  const memory = new ContentMemory({ bytes: 40_000, eachBytes: 10_000 })
  const files = await Promise.all(
    Array.from({ length: 12 }, (_, index) => makeFile(folder, String(index), 9_000)),
  )
  const stalled = []
  for (let round = 0; round < 20; round++) {
    await Promise.all(files.map(made => ask(memory, made)))
    t.ok(memory.usedBytes <= 40_000)
    for (const { sha256 } of files) {
      const kept = await memory.find(sha256)
      if (kept !== null) stalled.push(kept)
    }
  }
  t.ok(stalled.length > 20)
  for (const kept of stalled) kept.leave()
  t.equal(memory.usedBytes, 36_000)
})

const readAll = async (body: Body, parts: Parameters<typeof respond>[2], headers: object) => {
  const decision = respond('GET', headers as never, parts)
  const reader = new SliceReader(body, decision.parts, new ReadBudget())
  const pieces: Uint8Array[] = []
  for (;;) {
    const slice = await reader.next({ sliceBytes: 4_096, proven: false })
    if (slice === null) break
    if ('outcome' in slice) throw new Error(slice.outcome)
    pieces.push(Buffer.from(slice.preamble), Buffer.from(slice.data))
    reader.release(slice, true)
  }
  return Buffer.concat([...pieces, Buffer.from(decision.epilogue)])
}

t.test('ranges from memory are those from the file', async t => {
  const made = await makeFile(t.testdir(), 'file', 20_000)
  const guard: FileGuard = made.guard
  const memory = new ContentMemory()
  await heat(t, memory, made)
  const kept = await memory.find(made.sha256)
  const handle = await openGuarded(made.file, guard)
  if (kept === null || handle === null) throw new Error('nothing to compare')
  const representation = {
    ...{ sha256: made.sha256, sizeBytes: 20_000, modifiedSeconds: 1 },
    contentType: 'application/octet-stream',
  }
  const range = fc
    .tuple(fc.nat(25_000), fc.nat(9_000))
    .map(([first, more]) => `${first}-${first + more}`)
  const ranges = fc.array(range, { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(ranges, fc.boolean(), async (asked, current) => {
      const tag = current ? `"sha256-${made.sha256}"` : '"other"'
      const headers = { range: `bytes=${asked.join(',')}`, 'if-range': tag }
      const fromMemory = await readAll(kept, representation, headers)
      return fromMemory.equals(await readAll({ handle, guard }, representation, headers))
    }),
    { numRuns: 60 },
  )
  kept.leave()
  await handle.close()
})
