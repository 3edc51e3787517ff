// The numbered log of what happened, and a picture of the state at one of its numbers, so that
// replicas start from the picture and follow the log. Implementations know nothing of the events.

/** An event with its place in the log; numbers grow by one from 1. */
export interface LogEntry<Event> {
  readonly sequence: number
  readonly event: Event
}

/** The state after the event `sequence`, in whatever form its owner likes. */
export interface Picture {
  readonly sequence: number
  /** In the order in which they were saved; to be read once, before anything else is saved. */
  readonly parts: Iterable<Uint8Array>
}

export interface AppendOptions {
  /** Flush to the disk before resolving: for what nobody would say again after a power cut. */
  readonly flush?: boolean
}

export interface EventLog<Event> {
  /**
   * Add events, all or none, and resolve to the number of the last one (of the log if there are
   * none) once they survive the end of the process and this process's listeners have been given
   * them. Events of one call are next to each other, calls keep their order.
   */
  append(events: readonly Event[], options?: AppendOptions): Promise<number>
  /**
   * Up to `limit` entries after the number `after`, in order; fewer, but one at least, where they
   * are long. Entries trimmed away are missing at
   * the front: a first number other than `after + 1` means that one has to start from the picture.
   */
  read(after: number, limit: number): Promise<readonly LogEntry<Event>[]>
  /** The number of the newest event; 0 if there was never one. */
  last(): Promise<number>
  /** Be given each batch of new entries, in order; returns how to stop that. Must not throw. */
  subscribe(listener: (entries: readonly LogEntry<Event>[]) => void): () => void
  /**
   * Replace the picture, once all its parts have come; events that neither it nor those who resume
   * need are trimmed. One at a time. The log goes on meanwhile.
   */
  savePicture(
    sequence: number,
    parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<void>
  picture(): Promise<Picture | null>
  /** Finish what was appended and release the files. */
  close(): Promise<void>
}
