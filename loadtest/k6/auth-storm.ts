// An origin that asks for credentials: users with the right ones come together with a crowd that
// guesses, and with such as have none. The first must not suffer, the others get nothing. Run by k6.

import { sleep } from 'k6'
import { b64encode } from 'k6/encoding'
import exec from 'k6/execution'
import { Counter } from 'k6/metrics'
import type { Options } from 'k6/options'
import { ask, becomeAnother, fetchFile, thresholds } from './client.ts'
import { credentials, drawFile } from './workload.ts'

/** Requests without right credentials, and those of them that got anything but a refusal. */
const refusals = new Counter('refusals')
const letIn = new Counter('let_in_wrongly')

const originUrl = __ENV.ORIGIN_URL ?? ''
const seconds = Number(__ENV.SECONDS ?? '30')
const users = Number(__ENV.USERS ?? '300')
const refused = [401, 403, 429]

const crowd = (exec: string, share: number) => ({
  executor: 'constant-vus' as const,
  exec,
  vus: Math.max(1, Math.round(users * share)),
  duration: `${seconds}s`,
  gracefulStop: '60s',
})

export const options: Options = {
  scenarios: {
    known: crowd('knownUser', 0.7),
    guessing: crowd('guesser', 0.2),
    unknown: crowd('stranger', 0.1),
  },
  thresholds: { ...thresholds, let_in_wrongly: ['count==0'], refusals: ['count>0'] },
}

const basic = (user: string, secret: string): string => `Basic ${b64encode(`${user}:${secret}`)}`

const mine = (): { user: string; secret: string } => {
  const one = credentials[exec.vu.idInTest % credentials.length]
  if (one === undefined) throw new Error('the workload has no credentials')
  return one
}

/** One credential is a whole department's, whose machines come one after the other. */
export const knownUser = (): void => {
  becomeAnother()
  const { user, secret } = mine()
  fetchFile(drawFile(), { authorization: basic(user, secret) })
}

const mustBeRefused = (authorization?: string): void => {
  const url = `${originUrl}/${drawFile().path}`
  const answer = ask(url, authorization === undefined ? {} : { authorization })
  refusals.add(1)
  if (!refused.includes(answer.status)) {
    letIn.add(1)
    console.error(`let in: ${answer.status} ${answer.error}`)
  }
  sleep(0.2)
}

export const guesser = (): void => {
  mustBeRefused(basic(mine().user, `guess-${Math.random()}`))
}

export const stranger = (): void => {
  mustBeRefused()
}
