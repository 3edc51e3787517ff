// What a worker thread and the main thread tell each other. Whatever happens in one turn of a
// worker's event loop goes in one message: then a request's part of a message costs little.

import type { TlsPair } from '../../core/tls-files.ts'
import type { ConnectionEnds } from './preface.ts'
import type { TunnelPlace } from './tunnel.ts'

/** What a worker is started with. */
export interface WorkerOrder {
  /** All of them are listened at, the first of which has to work. */
  readonly hosts: readonly string[]
  /** 0: any free one. */
  readonly port: number
  /** Null: plain HTTP. */
  readonly tls: WorkerTls | null
  readonly place: TunnelPlace
}

export interface WorkerTls {
  readonly pair: TlsPair
  /** The same for all workers: a client's next connection may come to another one. */
  readonly ticketKeys: Uint8Array
}

/** Numbers of connections are the worker's own and never used again. */
export interface WorkerBatch {
  readonly type: 'batch'
  /** Connections that were opened, and by which addresses. */
  readonly came: readonly number[]
  readonly addresses: readonly string[]
  readonly gone: readonly number[]
  /** How many connections were closed because nothing came. */
  readonly silent: number
  /** Connections of which something was read, and what: bytes as latin1 text. */
  readonly asking: readonly number[]
  readonly texts: readonly string[]
  /** For each of those: null when it was told already. */
  readonly ends: readonly (ConnectionEnds | null)[]
  /** Connections that ask no more. */
  readonly left: readonly number[]
}

export type FromWorker =
  | WorkerBatch
  | { readonly type: 'listening'; readonly port: number; readonly address: string }
  /** It could not listen. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string }

export type ToWorker =
  /** For each that asked: the answers, and how many of its characters they answer. */
  | {
      readonly type: 'answers'
      readonly asking: readonly number[]
      readonly texts: readonly string[]
      readonly lengths: readonly number[]
    }
  /** Close these of the connections that came. */
  | { readonly type: 'refused'; readonly numbers: readonly number[] }
  | { readonly type: 'pair'; readonly pair: TlsPair }
  /** Take no more connections, close those on which nothing is under way, and end with the last. */
  | { readonly type: 'stop' }
