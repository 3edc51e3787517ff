// Who may read what under a rescue name where clients need credentials: whoever has a genuine link may
// read what it links to, here as at the volunteer. Clients send no credentials to such a name, and are
// not asked for any: the next connection by that name may be the volunteer's.

import type { IncomingMessage } from 'node:http'
import { parseRequestPath } from '../core/repo-path.ts'
import { originalTarget } from './http.ts'
import { splitTarget } from './logic/public-url.ts'
import type { Rights } from './logic/rights.ts'
import type { RescueNames } from './rescue-names.ts'

/** What a request's link lets it read; 'nothing': it has no good one; null: by an ordinary name. */
export type LinkRights = (request: IncomingMessage) => Rights | 'nothing' | null

/** `prefix`: the path of the origin's public URL. */
export const linkRights =
  (names: Pick<RescueNames, 'nameIn' | 'linkedContent'>, prefix: string): LinkRights =>
  request => {
    const rescued = names.nameIn(request.headers.host)
    if (rescued === null) return null
    const { raw, query } = splitTarget(originalTarget(request), prefix)
    const parsed = parseRequestPath(raw)
    if (!parsed.ok || parsed.directory) return 'nothing'
    const linked = names.linkedContent(rescued.name, parsed.path, query)
    return linked === null ? 'nothing' : { prefixes: [parsed.path] }
  }
