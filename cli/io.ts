// What a command has of the world: where to print, whether a person watches, and when to stop.

export interface Io {
  /** Results: standard output. */
  print(text: string): void
  /** News on the way to them: standard error. */
  note(text: string): void
  /** On a terminal: replace the line that was drawn last; '' removes it. */
  draw(text: string): void
  /** True when standard error is a terminal, so that a line may be drawn over. */
  readonly interactive: boolean
  /** Columns of the terminal; 80 elsewhere. */
  readonly columns: number
  /** Aborted when the user or the system asks the process to stop. */
  readonly stopped: AbortSignal
  /**
   * Call `listener` at each SIGHUP from now on, which then does not stop the process; on a terminal
   * it goes on doing that, since a terminal that is closed sends it.
   */
  onHangup(listener: () => void): void
}
