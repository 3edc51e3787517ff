// mirrorswarm client …: who may read, where the origin requires credentials. A secret is shown once,
// when it is made, and not stored.

import { readFile } from 'node:fs/promises'
import { describeError, MirrorswarmError } from '../../core/errors.ts'
import type { Io } from '../io.ts'
import { withOperator } from '../operator/open-operator.ts'
import type { ClientRow } from '../operator/operator.ts'
import type { Values } from '../option-spec.ts'
import type { optionTables } from '../options.ts'
import { textTable } from '../text-table.ts'

type AddOptions = Values<typeof optionTables.clientAdd>
type ListOptions = Values<typeof optionTables.clientList>
type OneOptions = Values<typeof optionTables.oneClient>

const columns = [
  { title: 'NAME' },
  { title: 'KNOWN BY' },
  { title: 'MAY READ' },
  { title: 'SINCE' },
] as const

/** The table of client list. */
export const renderClients = (rows: readonly ClientRow[]): string =>
  rows.length === 0
    ? 'there is no client (mirrorswarm client add makes one)'
    : textTable(
        columns,
        rows.map(row => [
          row.name,
          row.hasSecret ? 'secret' : row.networks.join(' '),
          row.paths.join(' '),
          new Date(row.createdMs).toISOString().slice(0, 10),
        ]),
      )

const readPassword = async (file: string): Promise<string> => {
  try {
    return (await readFile(file, 'utf8')).split(/\r?\n/, 1)[0] ?? ''
  } catch (error) {
    const message = `cannot read ${file} (${describeError(error)})`
    throw new MirrorswarmError('MS_CONFIG_INVALID', message, { cause: error })
  }
}

/** mirrorswarm client add NAME */
export const runClientAdd = async (options: AddOptions, io: Io): Promise<void> => {
  const { name, path: paths, network: networks, passwordFile } = options
  const password = passwordFile === null ? null : await readPassword(passwordFile)
  const made = await withOperator(options, operator =>
    operator.addClient({ name, paths, networks, password }),
  )
  if (options.json) {
    io.print(JSON.stringify(made, null, 2))
    return
  }
  // The secret alone on standard output, so that a script can take it.
  if (made.secret !== null) io.print(made.secret)
  const known = made.secret !== null ? 'this secret, which is not shown again' : null
  const by = known ?? (made.hasSecret ? 'its password' : `its address in ${networks.join(', ')}`)
  io.note(`${name} may read ${made.paths.join(', ')} and is known by ${by}`)
}

/** mirrorswarm client list */
export const runClientList = async (options: ListOptions, io: Io): Promise<void> => {
  const rows = await withOperator(options, operator => operator.clients())
  io.print(options.json ? JSON.stringify({ clients: rows }, null, 2) : renderClients(rows))
}

/** mirrorswarm client revoke NAME */
export const runClientRevoke = async (options: OneOptions, io: Io): Promise<void> => {
  const { name } = options
  await withOperator(options, operator => operator.revokeClient(name))
  if (options.json) io.print(JSON.stringify({ revoked: name }))
  else io.note(`${name} may read no more`)
}
