// What one download by an unmodified client is, in k6: ask the origin, go where it sends, compare the
// SHA-256, and when that failed do what users do: ask the origin once more. Credentials go to the
// origin alone. Run by k6, not by Node.

import { sleep } from 'k6'
import { sha256 } from 'k6/crypto'
import exec from 'k6/execution'
import http from 'k6/http'
import { Counter, Trend } from 'k6/metrics'
import type { WorkloadFile } from './workload.ts'

/** Downloads that were begun; each ends in exactly one of the three below. */
const downloads = new Counter('downloads')
const completeAtOnce = new Counter('downloads_complete_at_once')
const completeAtSecondTry = new Counter('downloads_complete_at_second_try')
const failedTwice = new Counter('downloads_failed_twice')
/** Answers of the right status whose bytes were not the file's. */
const wrongBytes = new Counter('wrong_answers')
const bytesFromOrigin = new Counter('bytes_from_origin')
const bytesFromVolunteers = new Counter('bytes_from_volunteers')
/** The origin's own answer, milliseconds until its head is there. */
const decision = new Trend('decision_duration', true)
/** From the first request to the last verified byte, second try included, milliseconds. */
const download = new Trend('download_duration', true)

const originUrl = __ENV.ORIGIN_URL ?? ''
/** Volunteers may send a client back, and the origin elsewhere: no longer chain is right. */
const mostHops = 5
const longestWaitSeconds = 10
/** Of one answer: a machine that is fully loaded is slow, not broken. */
const answerTimeout = '120s'

// A redirect is an answer, not an error; k6 counts the others as failed requests.
http.setResponseCallback(http.expectedStatuses({ min: 200, max: 399 }))

export interface Asking {
  /** Sent to the origin only. */
  readonly authorization?: string
  /** Of the range that is asked for: its first byte, its last one or none, and the validator. */
  readonly range?: { readonly first: number; readonly last: number | null; readonly etag: string }
  /** Connect to another port than the URL says, as a slow line in between. */
  readonly ports?: Readonly<Record<string, string>>
}

export interface Answer {
  /** 0: there was none. */
  readonly status: number
  readonly body: ArrayBuffer | null
  readonly etag: string
  readonly retryAfterSeconds: number
  /** What went wrong on the way, or empty. */
  readonly error: string
}

const hostOf = (url: string): string => url.split('/')[2] ?? ''

/** One header without regard to how k6 writes its name. */
const headerOf = (headers: Readonly<Record<string, string>>, name: string): string => {
  for (const key in headers) if (key.toLowerCase() === name) return headers[key] ?? ''
  return ''
}

/** As the user wants the origin to see where it comes from; k6's --local-ips does it otherwise. */
const forwarded: Record<string, string> =
  __ENV.FORWARDED_FOR === undefined ? {} : { 'X-Forwarded-For': __ENV.FORWARDED_FOR }

let agent = 'k6'

/**
 * From now on this virtual user is another person: an origin tells clients apart by address and
 * User-Agent, and takes who asks for a file again for somebody whose download failed.
 */
export const becomeAnother = (): void => {
  agent = `k6-${exec.vu.idInTest}-${exec.vu.iterationInScenario}`
}

const headersFor = (url: string, asking: Asking): Record<string, string> => {
  const headers: Record<string, string> = { 'User-Agent': agent }
  if (hostOf(url) === hostOf(originUrl)) {
    Object.assign(headers, forwarded)
    if (asking.authorization !== undefined) headers.Authorization = asking.authorization
  }
  if (asking.range !== undefined) {
    headers.Range = `bytes=${asking.range.first}-${asking.range.last ?? ''}`
    if (asking.range.etag !== '') headers['If-Range'] = asking.range.etag
  }
  if (asking.ports?.[hostOf(url).split(':')[1] ?? ''] !== undefined) headers.Host = hostOf(url)
  return headers
}

const addressOf = (url: string, ports: Asking['ports']): string => {
  const port = hostOf(url).split(':')[1] ?? ''
  const other = ports?.[port]
  return other === undefined ? url : url.replace(`:${port}/`, `:${other}/`)
}

/** Ask for `url` and follow redirects to the answer that has the bytes. */
export const ask = (url: string, asking: Asking = {}): Answer => {
  let target = url
  for (let hop = 0; hop < mostHops; hop++) {
    const byOrigin = hostOf(target) === hostOf(originUrl)
    const answer = http.get(addressOf(target, asking.ports), {
      redirects: 0,
      responseType: 'binary',
      timeout: answerTimeout,
      headers: headersFor(target, asking),
      tags: { name: byOrigin ? 'origin' : 'volunteer' },
    })
    if (hop === 0) decision.add(answer.timings.waiting)
    const body = answer.body
    const received = body === null ? 0 : body.byteLength
    if (byOrigin) bytesFromOrigin.add(received)
    else bytesFromVolunteers.add(received)
    const location = headerOf(answer.headers, 'location')
    if (answer.status >= 300 && answer.status < 400 && location !== '') {
      target = location.startsWith('/') ? `${originUrl}${location}` : location
      continue
    }
    return {
      status: answer.status,
      body,
      etag: headerOf(answer.headers, 'etag'),
      retryAfterSeconds: Number(headerOf(answer.headers, 'retry-after')) || 0,
      error: answer.error,
    }
  }
  return { status: 0, body: null, etag: '', retryAfterSeconds: 0, error: 'too many redirects' }
}

/** Whether these are the bytes of the file; counted when they are not. */
export const isRight = (file: WorkloadFile, body: ArrayBuffer | null): boolean => {
  if (body !== null && file.sha256.includes(sha256(body, 'hex'))) return true
  wrongBytes.add(1)
  return false
}

/** Wait as a refusal asks for, but not for ever; without being asked a moment. */
export const pauseAfter = (answer: Answer): void =>
  sleep(Math.min(longestWaitSeconds, answer.retryAfterSeconds || 0.2))

/**
 * Do `attempt` and, when it fails, once more; returns whether one of them gave the file. All counters
 * of downloads are kept here.
 */
export const withSecondTry = (attempt: () => { ok: boolean; answer: Answer }): boolean => {
  const startMs = Date.now()
  downloads.add(1)
  const first = attempt()
  if (first.ok) {
    completeAtOnce.add(1)
    download.add(Date.now() - startMs)
    return true
  }
  pauseAfter(first.answer)
  const second = attempt()
  if (second.ok) {
    completeAtSecondTry.add(1)
    download.add(Date.now() - startMs)
    return true
  }
  failedTwice.add(1)
  console.error(
    `failed twice: ${first.answer.status} ${first.answer.error}, ${second.answer.status} ${second.answer.error}`,
  )
  return false
}

/** A whole file from the origin's URL. */
export const fetchFile = (file: WorkloadFile, asking: Asking = {}): boolean =>
  withSecondTry(() => {
    const answer = ask(`${originUrl}/${file.path}`, asking)
    return { ok: answer.status === 200 && isRight(file, answer.body), answer }
  })

/** What each scenario holds k6 to; more is checked where the report is made. */
export const thresholds = {
  wrong_answers: ['count==0'],
  downloads_failed_twice: ['count==0'],
  downloads: ['count>0'],
}
