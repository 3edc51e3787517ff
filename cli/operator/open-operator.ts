// Finds the origin that a command acts on: at a URL, running on a data folder, or, when none runs,
// the data folder itself.

import { isMirrorswarmError } from '../../core/errors.ts'
import { UsageError } from '../usage-error.ts'
import type { Operator } from './operator.ts'

export interface OperatorChoice {
  readonly data: string | null
  readonly origin: string | null
  readonly operatorToken: string | null
}

/**
 * The folder itself if its lock is free, else the origin that holds the lock. In this order, since
 * a file that names a running origin may be left over, and the operator's token must not go to
 * whoever listens there now.
 */
const openDataFolder = async (dataDir: string): Promise<Operator> => {
  const { LocalOperator } = await import('./local-operator.ts')
  try {
    return await LocalOperator.open(dataDir)
  } catch (error) {
    if (!isMirrorswarmError(error, 'MS_DATA_LOCKED')) throw error
    const { findRunning } = await import('../../origin/data-folder.ts')
    const running = await findRunning(dataDir)
    if (running === null) throw error
    const { RemoteOperator } = await import('./remote-operator.ts')
    return new RemoteOperator({ ...running, anyCertificate: true })
  }
}

const open = async ({ data, origin, operatorToken }: OperatorChoice): Promise<Operator> => {
  if (data !== null && origin !== null) {
    throw new UsageError('--data and --origin exclude each other: which origin is meant?')
  }
  if (origin !== null) {
    const { RemoteOperator } = await import('./remote-operator.ts')
    return new RemoteOperator({ url: origin, operatorToken, anyCertificate: false })
  }
  if (data !== null) return openDataFolder(data)
  throw new UsageError(
    '--data DIR is missing: the origin’s data folder (or --origin URL with --operator-token)',
  )
}

/** Do `work` as the operator of the chosen origin. Throws UsageError when none is chosen. */
export const withOperator = async <T>(
  choice: OperatorChoice,
  work: (operator: Operator) => Promise<T>,
): Promise<T> => {
  const operator = await open(choice)
  try {
    return await work(operator)
  } finally {
    await operator.close()
  }
}
