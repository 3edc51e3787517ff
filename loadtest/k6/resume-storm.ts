// A line that many share broke: each user has the beginning of an image, and all resume at the same
// moment, by Range and If-Range, from whichever volunteer they are sent to now. Run by k6.

import { sleep } from 'k6'
import { createHash } from 'k6/crypto'
import exec from 'k6/execution'
import type { Options } from 'k6/options'
import { type Answer, ask, thresholds, withSecondTry } from './client.ts'
import { drawOf, type WorkloadFile } from './workload.ts'

const originUrl = __ENV.ORIGIN_URL ?? ''
const barrierSeconds = Number(__ENV.SECONDS ?? '20') / 2

export const options: Options = {
  scenarios: {
    storm: {
      executor: 'per-vu-iterations',
      exec: 'user',
      vus: Number(__ENV.USERS ?? '400'),
      iterations: 1,
      maxDuration: '180s',
    },
  },
  thresholds,
}

const waitForAll = (): void => {
  const leftMs = exec.scenario.startTime + barrierSeconds * 1_000 - Date.now()
  if (leftMs > 0) sleep(leftMs / 1_000)
}

const joined = (file: WorkloadFile, first: ArrayBuffer, rest: ArrayBuffer): boolean => {
  const hash = createHash('sha256')
  hash.update(first)
  hash.update(rest)
  return file.sha256.includes(hash.digest('hex'))
}

export const user = (): void => {
  const file = drawOf('image')
  const url = `${originUrl}/${file.path}`
  const cut = 1 + Math.floor(Math.random() * (file.sizeBytes - 2))
  let begun: Answer | null = null
  const began = withSecondTry(() => {
    const answer = ask(url, { range: { first: 0, last: cut - 1, etag: '' } })
    begun = answer
    return { ok: answer.status === 206 && answer.body?.byteLength === cut, answer }
  })
  waitForAll()
  const { body, etag } = (begun ?? {}) as { body?: ArrayBuffer; etag?: string }
  if (!began || body === undefined || etag === undefined) return
  withSecondTry(() => {
    const answer = ask(url, { range: { first: cut, last: null, etag } })
    const ok = answer.status === 206 && answer.body !== null && joined(file, body, answer.body)
    return { ok, answer }
  })
}
