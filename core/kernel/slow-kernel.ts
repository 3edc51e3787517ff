// Says at the start of a daemon that WebAssembly cannot be used: everything works, but many times
// slower, and nobody would know why.

import { describeError } from '../errors.ts'
import type { Logger } from '../log.ts'
import { kernelProblem } from './kernel.ts'

export const warnOfSlowKernel = (logger: Logger): void => {
  if (kernelProblem === null) return
  const error = describeError(kernelProblem)
  logger.warn(
    { error },
    'chunks are hashed and searched slowly: the WebAssembly kernel cannot be used',
  )
}
