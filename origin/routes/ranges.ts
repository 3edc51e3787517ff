// POST /-/v1/ranges: many runs of bytes and hashes of many contents in one answer, for volunteers
// that complete what they have. What may be asked, and what it means, is prsync's.

import type { FastifyInstance } from 'fastify'
import {
  rangesAnswers,
  rangesAnswersEach,
  rangesFloorBytesPerSecond,
  rangesFloorMs,
  rangesRequestBytes,
  rangesWaiting,
  rangesWaitingEach,
} from '../../core/delta-limits.ts'
import { MirrorswarmError } from '../../core/errors.ts'
import { AnswerSlots, inSlot } from '../../delivery/answer-slots.ts'
import { defaultContentType } from '../../delivery/content-type.ts'
import { acceptsEncoding, sendStream } from '../../delivery/send-stream.ts'
import type { RangesAnswerer } from '../../prsync/ranges-answer.ts'
import type { OriginContext } from '../context.ts'
import { bytesOf, takeOver } from '../http.ts'

export interface RangesRoutesParts {
  readonly context: OriginContext
  readonly ranges: Pick<RangesAnswerer, 'answer'>
}

const busy = (): MirrorswarmError =>
  new MirrorswarmError('MS_ORIGIN_BUSY', 'the origin answers as many such requests as it may')

export const rangesRoutes = (app: FastifyInstance, parts: RangesRoutesParts): void => {
  const { context, ranges } = parts
  const { authority, gate, limiter, metrics, stopping, logger } = context
  const slots = new AnswerSlots({
    ...{ inSum: rangesAnswers, each: rangesAnswersEach },
    ...{ waiting: rangesWaiting, waitingEach: rangesWaitingEach },
  })

  app.post(
    '/-/v1/ranges',
    { bodyLimit: rangesRequestBytes, config: { access: 'self' } },
    (request, reply) => {
      const body = bytesOf(request)
      const { name } = authority.requireVolunteer(request.raw, body)
      const leaveGate = gate.enter('sync')
      if (leaveGate === null) throw busy()
      const enter = async (signal: AbortSignal): Promise<() => void> => {
        const leave = await slots.enter(name, signal)
        if (leave === null) throw busy()
        return leave
      }
      const open = (signal: AbortSignal): AsyncIterable<Uint8Array> =>
        inSlot(
          () => enter(signal),
          () => ranges.answer(body, signal),
        )
      takeOver(request, reply, logger, async () => {
        try {
          await sendStream(reply.raw, open, {
            headers: { 'content-type': defaultContentType, 'cache-control': 'no-store' },
            encoding: acceptsEncoding(request.headers['accept-encoding'], 'zstd')
              ? 'zstd'
              : 'identity',
            signal: stopping,
            floor: { bytesPerSecond: rangesFloorBytesPerSecond, graceMs: rangesFloorMs },
            onBytes: bytes => metrics.sent('sync', bytes),
            ...(!limiter.limitsFor('swarm')
              ? {}
              : { limiter: { take: (bytes, signal) => limiter.take(bytes, 'swarm', signal) } }),
          })
        } finally {
          leaveGate()
        }
      })
    },
  )
}
