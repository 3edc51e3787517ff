// The Link header of answers for files: the same text wherever it is made, and to whom it is not sent.

import type { RepoPath, VolunteerName } from '../core/ids.ts'

/** RFC 6249, RFC 5854: where the file's metalink is. `base`: see Exchange. */
export const describedBy = (base: string, path: RepoPath): string =>
  `<${base}/${path}.meta4>; rel=describedby; type="application/metalink4+xml"`

/** RFC 6249: where else the same bytes are, few, for every header costs; and the metalink. */
export const linkHeader = (
  base: string,
  path: RepoPath,
  duplicates: readonly VolunteerName[],
): string => {
  let links = ''
  for (let index = 0; index < duplicates.length; index++) {
    links += `<${base}/-/via/${duplicates[index]}/${path}>; rel=duplicate; pri=${index + 1}, `
  }
  return links + describedBy(base, path)
}

/**
 * Whether a redirect to this client carries links. wget2 goes by them and leaves Location
 * aside, but follows no redirect on the way: it ends without the file, or asks without end.
 */
export const followsLinks = (userAgent: string | undefined): boolean =>
  userAgent?.startsWith('wget2/') !== true
