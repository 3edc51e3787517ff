// The search for a basis on a mirror folder of its own, for tests: files are held by writing,
// hashing and recording them, as a volunteer does.

import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import type { ContentNumber, RepoPath, Sha256 } from '../core/ids.ts'
import { kernel } from '../core/kernel/kernel.ts'
import { silentLogger } from '../core/log.ts'
import type { Content } from '../manifest/model.ts'
import { makeBasis } from './basis.ts'
import { HeldStore } from './held-store.ts'
import { MirrorFolder } from './mirror-folder.ts'

/** The anchors of some bytes. */
export const anchorsOf = (bytes: Uint8Array): Uint8Array => {
  const stream = kernel.anchors()
  const parts = [Uint8Array.from(stream.update(bytes)), Uint8Array.from(stream.end())]
  return new Uint8Array(Buffer.concat(parts))
}

/** A catalogue in memory of what the repository has, in place of a manifest. */
const catalogue = () => {
  const contents: Content[] = []
  const paths = new Map<ContentNumber, RepoPath[]>()
  const want = (path: string, bytes: Uint8Array): Content => {
    const sha256 = createHash('sha256').update(bytes).digest('hex') as Sha256
    let content = contents.find(each => each.sha256 === sha256)
    if (content === undefined) {
      const about = { sha1: '', md5: '', md4: '', modifiedSeconds: 0, firstSnapshot: 1 }
      content = { number: contents.length, sha256, sizeBytes: bytes.length, ...about }
      contents.push(content)
      paths.set(content.number, [])
    }
    paths.get(content.number)?.push(path as RepoPath)
    return content
  }
  return {
    want,
    contentByHash: (sha256: Sha256) => contents.find(each => each.sha256 === sha256) ?? null,
    contentByNumber: (number: ContentNumber) => contents[number] ?? null,
    pathsOf: (number: ContentNumber) => paths.get(number) ?? [],
    latest: () => null,
  }
}

export const testBasis = async (t: Test, base: string) => {
  const mirror = join(base, 'mirror')
  mkdirSync(mirror, { recursive: true })
  const reader = catalogue()
  const folder = new MirrorFolder(mirror)
  const store = HeldStore.open(join(base, 'held.db'))
  const make = () =>
    makeBasis({
      ...{ store, folder, reader, dataDir: base, logger: silentLogger },
      work: { pathsOf: () => [] },
    })
  const basis = make()
  t.teardown(async () => {
    await basis.stop()
    store.close()
  })
  /** Record files that stand in the mirror, without reading them. */
  const record = async (files: readonly { readonly path: string; readonly content: Content }[]) => {
    const held = []
    for (const { path, content } of files) {
      const found = await folder.look(path as RepoPath)
      if (found.kind !== 'file') throw new Error(`${path} is no file`)
      const { sha256, number } = content
      held.push({ path: path as RepoPath, sha256, content: number, ...found.stamp })
    }
    store.record(held)
  }
  const write = (path: string, bytes: Uint8Array): Content => {
    const file = join(mirror, path)
    mkdirSync(dirname(file), { recursive: true })
    rmSync(file, { force: true })
    writeFileSync(file, bytes)
    return reader.want(path, bytes)
  }
  const hold = async (path: string, bytes: Uint8Array): Promise<Content> => {
    const content = write(path, bytes)
    await basis.hasher.hash(folder.file(path as RepoPath))
    await record([{ path, content }])
    return content
  }
  return { ...basis, make, store, mirror, folder, want: reader.want, write, record, hold }
}
