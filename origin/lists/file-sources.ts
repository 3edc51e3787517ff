// Where a file can be had: the one description that the mirror list, the metalink and the torrent
// of a file are made from.

import type { RepoPath, VolunteerName } from '../../core/ids.ts'
import type { Content } from '../../manifest/model.ts'
import type { Selection } from '../logic/select.ts'

export interface FileSources {
  /** The path that was asked for. */
  readonly path: RepoPath
  readonly content: Content
  readonly snapshot: number
  /** The origin's URL without a slash at its end. */
  readonly baseUrl: string
  /** Volunteers that could serve it, best first. */
  readonly mirrors: readonly VolunteerName[]
}

/** The volunteers that a selection would accept, the chosen one first. */
export const mirrorsOf = ({ chosen, accepted }: Selection): VolunteerName[] => {
  const first = chosen?.candidate.name
  const others = accepted.map(({ candidate }) => candidate.name).filter(name => name !== first)
  return first === undefined ? others : [first, ...others]
}

/** The file at the origin, which redirects to a volunteer if it can. */
export const fileUrl = ({ baseUrl, path }: FileSources): string => `${baseUrl}/${path}`

/** By this URL the origin redirects to that volunteer, as long as it may serve the file. */
export const mirrorUrl = ({ baseUrl, path }: FileSources, name: VolunteerName): string =>
  `${baseUrl}/-/via/${name}/${path}`

/** The origin itself, without a redirect. */
export const directUrl = (sources: FileSources): string => `${fileUrl(sources)}?direct`
