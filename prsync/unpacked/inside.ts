// Before a gzip file is fetched: looks for its inflated text in that of a local gzip file, fetches what
// is missing of its unpacked form and packs it. Anything that goes wrong only means that the file is
// fetched as any other. Knows nothing of pieces and of the swarm.

import { mkdir, open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { concurrentInside, formTextBytes, insideFloorBytes } from '../../core/delta-limits.ts'
import { describeError } from '../../core/errors.ts'
import { readBufferBytes } from '../../core/limits.ts'
import type { Logger } from '../../core/log.ts'
import type { Content } from '../../manifest/model.ts'
import { BasisReader } from '../basis-reader.ts'
import type { Span } from '../logic/delta-plan.ts'
import { formPrice, missingOf, nextStep, startRefine, tookStep } from '../logic/refine.ts'
import { complementRuns, type Run } from '../logic/runs.ts'
import type { BasisFile } from '../matcher.ts'
import type { PrefillTarget } from '../prefills.ts'
import type { ContentAsker } from '../ranges-client.ts'
import { copySpans } from '../span-copier.ts'
import { type MatchParts, matchStep } from '../step-match.ts'
import { Turns } from '../turns.ts'
import { FormThread } from './form-thread.ts'
import {
  beginsAsGzip,
  type FormShape,
  formBytes,
  formLimits,
  gzipMagic,
  isWithinLimits,
} from './logic/form.ts'
import { isWorthMaking } from './logic/worth.ts'
import { ScratchFile } from './scratch-file.ts'

export interface InsideParts extends MatchParts {
  /** Its own: emptied at the start. */
  readonly folder: string
  /** What may still be written there. */
  readonly usableBytes: () => Promise<number>
  readonly logger: Logger
}

/** What a search came to: bytes of the content that need not be fetched. */
export type InsideOutcome =
  | { readonly kind: 'made'; readonly sparedBytes: number }
  | { readonly kind: 'nothing'; readonly reason: string }

const nothing = (reason: string): InsideOutcome => ({ kind: 'nothing', reason })

interface Work {
  readonly content: Content
  readonly asker: ContentAsker
  readonly target: PrefillTarget
  readonly signal: AbortSignal
}

/** The scratch files of a search, in a folder of their own. */
const basisName = 'basis'
const formName = 'form'
const packedName = 'packed'

export class InsideSearch {
  readonly #parts: InsideParts
  readonly #thread = new FormThread()
  /** Few at a time: their files may be large. */
  readonly #turns = new Turns(concurrentInside)
  #searches = 0
  /** What those under way may still write. */
  #neededBytes = 0

  constructor(parts: InsideParts) {
    this.#parts = parts
  }

  /** Remove what an earlier process left. */
  async start(): Promise<void> {
    await rm(this.#parts.folder, { recursive: true, force: true })
  }

  async stop(): Promise<void> {
    await this.#thread.stop()
  }

  /**
   * Make a content by the forms of the first gzip file among the bases and write all of it. Throws the
   * signal's reason, MS_DISK_FULL of `target`.
   */
  async prefill(work: Work, bases: readonly BasisFile[]): Promise<InsideOutcome> {
    const { content, signal } = work
    if (content.sizeBytes < insideFloorBytes) return nothing('too small')
    const basis = await firstGzip(bases)
    if (basis === null) return nothing('no gzip file is held')
    try {
      // Nobody waits for others' files to be unpacked only to hear that there is no form.
      const shape = await work.asker.shape(signal)
      const limits = formLimits(content.sizeBytes, formTextBytes)
      if (!isWithinLimits(shape, limits)) return nothing('odd shape')
      return await this.#turns.run(signal, () => this.#within(work, shape, basis))
    } catch (error) {
      if (signal.aborted) throw signal.reason
      return nothing(describeError(error))
    }
  }

  /** Within the space that there is, which is free again in the end. */
  async #within(work: Work, shape: FormShape, basis: BasisFile): Promise<InsideOutcome> {
    // The basis may be half as large again, and its tokens lie beside it while it is made.
    const needed = 4 * formBytes(shape) + work.content.sizeBytes
    const usable = (await this.#parts.usableBytes()) - this.#neededBytes
    if (usable < needed) return nothing('too little space')
    const folder = join(this.#parts.folder, String(this.#searches++))
    this.#neededBytes += needed
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      return await this.#make(work, shape, basis, folder)
    } finally {
      this.#neededBytes -= needed
      await rm(folder, { recursive: true, force: true })
    }
  }

  async #make(
    work: Work,
    shape: FormShape,
    packedBasis: BasisFile,
    folder: string,
  ): Promise<InsideOutcome> {
    const { content, target, signal } = work
    const { sha256, sizeBytes } = content
    const basis = await this.#unpack(packedBasis, shape, join(folder, basisName), signal)
    if (typeof basis === 'string') return nothing(basis)
    const spans = await this.#find(work, shape, basis)
    if (!isWorthMaking(shape, spans.missing, sizeBytes)) return nothing('too little in common')
    const from = join(folder, formName)
    const fetchedBytes = await this.#assemble(work, shape, { basis, spans: spans.found, to: from })
    const to = join(folder, packedName)
    const request = { from, shape, to, sizeBytes, sha256 }
    const packed = await this.#thread.pack(request, signal)
    if (typeof packed === 'string') return nothing(packed)
    await copyFile(to, content, target, signal)
    await target.setCoverage(sha256, [{ offset: 0, length: sizeBytes }])
    return { kind: 'made', sparedBytes: Math.max(0, sizeBytes - fetchedBytes) }
  }

  /** The basis's form, or why there is none. */
  async #unpack(
    { file, sizeBytes }: BasisFile,
    shape: FormShape,
    to: string,
    signal: AbortSignal,
  ): Promise<BasisFile | string> {
    const most = Math.min(formTextBytes, 1.5 * shape.textBytes + 2 ** 20)
    const handle = await open(file)
    const made = await this.#thread.unpack(
      { from: { handle, sizeBytes }, to, limits: formLimits(sizeBytes, most), sha256: null },
      signal,
    )
    if (typeof made === 'string') return made
    const { mtimeNs } = await stat(to, { bigint: true })
    return { file: to, sizeBytes: formBytes(made), modifiedNs: mtimeNs }
  }

  async #find(
    { asker, signal }: Work,
    shape: FormShape,
    basis: BasisFile,
  ): Promise<{ readonly found: readonly Span[]; readonly missing: readonly Run[] }> {
    const bases = [basis]
    let state = startRefine(formBytes(shape), formPrice)
    for (;;) {
      const { state: next, step } = nextStep(state)
      if (step === null) return { found: next.spans, missing: missingOf(next) }
      const hashes = await asker.formHashes(shape, step, signal)
      signal.throwIfAborted()
      const search = { step, hashes, spans: state.spans, bases, firstNew: 0 }
      state = tookStep(next, step, await matchStep(this.#parts, search, signal))
      await breathe()
    }
  }

  /** Put the wanted form together; how many bytes of it were fetched. */
  async #assemble(
    { content, asker, signal }: Work,
    shape: FormShape,
    plan: { readonly basis: BasisFile; readonly spans: readonly Span[]; readonly to: string },
  ): Promise<number> {
    const { basis, spans, to } = plan
    const form = await ScratchFile.make(to, formBytes(shape))
    try {
      const write = (_: unknown, offset: number, bytes: Uint8Array) => form.write(offset, bytes)
      const { sha256 } = content
      const copied = await copySpans(
        { writeLocal: write },
        { sha256, spans, bases: [basis] },
        signal,
      )
      const missing = complementRuns(copied, formBytes(shape))
      if (missing.length > 0)
        await asker.formRuns(shape, missing, () => form.filler(missing), signal)
      return missing.reduce((sum, { length }) => sum + length, 0)
    } finally {
      await form.close()
    }
  }
}

const firstGzip = async (bases: readonly BasisFile[]): Promise<BasisFile | null> => {
  for (const basis of bases) {
    if (basis.sizeBytes < insideFloorBytes) continue
    const reader = await BasisReader.open(basis)
    if (reader === null) continue
    try {
      const head = await reader.read(0, gzipMagic.length)
      if (head !== null && beginsAsGzip(head)) return basis
    } finally {
      await reader.close()
    }
  }
  return null
}

const copyFile = async (
  file: string,
  { sha256, sizeBytes }: Content,
  target: PrefillTarget,
  signal: AbortSignal,
): Promise<void> => {
  const handle = await open(file)
  try {
    for (let at = 0; at < sizeBytes; ) {
      signal.throwIfAborted()
      const buffer = Buffer.allocUnsafe(Math.min(readBufferBytes, sizeBytes - at))
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at)
      if (bytesRead === 0) return
      await target.writeLocal(sha256, at, buffer.subarray(0, bytesRead))
      at += bytesRead
    }
  } finally {
    await handle.close()
  }
}
