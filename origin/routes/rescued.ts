// A request that came under a volunteer's rescue name: its client could not reach the volunteer, or
// merely tried the origin's address first. The link is as good here as there.

import { bouncesEach, bounceUses } from '../../core/healing-limits.ts'
import type { VolunteerName } from '../../core/ids.ts'
import type { Content } from '../../manifest/model.ts'
import type { Admission } from '../bounces.ts'
import type { Exchange, OriginContext } from '../context.ts'
import type { FoundFile } from '../found-file.ts'

export type Rescue =
  | {
      readonly kind: 'send-on'
      readonly name: VolunteerName
      readonly location: string
      readonly content: Content
    }
  | { readonly kind: 'serve'; readonly content: Content; readonly admission: Admission }

/** What to do with it; null: it is a request like any other. */
export const rescue = async (
  context: OriginContext,
  exchange: Exchange,
  file: FoundFile,
): Promise<Rescue | null> => {
  const { rescueNames: names } = context
  const { request, client, queryText } = exchange
  const rescued = names?.nameIn(request.headers.host) ?? null
  if (names === null || rescued === null) return null
  const sha256 = names.linkedContent(rescued.name, file.path, queryText)
  // A path may lead elsewhere since the link was made; the link means what it meant.
  const content = sha256 === null ? null : context.bodies.reader.contentByHash(sha256)
  if (content === null) return null
  const base = rescued.only ? null : await names.sendOn(client, rescued.name, file.path)
  if (base !== null) {
    const location = `${base}/${file.path}?${queryText}`
    return { kind: 'send-on', name: rescued.name, location, content }
  }
  context.onRepeat(rescued.name, { path: file.path, content })
  const shares = [
    { key: rescued.name, most: bouncesEach },
    { key: `${rescued.name} ${queryText}`, most: bounceUses },
  ]
  return { kind: 'serve', content, admission: { admission: 'bounce', shares } }
}
