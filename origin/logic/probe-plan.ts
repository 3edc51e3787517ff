// What a probe or an audit asks for: a part of a file, by a request that an ordinary client might
// have sent. Chance comes in as a value.

import type { Random } from '../../core/clock.ts'
import { sampleBytes } from '../../core/healing-limits.ts'

type HeaderName = 'User-Agent' | 'Accept' | 'Accept-Encoding' | 'Connection' | 'Range'
type Headers = readonly (readonly [name: HeaderName, value: string])[]

export interface ProbePlan {
  /** Those of a known program, in its spelling and order. */
  readonly headers: Headers
  /** Where the bytes begin. */
  readonly offset: number
  /** How many are read; the request may ask for more. */
  readonly length: number
  /** Whether a Range is among the headers. */
  readonly ranged: boolean
}

interface Program {
  readonly headers: Headers
  /** Whether it fetches bounded parts beside each other; others only resume. */
  readonly segments: boolean
}

const any = ['Accept', '*/*'] as const

/** Programs that fetch packages and images, as they introduce themselves. */
const programs: readonly Program[] = [
  { headers: [['User-Agent', 'Debian APT-HTTP/1.3 (2.6.1)']], segments: false },
  { headers: [['User-Agent', 'Debian APT-HTTP/1.3 (3.0.3)']], segments: false },
  { headers: [['User-Agent', 'Debian APT-HTTP/1.3 (2.7.14)']], segments: false },
  {
    headers: [['User-Agent', 'libdnf (Fedora Linux 42; server; Linux.x86_64)'], any],
    segments: false,
  },
  { headers: [['User-Agent', 'curl/7.88.1'], any], segments: false },
  { headers: [['User-Agent', 'curl/8.14.1'], any], segments: false },
  {
    headers: [
      ['User-Agent', 'Wget/1.21.3'],
      any,
      ['Accept-Encoding', 'identity'],
      ['Connection', 'Keep-Alive'],
    ],
    segments: false,
  },
  { headers: [['User-Agent', 'aria2/1.36.0'], any], segments: true },
]

const pick = <T>(list: readonly T[], random: Random): T =>
  list[Math.floor(random() * list.length)] as T

/**
 * A plan for a content. Small ones are fetched whole; of large ones a part from a random place,
 * as by a client that resumes (and is cut off when there is enough) or that fetches in segments.
 */
export const planProbe = (sizeBytes: number, random: Random): ProbePlan => {
  const { headers, segments } = pick(programs, random)
  if (sizeBytes <= sampleBytes) {
    return { headers, offset: 0, length: sizeBytes, ranged: false }
  }
  const length = Math.floor(sampleBytes * (0.25 + 0.75 * random()))
  const offset = Math.floor(random() * (sizeBytes - length + 1))
  const last = segments ? String(offset + length - 1) : ''
  const range = ['Range', `bytes=${offset}-${last}`] as const
  return { headers: [...headers, range], offset, length, ranged: true }
}

/** How long to wait before a probe, so that it does not follow on its reason. */
export const probeDelayMs = (mostMs: number, random: Random): number =>
  Math.floor(mostMs * (0.1 + 0.9 * random()))
