import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import { pathInFolder } from '../core/repo-path.ts'
import { TestFollower, tableOf, threesBundler } from './fixtures/test-repository.ts'
import { HashPool } from './hash-pool.ts'
import { makeHead } from './head.ts'
import { KeptStore } from './kept-store.ts'
import { keepAtOrigin } from './logic/keep-at-origin.ts'
import { ObjectStore } from './objects.ts'
import { publish } from './publish.ts'
import { scanTree } from './scan.ts'
import { ManifestReader } from './store/reader.ts'
import { ManifestWriter } from './store/writer.ts'

const kills = 24

const program = join(import.meta.dirname, 'fixtures/publish-until-killed.ts')

/** Run the publisher and kill it some time after it began; what it had published by then. */
const runAndKill = async (folder: string, seed: number): Promise<number> => {
  const child = spawn(process.execPath, [program, folder, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const rounds = 1 + (seed % 3)
  const delayMs = Math.random() * 150
  let published = 0
  let begun = 0
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'publishing') {
      begun += 1
      if (begun === rounds) setTimeout(() => child.kill('SIGKILL'), delayMs)
    } else published = Number(line.split(' ')[1])
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  if (child.signalCode !== 'SIGKILL') throw new Error(`the publisher ended (${child.exitCode})`)
  return published
}

/** Everything that the newest snapshot needs is there and fits. */
const checkConsistent = async (t: Test, folder: string, reader: ManifestReader) => {
  const objects = new ObjectStore(join(folder, 'data/objects'))
  const kept = new KeptStore(join(folder, 'data'))
  t.teardown(() => kept.close())
  const latest = reader.latest()
  if (latest === null) return
  const entries = reader.entries(latest.number, { limit: 10_000 })
  t.equal(entries.length, latest.files, 'as many entries as the snapshot says')
  let problems = 0
  for (const entry of entries) {
    const content = entry.kind === 'file' ? reader.contentByNumber(entry.content) : null
    if (content === null || content.firstSnapshot > latest.number) problems += 1
    else if (content.sizeBytes < 4096 && kept.get(content.sha256) === null) problems += 1
    else if (content.sizeBytes > 0) {
      const bundle = reader.bundleOf(content.number)
      if (bundle === null || !(await objects.has(bundle.metainfo))) problems += 1
    }
  }
  t.equal(problems, 0, 'every entry has its content, copy and bundle')
  const head = makeHead(reader, Date.now())
  t.equal(head?.snapshot, latest.number, 'the head names the newest snapshot')
  for (const part of [...(head?.checkpoint.segments ?? []), ...(head?.differences ?? [])]) {
    if ((await objects.read(part.sha256))?.length !== part.sizeBytes) t.fail('a part is missing')
  }
}

const publishHere = async (folder: string) => {
  const store = ManifestWriter.open(join(folder, 'data/manifest.db'))
  const kept = new KeptStore(join(folder, 'data'))
  const hashPool = new HashPool({ workers: 1 })
  try {
    return await publish({
      ...{ root: join(folder, 'tree'), store, kept, hashPool, keepAtOrigin },
      objects: new ObjectStore(join(folder, 'data/objects')),
      bundler: threesBundler,
      clock: systemClock,
      allowShrink: true,
    })
  } finally {
    await hashPool.stop()
    kept.close()
    store.close()
  }
}

t.test(`kill -9 of a publish, ${kills} times, loses no snapshot`, { timeout: 240_000 }, async t => {
  const folder = t.testdir()
  let reader: ManifestReader | null = null
  let last = 0
  const follower = new TestFollower(join(folder, 'follower.db'))
  t.teardown(() => follower.close())
  for (let run = 0; run < kills; run++) {
    const published = await runAndKill(folder, run)
    reader ??= ManifestReader.open(join(folder, 'data/manifest.db'))
    const number = reader.latest()?.number ?? 0
    t.ok(number >= Math.max(last, published), `run ${run}: snapshot ${number}, ${published} told`)
    last = number
    await checkConsistent(t, folder, reader)
  }
  t.ok(last > 0, `${last} snapshots in the end`)

  const root = join(folder, 'tree')
  const result = await publishHere(folder)
  reader ??= ManifestReader.open(join(folder, 'data/manifest.db'))
  t.teardown(() => reader?.close())
  await checkConsistent(t, folder, reader)
  const expected = new Map<string, string>()
  for (const entry of scanTree(root, { onRefused: path => t.fail(path) })) {
    const bytes = readFileSync(pathInFolder(root, entry.path))
    expected.set(entry.path, createHash('sha256').update(bytes).digest('hex'))
  }
  t.same(tableOf(reader, result.snapshot.number), expected, 'the next publish is the tree')
  t.match(await publishHere(folder), { unchanged: true })
})
