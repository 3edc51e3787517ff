// Makes the data folder of an origin that has never seen its files: a manifest of any size and
// enrolled volunteers with their holdings, written by the manifest's own writer and into the
// tracker's own log. For measurements of what grows with either number; nothing of it can be served.
// Usage: node loadtest/synthetic-network.ts FOLDER [--files 100000] [--volunteers 40] [--seed 1]

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Random, seededRandom } from '../core/clock.ts'
import type { RepoPath, VolunteerName } from '../core/ids.ts'
import { type KeyPair, loadOrCreateKeys, sha256Hex } from '../core/keys.ts'
import type { HashedFile } from '../manifest/hash-pool.ts'
import { repositoryIdOf } from '../manifest/head.ts'
import { pieceCountFor } from '../manifest/logic/piece-length.ts'
import { ChangeSet } from '../manifest/store/changes.ts'
import { WorkingTree } from '../manifest/store/working-tree.ts'
import { ManifestWriter } from '../manifest/store/writer.ts'
import { openDataFolder } from '../origin/data-folder.ts'
import { containerNumbers } from '../tracker/container-size.ts'
import { type NetworkEvent, parseNetworkEvent } from '../tracker/events.ts'
import { Holdings } from '../tracker/holdings.ts'
import { SqliteEventLog } from '../tracker/sqlite-event-log.ts'
import { sizeAtShare } from './sample/file-tree.ts'

export interface SyntheticOptions {
  readonly files: number
  readonly volunteers: number
  readonly seed: number
}

export interface SyntheticNetwork {
  readonly repositoryDir: string
  readonly dataDir: string
  readonly repositoryId: string
  readonly files: number
  readonly volunteers: readonly VolunteerName[]
  /** All volunteers sign with this key: making a thousand would take longer than what is measured. */
  readonly volunteerKeys: KeyPair
}

/** What the volunteers' announces have to name to be believed. */
export const syntheticSession = 'synthetic'
const epoch = 1
const batchFiles = 5_000
const filesPerFolder = 12

/** The path of the file with this index, as long as those of a distribution's pool. */
export const syntheticPath = (index: number): RepoPath => {
  const folder = Math.floor(index / filesPerFolder)
  const letter = String.fromCharCode(97 + (folder % 26))
  return `pool/main/${letter}/source-package-${folder}/libpackage-${index}_1.0.${index % 50}-1_amd64.deb` as RepoPath
}

const bytesOf = (random: Random, length: number): Buffer => {
  const bytes = Buffer.allocUnsafe(length)
  let place = 0
  for (; place + 4 <= length; place += 4) bytes.writeUInt32LE(random() * 2 ** 32, place)
  for (; place < length; place++) bytes[place] = random() * 256
  return bytes
}

const fileOf = (index: number, random: Random): HashedFile => {
  const sizeBytes = 4_096 + sizeAtShare(random())
  const time = BigInt(1_600_000_000 + index) * 1_000_000_000n
  const digests = bytesOf(random, 32 + 20 + 16 + 16 + 20)
  return {
    kind: 'hashed',
    path: syntheticPath(index),
    sizeBytes,
    ...{ modifiedNs: time, changedNs: time, inode: BigInt(index), young: false },
    sha256: digests.subarray(0, 32),
    sha1: digests.subarray(32, 52),
    md5: digests.subarray(52, 68),
    md4: digests.subarray(68, 84),
    pieces: bytesOf(random, 20 * pieceCountFor(sizeBytes)),
    lastPiece: digests.subarray(84),
    ...{ coarse: Buffer.alloc(0), inline: null },
  }
}

const writeManifest = async (
  file: string,
  repositoryId: string,
  { files, seed }: SyntheticOptions,
): Promise<void> => {
  const random = seededRandom(seed)
  const writer = ManifestWriter.open(file)
  try {
    writer.setIdentity({ repositoryId: repositoryId as never, epoch })
    const tree = new WorkingTree(writer)
    for (let start = 0; start < files; start += batchFiles) {
      const length = Math.min(batchFiles, files - start)
      const batch = Array.from({ length }, (_, index) => fileOf(start + index, random))
      tree.recordFiles(batch.map(each => ({ file: each, kept: false })))
    }
    const changes = new ChangeSet(writer)
    changes.collectFromTree()
    writer.transactionSync(() => {
      changes.commit(1, 1_700_000_000_000)
      changes.settleTree()
    })
    changes.clear()
  } finally {
    writer.close()
  }
}

/** Half hold all, three of ten a half in one stretch, two of ten every other file or so. */
const holdingsOf = (index: number, files: number, random: Random): Holdings => {
  const kind = index % 10
  const holdings = new Holdings()
  if (kind < 8) {
    const start = kind < 5 ? 0 : Math.floor(random() * (files / 2))
    const end = kind < 5 ? files : start + Math.floor(files / 2)
    for (let number = start; number < end; number++) holdings.add(number)
    return holdings
  }
  const bits = bytesOf(random, containerNumbers / 8)
  holdings.apply(
    Array.from({ length: Math.ceil(files / containerNumbers) }, (_, container) => ({
      index: container,
      kind: 'bitmap' as const,
      bits: bits
        .subarray(0, Math.min(bits.length, Math.ceil(files / 8) - container * bits.length))
        .toString('base64'),
    })),
  )
  return holdings
}

const nameOf = (index: number): VolunteerName => `volunteer-${index + 1}` as VolunteerName

const writeState = async (
  file: string,
  repositoryId: string,
  publicKey: string,
  { files, volunteers, seed }: SyntheticOptions,
): Promise<void> => {
  const random = seededRandom(seed + 1)
  const log = new SqliteEventLog<NetworkEvent>(file, parseNetworkEvent)
  const identity = { repositoryId: repositoryId as never, epoch }
  const full = holdingsOf(0, files, random).encode()
  try {
    await log.append([{ type: 'snapshot', ...identity, number: 1 }])
    for (let index = 0; index < volunteers; index++) {
      const name = nameOf(index)
      const volunteer = {
        ...{
          name,
          publicKey,
          trust: 'full' as const,
          reachable: true,
          enrolledMs: 1_700_000_000_000,
        },
        url: `http://127.${1 + (index >>> 8)}.${index & 255}.1:8080`,
        linkKey: Buffer.from(sha256Hex(`link key ${seed} ${index}`), 'hex').toString('base64'),
        ...{ weight: 1, disabled: false, draining: false },
      }
      const containers = index % 10 < 5 ? full : holdingsOf(index, files, random).encode()
      await log.append([
        { type: 'enrolled', volunteer },
        { type: 'manifest', name, position: { ...identity, snapshot: 1 } },
        {
          type: 'holdings',
          name,
          ...identity,
          session: syntheticSession,
          version: 1,
          after: null,
          containers,
        },
      ])
    }
  } finally {
    await log.close()
  }
}

/** Make the network in `folder`, or find what an earlier call with the same options made there. */
export const syntheticNetwork = async (
  folder: string,
  options: SyntheticOptions,
): Promise<SyntheticNetwork> => {
  const { files, volunteers } = options
  const repositoryDir = join(folder, 'repository')
  const dataDir = join(folder, 'data')
  mkdirSync(repositoryDir, { recursive: true })
  const data = await openDataFolder(dataDir, { repositoryDir, keepAtOrigin: [] })
  try {
    const repositoryId = repositoryIdOf(data.rootKeys.publicKey)
    const volunteerKeys = await loadOrCreateKeys(join(folder, 'volunteers.pem'), 'ed25519')
    const made = join(folder, 'made.json')
    const text = JSON.stringify(options)
    if (!existsSync(made)) {
      await writeManifest(data.files.manifest, repositoryId, options)
      await writeState(data.files.state, repositoryId, volunteerKeys.publicKey, options)
      writeFileSync(made, text)
    } else if (readFileSync(made, 'utf8') !== text) {
      throw new Error(`${folder} holds another network: ${readFileSync(made, 'utf8')}`)
    }
    const names = Array.from({ length: volunteers }, (_, index) => nameOf(index))
    return { repositoryDir, dataDir, repositoryId, files, volunteers: names, volunteerKeys }
  } finally {
    await data.close()
  }
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      files: { type: 'string', default: '100000' },
      volunteers: { type: 'string', default: '40' },
      seed: { type: 'string', default: '1' },
    },
  })
  const [folder] = positionals
  if (folder === undefined) throw new Error('name the folder to make the network in')
  await syntheticNetwork(folder, {
    files: Number(values.files),
    volunteers: Number(values.volunteers),
    seed: Number(values.seed),
  })
}
