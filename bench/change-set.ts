// A day in a repository of 20,000 files, of which 1.5 % change, at five volunteers: what the origin
// uploads for each changed byte, and how soon a new file is redirected to a volunteer.
// Usage: node bench/change-set.ts [--files 20000] [--bytes 1GiB] [--volunteers 5] [--seed 1]

import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '../core/clock.ts'
import { formatSize, parseSize } from '../core/units.ts'
import { readTree, treeDifferences } from '../loadtest/compare-trees.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import { Network } from '../loadtest/network.ts'
import { fileTree, sizeAtShare } from '../loadtest/sample/file-tree.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { TcpProxy } from '../loadtest/tcp-proxy.ts'
import { editedParts } from './data-sets/edits.ts'
import { formatRatio, formatSeconds, print, printTable } from './figures.ts'

interface ChangeSetOptions {
  readonly files: number
  readonly bytes: number
  readonly volunteers: number
  readonly seed: number
}

type Tree = readonly { readonly path: string; readonly sizeBytes: number }[]

const changedShare = 0.015
/** Of a new version, in edits of a few KiB: a rebuilt package that is not compressed. */
const editedShare = 0.2
const editBytes = 4_096
const newFiles = 7
const newFileBytes = 200_000
const aims = { uploadPerByte: 1.1, redirectMs: 3_000 }

interface Changes {
  readonly files: number
  /** All bytes of files that are new or have new bytes. */
  readonly bytes: number
  readonly ofNewVersions: number
}

/**
 * Change 1.5 % of the files: a third are new, a third are new versions under a new name (the old one
 * goes), a third new versions in place.
 */
const changeTree = (root: string, tree: Tree, { bytes, seed }: ChangeSetOptions): Changes => {
  const random = seededRandom(seed + 1)
  const count = Math.round(tree.length * changedShare)
  // What is new has the sizes of the rest: scaled as the tree was.
  const scale = bytes / tree.reduce((sum, _, index) => sum + sizeAtShare(index / tree.length), 0)
  let changedBytes = 0
  let ofNewVersions = 0
  for (let index = 0; index < count; index++) {
    const entry = tree[Math.floor(((index + random()) * tree.length) / count)]
    if (entry === undefined) continue
    const file = join(root, entry.path)
    if (index % 3 === 0) {
      const path = entry.path.replace('/file-', '/new-')
      const length = Math.max(1, Math.round(sizeAtShare(random()) * scale))
      writeFileSync(join(root, path), noise(`new ${seed} ${index}`, length))
      changedBytes += length
      continue
    }
    const options = { seed: seed + index, meanBytes: editBytes, share: editedShare }
    const content = Buffer.concat([...editedParts(readFileSync(file), options)])
    // A file too small for an edit would be unchanged.
    const changed = Buffer.concat([content, noise(`end ${seed} ${index}`, 100)])
    if (index % 3 === 1) rmSync(file)
    writeFileSync(index % 3 === 1 ? file.replace('_1.0_', '_1.1_') : file, changed)
    changedBytes += changed.length
    ofNewVersions += changed.length
  }
  return { files: count, bytes: changedBytes, ofNewVersions }
}

const startVolunteers = async (network: Network, proxy: TcpProxy, count: number): Promise<void> => {
  // The first synchronisation is another bench's matter: each has a copy of the tree to begin with.
  for (let index = 1; index <= count; index++) {
    cpSync(network.repository, join(network.folder, `volunteer-${index}-mirror`), {
      recursive: true,
      preserveTimestamps: true,
    })
  }
  await network.addVolunteers(count, { originUrl: `http://127.0.0.1:${proxy.port}` })
  await network.waitForState('synced', { timeoutMs: 600_000 })
}

interface Spread {
  readonly publishMs: number
  readonly syncMs: number
  readonly uploadBytes: number
  readonly requestBytes: number
}

const spread = async (network: Network, proxy: TcpProxy): Promise<Spread> => {
  const { sentBytes, receivedBytes } = proxy
  const started = performance.now()
  await network.publish()
  const publishMs = performance.now() - started
  await network.waitForState('synced', { timeoutMs: 600_000 })
  const result = {
    publishMs,
    syncMs: performance.now() - started - publishMs,
    uploadBytes: proxy.receivedBytes - receivedBytes,
    requestBytes: proxy.sentBytes - sentBytes,
  }
  const expected = await readTree(network.repository)
  for (const { name, mirror } of network.volunteers) {
    // What the repository dropped stays for its time of grace.
    const found = await readTree(mirror, path => path.startsWith('.mirrorswarm'))
    for (const path of found.keys()) if (!expected.has(path)) found.delete(path)
    const [difference] = treeDifferences(expected, found)
    if (difference !== undefined) throw new Error(`${name}: ${difference}`)
  }
  return result
}

interface Redirected {
  /** From the request to publish, which looks at the whole tree. */
  readonly sinceRequestMs: number
  /** From the moment the snapshot is out. */
  readonly sincePublishedMs: number
}

// Each time as another client: one that asks again and again is served by the origin itself.
const isRedirected = async (url: string, attempt: number): Promise<boolean> => {
  const answer = await fetch(url, {
    method: 'HEAD',
    redirect: 'manual',
    headers: { 'user-agent': `bench/${attempt}` },
  })
  return answer.status === 302
}

const timeRedirects = async (network: Network): Promise<Redirected[]> => {
  const times: Redirected[] = []
  let attempt = 0
  for (let index = 0; index < newFiles; index++) {
    const path = `pool/new/news-${index}.bin`
    const file = join(network.repository, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, noise(`news ${index}`, newFileBytes))
    const started = performance.now()
    await network.publish()
    const published = performance.now()
    await waitUntil(
      `${path} to be redirected`,
      () => isRedirected(`${network.origin.url}/${path}`, attempt++),
      { everyMs: 20 },
    )
    const now = performance.now()
    times.push({ sinceRequestMs: now - started, sincePublishedMs: now - published })
    await network.waitForState('synced')
  }
  return times
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** Run the bench and print its figures. False when an aim is missed. */
export const benchChangeSet = async (options: ChangeSetOptions): Promise<boolean> => {
  const { files, bytes, volunteers, seed } = options
  print(
    `\n1.5 % of ${files} files (${formatSize(bytes)}) change, ${volunteers} volunteers, seed ${seed}`,
  )
  const network = await Network.prepare({ name: 'bench', originArgs: ['--scan-interval', '1h'] })
  let proxy: TcpProxy | null = null
  try {
    const tree = fileTree(network.repository, options)
    await network.origin.start()
    await network.publish()
    const { hostname, port } = new URL(network.origin.url)
    proxy = await TcpProxy.start({ host: hostname, port: Number(port) })
    await startVolunteers(network, proxy, volunteers)
    const changes = changeTree(network.repository, tree, options)
    const day = await spread(network, proxy)
    const redirected = await timeRedirects(network)
    const since = redirected.map(({ sinceRequestMs }) => sinceRequestMs)
    const ratio = day.uploadBytes / changes.bytes
    const worstMs = Math.max(...since)
    const verdict = (kept: boolean): string => (kept ? 'pass' : 'FAIL')
    print(
      `${changes.files} files with ${formatSize(changes.bytes)} (${formatSize(changes.ofNewVersions)} in new versions): published in ${formatSeconds(day.publishMs)}, everywhere ${formatSeconds(day.syncMs)} later; the origin sent ${formatSize(day.uploadBytes)} and received ${formatSize(day.requestBytes)}`,
    )
    printTable(
      ['', 'at most', 'reached', ''],
      [
        [
          "origin's upload ÷ changed bytes",
          formatRatio(aims.uploadPerByte),
          formatRatio(ratio),
          verdict(ratio < aims.uploadPerByte),
        ],
        [
          `from the request to publish until redirected, worst of ${since.length}`,
          formatSeconds(aims.redirectMs),
          formatSeconds(worstMs),
          verdict(worstMs < aims.redirectMs),
        ],
        ['  median', '', formatSeconds(median(since)), ''],
        [
          '  median, from the moment the snapshot is out',
          '',
          formatSeconds(median(redirected.map(({ sincePublishedMs }) => sincePublishedMs))),
          '',
        ],
      ],
    )
    return ratio < aims.uploadPerByte && worstMs < aims.redirectMs
  } finally {
    await network.stop()
    await proxy?.stop()
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      files: { type: 'string', default: '20000' },
      bytes: { type: 'string', default: '1GiB' },
      volunteers: { type: 'string', default: '5' },
      seed: { type: 'string', default: '1' },
    },
  })
  const kept = await benchChangeSet({
    files: Number(values.files),
    bytes: parseSize(values.bytes),
    volunteers: Number(values.volunteers),
    seed: Number(values.seed),
  })
  if (!kept) process.exitCode = 1
}
