// Waiting without sleeping blindly: every wait has a deadline, and says what it waited for.

import { setTimeout as pause } from 'node:timers/promises'

/** The promise's value, or an error once `timeoutMs` have passed. */
export const waitAtMost = async <T>(
  promise: Promise<T>,
  timeoutMs: number,
  what: string,
): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what} took longer than ${Math.round(timeoutMs / 1000)} s`))
    }, timeoutMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

export interface WaitOptions {
  readonly timeoutMs?: number
  readonly everyMs?: number
  /** Added to the error when the deadline passes. */
  readonly details?: () => string | Promise<string>
}

/** Ask `condition` again and again until it gives something truthy, which is returned. */
export const waitUntil = async <T>(
  what: string,
  condition: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<NonNullable<T>> => {
  const timeoutMs = options.timeoutMs ?? 30_000
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = await condition()
    if (value) return value
    if (performance.now() > deadline) {
      const details = options.details === undefined ? '' : `\n${await options.details()}`
      throw new Error(`not within ${Math.round(timeoutMs / 1000)} s: ${what}${details}`)
    }
    await pause(options.everyMs ?? 50)
  }
}
