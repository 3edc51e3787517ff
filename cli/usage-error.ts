// Wrong usage: a mistake in the arguments, the environment or the configuration file. Exit status 2.

/** One line: what is wrong, and in parentheses what to do. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}
