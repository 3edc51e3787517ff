// The JSON by which the runner tells k6's users what to ask for. Only types: Node writes it, k6 reads it.

export interface WorkloadFile {
  /** Below the origin's URL, percent-encoded. */
  readonly path: string
  readonly sizeBytes: number
  /** Hexadecimal; more than one where a publish during the test changes the file. */
  readonly sha256: readonly string[]
  /** Of its class: the share of requests for it and those before it, 0 to 1. */
  readonly upTo: number
}

/** Files of a kind, sorted by `upTo`. */
export interface FileClass {
  readonly name: 'image' | 'update' | 'other'
  /** The share of all requests for this class and those before it, 0 to 1. */
  readonly upTo: number
  readonly files: readonly WorkloadFile[]
}

export interface Workload {
  readonly classes: readonly FileClass[]
  /** What a client reads before anything else; `upTo` means nothing here. */
  readonly indexes: readonly WorkloadFile[]
  /** User and secret of clients, for HTTP Basic; empty where everybody may read. */
  readonly credentials: readonly { readonly user: string; readonly secret: string }[]
}
