// For tests: reads indexes as package managers do: the signed entry point first, then what it names,
// each checked by hash. Thousands of runs take seconds, since there is nothing around it.

import { Agent, get, type IncomingMessage } from 'node:http'
import { posix } from 'node:path'
import { sha256Hex } from '../../core/keys.ts'

export const formats = ['dists', 'flat', 'rpm', 'pacman'] as const
export type Format = (typeof formats)[number]

/** How a client appears to the origin. */
export interface Identity {
  readonly userAgent: () => string
  /** One connection for a run, or one for each request. */
  readonly keepsConnection: boolean
  /** Redirect-free, as clients that come back from a volunteer. */
  readonly direct?: boolean
}

interface Answer {
  readonly status: number
  readonly etag: string | undefined
  readonly body: Buffer
}

/** What is named by an entry point: paths below `base`, and the hash that each must have. */
interface Named {
  readonly path: string
  readonly sha256: string
}

const entryPoints: Readonly<Record<Format, string>> = {
  dists: 'dists/fast/InRelease',
  flat: 'flat/Release',
  rpm: 'rpm/repodata/repomd.xml',
  pacman: 'core/os/x86_64/core.db',
}

const namedByRelease = (folder: string, text: string): Named[] => {
  const isByHash = text.includes('Acquire-By-Hash: yes')
  return [...text.matchAll(/^ ([0-9a-f]{64}) +\d+ +(\S+)$/gm)].flatMap(
    ([, sha256 = '', name = '']) => {
      const path = `${folder}/${name}`
      const byHash = `${posix.dirname(path)}/by-hash/SHA256/${sha256}`
      const both = isByHash && name.endsWith('/Packages')
      return [{ path, sha256 }, ...(both ? [{ path: byHash, sha256 }] : [])]
    },
  )
}

const namedByRepomd = (text: string): Named[] =>
  [...text.matchAll(/<checksum type="sha256">(\w+)<\/checksum><location href="([^"]+)"/g)].map(
    ([, sha256 = '', href = '']) => ({ path: `rpm/${href}`, sha256 }),
  )

/** The file whose bytes are the hash of the entry point: it stands for a signature. */
const signatureOf: Readonly<Record<Format, string | null>> = {
  dists: null,
  flat: 'flat/Release.gpg',
  rpm: 'rpm/repodata/repomd.xml.asc',
  pacman: 'core/os/x86_64/core.db.sig',
}

const namedBy = (format: Format, body: Buffer): Named[] => {
  const text = body.toString()
  if (format === 'rpm') return namedByRepomd(text)
  return format === 'pacman' ? [] : namedByRelease(posix.dirname(entryPoints[format]), text)
}

export class IndexReader {
  readonly #url: string
  readonly #identity: Identity
  /** Entry points as they were got last, for conditional requests. */
  readonly #known = new Map<Format, Answer>()
  conditionalHits = 0

  constructor(url: string, identity: Identity) {
    this.#url = url
    this.#identity = identity
  }

  #get(path: string, agent: Agent | false, headers: Record<string, string> = {}): Promise<Answer> {
    const { userAgent, direct = false } = this.#identity
    const target = `${this.#url}/${path}${direct ? '?direct' : ''}`
    return new Promise((resolve, reject) => {
      const sent = get(
        target,
        { agent, headers: { ...headers, 'user-agent': userAgent() } },
        (answer: IncomingMessage) => {
          const parts: Buffer[] = []
          answer.on('data', part => parts.push(part))
          answer.on('error', reject)
          answer.on('end', () => {
            const { statusCode: status = 0, headers } = answer
            resolve({ status, etag: headers.etag, body: Buffer.concat(parts) })
          })
        },
      )
      sent.setTimeout(30_000, () => sent.destroy(new Error(`${path} takes too long`)))
      sent.on('error', reject)
    })
  }

  async #entry(format: Format, agent: Agent | false): Promise<Answer> {
    const known = this.#known.get(format)
    const etag = known?.etag
    const headers = etag === undefined ? {} : { 'if-none-match': etag }
    const answer = await this.#get(entryPoints[format], agent, headers)
    if (answer.status === 304 && known !== undefined) {
      this.conditionalHits += 1
      return known
    }
    if (answer.status !== 200) throw new Error(`${entryPoints[format]}: ${answer.status}`)
    this.#known.set(format, answer)
    return answer
  }

  /** One update; `pause` comes between the entry point and the rest. What did not fit is the answer. */
  async update(format: Format, pause: () => Promise<void>): Promise<string[]> {
    const agent = this.#identity.keepsConnection
      ? new Agent({ keepAlive: true, maxSockets: 1 })
      : false
    try {
      const entry = await this.#entry(format, agent)
      await pause()
      const mixed: string[] = []
      const signature = signatureOf[format]
      if (signature !== null) {
        const answer = await this.#get(signature, agent)
        if (answer.body.toString() !== sha256Hex(entry.body)) mixed.push(signature)
      }
      for (const { path, sha256 } of namedBy(format, entry.body)) {
        const answer = await this.#get(path, agent)
        const fits = answer.status === 200 && sha256Hex(answer.body) === sha256
        if (!fits) mixed.push(`${path} (${answer.status})`)
      }
      return mixed
    } finally {
      if (agent !== false) agent.destroy()
    }
  }
}
