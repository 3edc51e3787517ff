// One row of the matrix: a real client with the options that docs/CLIENTS.md recommends, and the
// timeouts by which it notices that a server stalls.

import type { ProgramResult, RunOptions } from '../../loadtest/programs.ts'
import type { LaneKind } from './lane.ts'
import type { Samples } from './samples.ts'

export interface Scene {
  /** The origin as this client knows it, without a slash at the end. */
  readonly url: string
  /** An address of 127.0.0.0/8 that only this client has. */
  readonly address: string
  /** Empty; for this client alone. */
  readonly folder: string
  readonly samples: Samples
}

/** A client that has been set up. */
export interface Client {
  /** What a user types; the same again is the next try. */
  run(options: RunOptions): Promise<ProgramResult>
  /** The file that it downloaded, whole as far as the client knows; null: none. */
  file(): string | null
  /** The path of that file in the repository. */
  readonly path: string
}

export interface Row {
  readonly name: string
  /** Why it cannot be run here, or false. */
  readonly skip: () => string | false
  /** It has a hash from the repository's indexes, or from the origin, to compare bytes with. */
  readonly verifies: boolean
  /** Missing: plain. */
  readonly lane?: LaneKind
  readonly make: (scene: Scene) => Client
}

/** Seconds after which each client gives a silent server up, in tests; defaults are far longer. */
export const patienceSeconds = 3
