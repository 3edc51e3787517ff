// For tests: a repository that is really published, and the parts of a volunteer that mirrors it,
// with a stand-in for the swarm that copies from the repository and can be told to misbehave.

import { randomBytes } from 'node:crypto'
import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import { systemCode } from '../core/errors.ts'
import { testFolder } from '../core/fixtures/test-folder.ts'
import type { ContentNumber, RepoPath, RepositoryId, Sha256, SnapshotNumber } from '../core/ids.ts'
import { silentLogger } from '../core/log.ts'
import { pathInFolder } from '../core/repo-path.ts'
import { HashPool } from '../manifest/hash-pool.ts'
import { KeptStore } from '../manifest/kept-store.ts'
import { keepAtOrigin } from '../manifest/logic/keep-at-origin.ts'
import { compileScope, type Scope } from '../manifest/logic/scope.ts'
import { ObjectStore } from '../manifest/objects.ts'
import { publish } from '../manifest/publish.ts'
import { ManifestReader } from '../manifest/store/reader.ts'
import { ManifestWriter } from '../manifest/store/writer.ts'
import { type LoadedBundle, readBundle } from '../prsync/bundle.ts'
import { bundler } from '../prsync/bundler.ts'
import { Adopter } from './adopt.ts'
import { Fetcher } from './fetch.ts'
import { Hasher } from './hasher.ts'
import { HeldStore } from './held-store.ts'
import { MirrorFolder } from './mirror-folder.ts'
import { type FileCalls, Placer } from './place.ts'
import { type Phase, Reconciler } from './reconcile.ts'
import { Space } from './space.ts'
import { Staging } from './staging.ts'
import { WorkList } from './work-list.ts'

export interface TestRepository {
  readonly root: string
  readonly reader: ManifestReader
  readonly objects: ObjectStore
  write(path: string, data: string | Uint8Array): Promise<void>
  link(path: string, target: string): Promise<void>
  remove(path: string): Promise<void>
  publish(): Promise<SnapshotNumber>
  contentAt(path: string): NonNullable<ReturnType<ManifestReader['contentByHash']>>
}

export const repoPath = (text: string): RepoPath => text as RepoPath

/** Wait for a condition; fails after ten seconds. */
export const until = async (
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> => {
  const deadline = performance.now() + 10_000
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited too long until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

/** A repository in a folder of its own, with its manifest. */
export const testRepository = async (t: Test): Promise<TestRepository> => {
  const base = testFolder(t)
  const root = join(base, 'repository')
  const dataDir = join(base, 'origin')
  await Promise.all([mkdir(root), mkdir(dataDir)])
  const store = ManifestWriter.open(join(dataDir, 'manifest.db'))
  store.setIdentity({ repositoryId: randomBytes(32).toString('hex') as RepositoryId, epoch: 1 })
  const reader = ManifestReader.open(join(dataDir, 'manifest.db'))
  const kept = new KeptStore(dataDir)
  const objects = new ObjectStore(join(dataDir, 'objects'))
  const hashPool = new HashPool({ workers: 1 })
  t.teardown(async () => {
    await hashPool.stop()
    kept.close()
    reader.close()
    store.close()
  })
  const parts = { root, store, objects, kept, hashPool, bundler, keepAtOrigin, clock: systemClock }
  return {
    root,
    reader,
    objects,
    write: async (path, data) => {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), data)
    },
    link: async (path, target) => {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await symlink(target, join(root, path))
    },
    remove: path => rm(join(root, path), { recursive: true }),
    publish: async () => (await publish({ ...parts, allowShrink: true })).snapshot.number,
    contentAt: path => {
      const snapshot = reader.latest()?.number ?? 0
      const found = reader.resolve(repoPath(path), snapshot)
      if (found.kind !== 'file') throw new Error(`${path} is no file`)
      return found.content
    },
  }
}

export interface MirrorOptions {
  readonly scope?: Scope
  readonly quotaBytes?: number
  readonly calls?: FileCalls
  readonly freeBytes?: () => number
  readonly minFreeBytes?: number
  /** Bytes that the stand-in swarm delivers instead of the right ones. */
  readonly corrupt?: (content: ContentNumber) => boolean
  /** Called before each member is handed over. */
  readonly beforeMember?: (content: ContentNumber, signal?: AbortSignal) => Promise<void>
}

const errorOf = (content: ContentNumber): never => {
  throw new Error(`content ${content} is not in the repository`)
}

/** Where in the repository's tree a content lies now. */
const sourceOf = (repository: TestRepository, content: ContentNumber): Buffer => {
  const snapshot = repository.reader.latest()?.number ?? 0
  const [path] = repository.reader.pathsOf(content, snapshot)
  return path === undefined ? errorOf(content) : pathInFolder(repository.root, path)
}

/** The parts of a volunteer on real folders; `fetched` lists what was transferred. */
export const testMirror = async (
  t: Test,
  repository: TestRepository,
  options: MirrorOptions = {},
  base = join(repository.root, '..', `volunteer-${randomBytes(4).toString('hex')}`),
) => {
  const mirror = join(base, 'mirror')
  const partial = join(base, 'data', 'partial')
  await mkdir(mirror, { recursive: true })
  await mkdir(partial, { recursive: true })
  await mkdir(join(base, 'data', 'staged'), { recursive: true })
  const { reader } = repository
  const store = HeldStore.open(join(base, 'data', 'held.db'))
  const work = new WorkList(store)
  const hasher = new Hasher({ threads: 1 })
  const folder = new MirrorFolder(mirror)
  const staging = new Staging(join(base, 'data', 'staged'))
  await staging.start()
  const isKnownContent = (sha256: Sha256): boolean => reader.contentByHash(sha256) !== null
  const placer = new Placer({
    ...{ folder, store, hasher, isKnownContent },
    ...(options.calls === undefined ? {} : { calls: options.calls }),
  })
  const adopter = new Adopter({ folder, store, work, reader, hasher })
  const fetched: ContentNumber[] = []
  const phases: Phase[] = []
  const deliver = async (
    content: ContentNumber,
    file: string,
    signal?: AbortSignal,
  ): Promise<string> => {
    await options.beforeMember?.(content, signal)
    if (options.corrupt?.(content) === true) await writeFile(file, 'poison')
    else await copyFile(sourceOf(repository, content), file)
    fetched.push(content)
    return file
  }
  const nameOf = (content: ContentNumber): string =>
    join(partial, reader.contentByNumber(content)?.sha256 ?? errorOf(content))
  const loadBundle = async (infoHash: LoadedBundle['infoHash']): Promise<LoadedBundle | null> => {
    const bundle = reader.bundleByInfoHash(infoHash)
    const metainfo = bundle === null ? null : await repository.objects.read(bundle.metainfo)
    if (bundle === null || metainfo === null) return null
    const members = bundle.members.map(number => reader.contentByNumber(number) ?? errorOf(number))
    return readBundle(metainfo, infoHash, members, new Set())
  }
  const fetcher: Fetcher = new Fetcher({
    ...{ reader, work, loadBundle },
    swarm: () => ({
      download: async (_bundle, wanted, { signal, onMember }) => {
        for (const content of wanted) {
          signal.throwIfAborted()
          await onMember(content, await deliver(content, nameOf(content), signal))
        }
      },
    }),
    fetchAlone: content => deliver(content.number, nameOf(content.number)),
    partialBytes: async () => 0,
    isMissing: number => reconciler.isMissing(number),
    onFetched: (content, file) => reconciler.takeFetched(content, file),
    space: new Space({
      folders: [mirror],
      minFreeBytes: options.minFreeBytes ?? 0,
      ...(options.freeBytes === undefined
        ? {}
        : { freeBytes: async () => options.freeBytes?.() ?? 0 }),
    }),
    logger: silentLogger,
    clock: systemClock,
    random: () => 0,
  })
  const reconciler: Reconciler = new Reconciler({
    ...{ reader, store, work, adopter, placer, fetcher, staging, logger: silentLogger },
    scope: options.scope ?? compileScope({ include: [], exclude: [], dataFolder: null }),
    quotaBytes: options.quotaBytes ?? null,
    popular: () => [],
    nowMs: () => systemClock.nowMs(),
    tidyTransfers: async () => undefined,
    onPhase: phase => phases.push(phase),
    onMilestone: () => undefined,
  })
  const identity = reader.identity()
  if (identity !== null)
    store.bind(identity, sha256 => reader.contentByHash(sha256)?.number ?? null)
  let closed = false
  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    await fetcher.stop()
    await hasher.stop()
    store.close()
  }
  t.teardown(close)
  const sync = (signal = new AbortController().signal): Promise<boolean> =>
    reconciler.run(reader.latest()?.number ?? 0, signal)
  return {
    ...{ base, mirror, store, work, folder, hasher, placer, adopter, fetcher, reconciler },
    ...{ staging, fetched, phases, partial, close, sync },
  }
}

/** readTree of a folder that is being changed: null when something vanished meanwhile. */
export const readMovingTree = async (folder: string): Promise<Record<string, string> | null> => {
  try {
    return await readTree(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
}

/** Everything below a folder: names with their bytes, links with their targets. */
export const readTree = async (folder: string): Promise<Record<string, string>> => {
  const tree: Record<string, string> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    const name = file.slice(folder.length + 1)
    if (entry.isSymbolicLink()) tree[name] = `-> ${await readlink(file)}`
    else if (entry.isFile()) tree[name] = (await readFile(file)).toString('latin1')
  }
  return Object.fromEntries(Object.entries(tree).sort())
}
