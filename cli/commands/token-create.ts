// mirrorswarm token create: a token with which volunteers enrol. It is shown once and not stored.

import { systemClock } from '../../core/clock.ts'
import { formatDuration } from '../../core/units.ts'
import type { Io } from '../io.ts'
import { withOperator } from '../operator/open-operator.ts'
import type { Values } from '../option-spec.ts'
import type { optionTables } from '../options.ts'

type Options = Values<typeof optionTables.tokenCreate>

export const runTokenCreate = async (options: Options, io: Io): Promise<void> => {
  const { uses, trust, expires } = options
  const expiresMs = systemClock.nowMs() + expires
  const made = await withOperator(options, operator =>
    operator.createToken({ uses, trust, expiresMs }),
  )
  const expiresText = new Date(made.expiresMs).toISOString()
  if (options.json) {
    const { token } = made
    io.print(JSON.stringify({ token, uses: made.uses, expires: expiresText, trust: made.trust }))
    return
  }
  // The token alone on standard output, so that a script can take it.
  io.print(made.token)
  const times = made.uses === 1 ? 'once' : `${made.uses} times`
  io.note(`valid ${times} within ${formatDuration(expires)}, until ${expiresText}`)
}
