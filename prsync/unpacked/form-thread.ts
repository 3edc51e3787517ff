// The thread that unpacks and packs: started when there is work, ended when there is none or when it
// takes too long. What is asked is done one after the other.

import { Worker } from 'node:worker_threads'
import { formHeapMiB, formWorkMs, idleFormThreadMs } from '../../core/delta-limits.ts'
import { MirrorswarmError } from '../../core/errors.ts'
import { Turns } from '../turns.ts'
import type { FormAnswer, FormRequest, PackRequest, UnpackRequest } from './form-worker.ts'
import type { FormShape } from './logic/form.ts'

const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? './form-worker.ts' : './form-worker.js',
  import.meta.url,
)

/** What came of it; a text says why there is nothing. */
export type FormOutcome = FormShape | string

type Unnumbered<Request> = Omit<Request, 'id' | 'kind'>

const never = new AbortController().signal

export class FormThread {
  readonly #turns = new Turns(1)
  readonly #workMs: number
  #worker: Worker | null = null
  #idle: NodeJS.Timeout | undefined
  #nextId = 0
  #stopped = false

  constructor(workMs = formWorkMs) {
    this.#workMs = workMs
  }

  /** Throws MS_DISK_FULL, MS_INTERNAL, and the signal's reason before it began. */
  async unpack(request: Unnumbered<UnpackRequest>, signal = never): Promise<FormOutcome> {
    try {
      return await this.#turns.run(signal, () =>
        this.#ask(
          { ...request, id: this.#nextId++, kind: 'unpack' },
          'handle' in request.from ? [request.from.handle] : [],
        ),
      )
    } finally {
      // Where the thread has got it this one is closed already.
      if ('handle' in request.from && request.from.handle.fd >= 0) await request.from.handle.close()
    }
  }

  /** The same; the file is only right if its hash is. */
  async pack(request: Unnumbered<PackRequest>, signal = never): Promise<FormOutcome> {
    return await this.#turns.run(signal, () =>
      this.#ask({ ...request, id: this.#nextId++, kind: 'pack' }, []),
    )
  }

  /** What is under way fails. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#end()
  }

  async #ask(request: FormRequest, moved: readonly object[]): Promise<FormOutcome> {
    if (this.#stopped) throw new MirrorswarmError('MS_INTERNAL', 'forms are made no more')
    const worker = this.#start()
    const answered = Promise.withResolvers<FormAnswer>()
    const lose = (cause: unknown): void =>
      answered.reject(new MirrorswarmError('MS_INTERNAL', 'the thread for forms died', { cause }))
    const exit = (code: number): void => lose(new Error(`the thread ended (${code})`))
    const timer = setTimeout(() => void this.#end(), this.#workMs)
    worker.on('message', answered.resolve).on('error', lose).on('exit', exit)
    try {
      worker.ref()
      worker.postMessage(request, moved as FileHandleList)
      return outcomeOf(await answered.promise)
    } catch (error) {
      await this.#end()
      throw error
    } finally {
      clearTimeout(timer)
      worker.off('message', answered.resolve).off('error', lose).off('exit', exit)
      worker.unref()
      if (this.#worker === worker) {
        this.#idle = setTimeout(() => void this.#end(), idleFormThreadMs).unref()
      }
    }
  }

  #start(): Worker {
    clearTimeout(this.#idle)
    this.#worker ??= new Worker(workerFile, {
      resourceLimits: { maxOldGenerationSizeMb: formHeapMiB, maxYoungGenerationSizeMb: 8 },
    })
    return this.#worker
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#worker = null
    await worker?.terminate()
  }
}

type FileHandleList = NonNullable<Parameters<Worker['postMessage']>[1]> & unknown[]

const outcomeOf = (answer: FormAnswer): FormOutcome => {
  if (answer.kind === 'made') return answer.shape
  if (answer.kind === 'none') return answer.reason
  const isFull = answer.code === 'ENOSPC' || answer.code === 'EDQUOT'
  throw new MirrorswarmError(isFull ? 'MS_DISK_FULL' : 'MS_INTERNAL', `no form: ${answer.reason}`)
}
