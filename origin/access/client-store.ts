// Who may read when the origin asks: names, hashes of secrets, networks, paths, in a small database
// of their own. What another process changes is seen with the next question, so revoking works at once.

import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { accessClients, clientRules, clientSecretCharacters } from '../../core/access-limits.ts'
import { MirrorswarmError } from '../../core/errors.ts'
import { databaseBusyMs } from '../../core/limits.ts'
import { type Network, parseNetwork } from '../../core/networks.ts'
import { parseRights, type Rights } from '../logic/rights.ts'
import { hashChosen, hashMade, makeSecret } from './secrets.ts'

export interface AccessClient {
  /** Never used again, so that a new client of an old name is another one. */
  readonly id: number
  readonly name: string
  /** Null: known by its networks. */
  readonly secretHash: string | null
  readonly rights: Rights
  readonly networks: readonly Network[]
  /** Milliseconds since 1970. */
  readonly createdMs: number
}

export interface NewClient {
  readonly name: string
  /** None: everything. */
  readonly paths: readonly string[]
  /** With networks, a client is known by its address and has no secret. */
  readonly networks: readonly string[]
  /** Null: one is made, unless there are networks. */
  readonly password: string | null
}

/** What is told of a client; the secret only once, when it was made. */
export interface ClientView {
  readonly name: string
  /** With slashes in front; ["/"]: everything. */
  readonly paths: readonly string[]
  readonly networks: readonly string[]
  readonly hasSecret: boolean
  readonly createdMs: number
}

export type CreatedClient = ClientView & {
  readonly secret: string | null
  /** For "Authorization: Bearer". */
  readonly bearer: string | null
}

const formatVersion = 1

export const isClientName = (text: string): boolean =>
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text)

const invalid = (message: string): MirrorswarmError =>
  new MirrorswarmError('MS_CONFIG_INVALID', message)

export const clientView = (client: AccessClient): ClientView => ({
  name: client.name,
  paths: client.rights.prefixes?.map(prefix => `/${prefix}`) ?? ['/'],
  networks: client.networks.map(({ text }) => text),
  hasSecret: client.secretHash !== null,
  createdMs: client.createdMs,
})

const check = (client: NewClient): Rights => {
  const { name, paths, networks, password } = client
  if (!isClientName(name)) {
    throw invalid(`"${name}" is no name of a client: letters, digits, ".", "_" and "-", at most 63`)
  }
  if (paths.length > clientRules || networks.length > clientRules) {
    throw invalid(`a client has at most ${clientRules} paths and ${clientRules} networks`)
  }
  if (password !== null && (password.length < 8 || password.length > clientSecretCharacters)) {
    throw invalid(`a password has 8 to ${clientSecretCharacters} characters`)
  }
  if (password !== null && networks.length > 0) {
    throw invalid('a client is known by its networks or by a password: make two')
  }
  networks.forEach(parseNetwork)
  const rights = parseRights(paths)
  if (rights === null) throw invalid(`"${paths.join('", "')}" are not all paths`)
  return rights
}

export class ClientStore {
  readonly #database: DatabaseSync
  readonly #version: StatementSync
  #dataVersion: unknown = null
  #clients: ReadonlyMap<string, AccessClient> = new Map()

  constructor(file: string) {
    this.#database = new DatabaseSync(file, { timeout: databaseBusyMs })
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    const row = this.#database.prepare('PRAGMA user_version').get()
    if (Number(row?.user_version ?? 0) > formatVersion) {
      this.#database.close()
      throw new MirrorswarmError('MS_DATA_CORRUPT', `${file} was written by a newer version`)
    }
    this.#database.exec(
      `CREATE TABLE IF NOT EXISTS clients (id INTEGER PRIMARY KEY AUTOINCREMENT,
         name TEXT NOT NULL UNIQUE, secret TEXT, paths TEXT NOT NULL, networks TEXT NOT NULL,
         created_ms INTEGER NOT NULL) STRICT;
       PRAGMA user_version = ${formatVersion}`,
    )
    this.#version = this.#database.prepare('PRAGMA data_version')
    this.#load()
  }

  /** All clients by name, as they are now; another map whenever they may have changed. */
  get clients(): ReadonlyMap<string, AccessClient> {
    if (this.#version.get()?.data_version !== this.#dataVersion) this.#load()
    return this.#clients
  }

  list(): ClientView[] {
    return [...this.clients.values()].map(clientView)
  }

  /** Make a client. Its secret cannot be shown again. Throws MS_CONFIG_INVALID, MS_NAME_TAKEN. */
  async add(client: NewClient, nowMs: number): Promise<CreatedClient> {
    const { name, networks, password } = client
    const { prefixes } = check(client)
    const byNetwork = networks.length > 0
    const secret = byNetwork ? null : (password ?? makeSecret())
    const hash =
      secret === null ? null : password === null ? hashMade(secret) : await hashChosen(secret)
    if (this.clients.has(name)) {
      throw new MirrorswarmError('MS_NAME_TAKEN', `there is a client called ${name} already`)
    }
    if (this.clients.size >= accessClients) throw invalid(`there are ${accessClients} clients`)
    this.#database
      .prepare(
        `INSERT INTO clients (name, secret, paths, networks, created_ms) VALUES (?, ?, ?, ?, ?)`,
      )
      .run(name, hash, JSON.stringify(prefixes ?? []), JSON.stringify(networks), nowMs)
    this.#load()
    const made = this.#clients.get(name)
    if (made === undefined) throw new MirrorswarmError('MS_INTERNAL', 'a client was not stored')
    const shown = password === null ? secret : null
    return { ...clientView(made), secret: shown, bearer: shown && `${name}.${shown}` }
  }

  /** False when there is no client of that name. */
  revoke(name: string): boolean {
    const { changes } = this.#database.prepare('DELETE FROM clients WHERE name = ?').run(name)
    this.#load()
    return changes > 0
  }

  close(): void {
    this.#database.close()
  }

  #load(): void {
    this.#dataVersion = this.#version.get()?.data_version
    const rows = this.#database.prepare('SELECT * FROM clients ORDER BY name').all()
    const clients = new Map<string, AccessClient>()
    for (const row of rows) {
      const name = String(row.name)
      const rights = parseRights(JSON.parse(String(row.paths)))
      if (rights === null) throw new MirrorswarmError('MS_DATA_CORRUPT', `the paths of ${name}`)
      clients.set(name, {
        id: Number(row.id),
        name,
        secretHash: row.secret === null ? null : String(row.secret),
        rights,
        networks: (JSON.parse(String(row.networks)) as string[]).map(parseNetwork),
        createdMs: Number(row.created_ms),
      })
    }
    this.#clients = clients
  }
}
