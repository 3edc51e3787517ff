// Acts on a running origin over HTTP, as its operator.

import Type, { type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { type ErrorCode, errorTable, MirrorswarmError } from '../../core/errors.ts'
import { type HttpAnswer, HttpClient, type HttpRequest } from '../../core/http-client.ts'
import type { RepoPath } from '../../core/ids.ts'
import { publishAnswerMs } from '../../core/limits.ts'
import {
  ClientAnswer,
  ClientRow,
  type NewClientRequest,
  type NewMirrorRequest,
  type Operator,
  type OriginState,
  PruneSummary,
  type PublishRequest,
  PublishSummary,
  TokenAnswer,
  type VolunteerAction,
  VolunteerRow,
  type VolunteerSettings,
} from './operator.ts'

const ErrorBody = Type.Object({
  error: Type.Object({ code: Type.String(), message: Type.String() }),
})

const ReadyAnswer = Type.Object({ snapshot: Type.Union([Type.Integer(), Type.Null()]) })

const PublishAnswer = Type.Object({
  publishing: Type.Boolean(),
  problem: Type.Union([Type.Object({ code: Type.String(), message: Type.String() }), Type.Null()]),
})

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(errorTable, code)

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export interface RemoteOperatorOptions {
  readonly url: string
  /** Null: only what everybody may ask. */
  readonly operatorToken: string | null
  /** The origin was found on this machine by its own data folder: its certificate names others. */
  readonly anyCertificate: boolean
}

export class RemoteOperator implements Operator {
  readonly #url: string
  readonly #operatorToken: string | null
  readonly #http: HttpClient

  constructor(options: RemoteOperatorOptions) {
    this.#url = options.url.replace(/\/+$/, '')
    this.#operatorToken = options.operatorToken
    this.#http = new HttpClient({ anyCertificate: options.anyCertificate })
  }

  async state(): Promise<OriginState> {
    // Not ready (503) is an answer here: nothing is published yet.
    const answer = await this.#http.send(`${this.#url}/-/ready`)
    const ready = parseJson((await this.#http.read(answer)).toString('utf8'))
    if (!Value.Check(ReadyAnswer, ready)) {
      throw new MirrorswarmError('MS_ANSWER_INVALID', `${this.#url} is no origin of ours`)
    }
    const state = { url: this.#url, snapshot: ready.snapshot }
    if (this.#operatorToken === null) return { ...state, publishing: null, problem: null }
    const { publishing, problem } = await this.#ask(PublishAnswer, 'publish', {})
    return { ...state, publishing, problem }
  }

  publish({ allowShrink, signal }: PublishRequest): Promise<PublishSummary> {
    const timeoutMs = publishAnswerMs
    return this.#ask(PublishSummary, 'publish', {
      ...{ method: 'POST', timeoutMs, signal },
      body: JSON.stringify({ allowShrink }),
    })
  }

  prune({ keepMs, signal }: Parameters<Operator['prune']>[0]): Promise<PruneSummary> {
    const timeoutMs = publishAnswerMs
    return this.#ask(PruneSummary, 'prune', {
      ...{ method: 'POST', timeoutMs, signal },
      body: JSON.stringify({ keepMs }),
    })
  }

  createToken(request: object): Promise<TokenAnswer> {
    return this.#ask(TokenAnswer, 'tokens', { method: 'POST', body: JSON.stringify(request) })
  }

  addClient({ password, ...request }: NewClientRequest): Promise<ClientAnswer> {
    const body = JSON.stringify({ ...request, ...(password === null ? {} : { password }) })
    return this.#ask(ClientAnswer, 'clients', { method: 'POST', body })
  }

  async clients(): Promise<readonly ClientRow[]> {
    const List = Type.Object({ clients: Type.Array(ClientRow) })
    return (await this.#ask(List, 'clients', {})).clients
  }

  async revokeClient(name: string): Promise<void> {
    const body = JSON.stringify({ action: 'revoke' })
    await this.#ask(
      Type.Object({ revoked: Type.String() }),
      `clients/${encodeURIComponent(name)}`,
      {
        ...{ method: 'POST', body },
      },
    )
  }

  async volunteers(): Promise<readonly VolunteerRow[]> {
    const List = Type.Object({ volunteers: Type.Array(VolunteerRow) })
    return (await this.#ask(List, 'volunteers', {})).volunteers
  }

  addMirror(request: NewMirrorRequest): Promise<VolunteerRow> {
    const body = JSON.stringify(request)
    return this.#ask(VolunteerRow, 'volunteers', { method: 'POST', body })
  }

  async change(name: string, actions: readonly VolunteerAction[]): Promise<VolunteerRow> {
    const target = `volunteers/${encodeURIComponent(name)}`
    let row: VolunteerRow | undefined
    for (const action of actions) {
      row = await this.#ask(VolunteerRow, target, {
        method: 'POST',
        body: JSON.stringify({ action }),
      })
    }
    return row ?? (await this.#ask(VolunteerRow, target, {}))
  }

  settle(name: string, settings: VolunteerSettings): Promise<VolunteerRow> {
    const target = `volunteers/${encodeURIComponent(name)}`
    return this.#ask(VolunteerRow, target, { method: 'POST', body: JSON.stringify(settings) })
  }

  async remove(name: string): Promise<void> {
    const Removed = Type.Object({ removed: Type.String() })
    const body = JSON.stringify({ action: 'remove' })
    await this.#ask(Removed, `volunteers/${encodeURIComponent(name)}`, { method: 'POST', body })
  }

  async explain(path: RepoPath, from: string | null, json: boolean): Promise<string> {
    const asked = from === null ? '' : `&from=${encodeURIComponent(from)}`
    const answer = await this.#send(`explain?path=${path}${asked}`, {
      headers: { accept: json ? 'application/json' : 'text/plain' },
    })
    return (await this.#http.read(answer)).toString('utf8')
  }

  close(): Promise<void> {
    return this.#http.stop()
  }

  async #send(target: string, request: HttpRequest): Promise<HttpAnswer> {
    const answer = await this.#http.send(`${this.#url}/-/v1/${target}`, {
      ...request,
      headers: {
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.#operatorToken === null ? {} : { authorization: `Bearer ${this.#operatorToken}` }),
        ...request.headers,
      },
    })
    if (answer.status < 300) return answer
    const body = parseJson((await this.#http.read(answer)).toString('utf8'))
    if (Value.Check(ErrorBody, body) && isErrorCode(body.error.code)) {
      throw new MirrorswarmError(body.error.code, body.error.message)
    }
    throw new MirrorswarmError(
      'MS_ANSWER_INVALID',
      `${this.#url} answers with status ${answer.status}, as no origin does`,
    )
  }

  async #ask<T extends TSchema>(
    schema: T,
    target: string,
    request: HttpRequest,
  ): Promise<Static<T>> {
    const answer = await this.#send(target, request)
    const value = parseJson((await this.#http.read(answer)).toString('utf8'))
    if (Value.Check(schema, value)) return value as Static<T>
    throw new MirrorswarmError('MS_ANSWER_INVALID', `${this.#url} is no origin of ours`)
  }
}
