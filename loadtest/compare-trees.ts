// Are two folders the same, byte for byte? Names are bytes; only files and links count.

import { createHash } from 'node:crypto'
import { createReadStream, readdirSync, readlinkSync, statSync } from 'node:fs'
import { readBufferBytes } from '../core/limits.ts'

/** SHA-256 of a file. */
export const hashFile = async (file: string | Buffer): Promise<string> => {
  const hash = createHash('sha256')
  for await (const part of createReadStream(file, { highWaterMark: readBufferBytes })) {
    hash.update(part)
  }
  return hash.digest('hex')
}

/** Sum of the sizes of the distinct contents below `root`: what must be sent once at least. */
export const uniqueBytes = async (root: string): Promise<number> => {
  const sizes = new Map<string, number>()
  for (const [path, hash] of await readTree(root)) {
    if (hash.startsWith('link ')) continue
    sizes.set(
      hash,
      statSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')])).size,
    )
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0)
}

/** Every file (its SHA-256) and link (its target) below `root`, by path in latin1, which keeps bytes. */
export const readTree = async (
  root: string,
  leaveOut: (path: string) => boolean = () => false,
): Promise<Map<string, string>> => {
  const found = new Map<string, string>()
  const visit = async (folder: Buffer): Promise<void> => {
    const place = (name: Buffer): Buffer => Buffer.concat([folder, Buffer.from('/'), name])
    for (const entry of readdirSync(folder, { withFileTypes: true, encoding: 'buffer' })) {
      const file = place(entry.name)
      const path = file.subarray(Buffer.byteLength(root) + 1).toString('latin1')
      if (leaveOut(path)) continue
      if (entry.isDirectory()) await visit(file)
      else if (entry.isSymbolicLink()) {
        found.set(path, `link ${readlinkSync(file, { encoding: 'buffer' }).toString('latin1')}`)
      } else if (entry.isFile()) found.set(path, await hashFile(file))
      else found.set(path, 'special')
    }
  }
  await visit(Buffer.from(root))
  return found
}

/** What differs between an expected and a found tree, one line each; empty when they are equal. */
export const treeDifferences = (
  expected: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
): string[] => {
  const lines: string[] = []
  for (const [path, value] of expected) {
    const other = found.get(path)
    if (other === undefined) lines.push(`missing: ${path}`)
    else if (other !== value) lines.push(`different: ${path}`)
  }
  for (const path of found.keys()) if (!expected.has(path)) lines.push(`too much: ${path}`)
  return lines
}
