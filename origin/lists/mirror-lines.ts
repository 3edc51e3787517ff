// Lists of servers that package managers keep: for apt's mirror method and dnf's mirrorlist. Volunteers
// are named by "/-/via/NAME/", since signed links expire and lists are kept.

import type { RepoPath, VolunteerName } from '../../core/ids.ts'

export interface ServerList {
  /** The origin's URL without a slash at its end. */
  readonly baseUrl: string
  /** The folder of the tree that is the client's repository. */
  readonly folder: RepoPath
  /** Volunteers, the one to try first in front. */
  readonly mirrors: readonly VolunteerName[]
}

const folderUrl = (base: string, folder: RepoPath): string =>
  folder === '' ? `${base}/` : `${base}/${folder}/`

/** The repository by each volunteer, then at the origin, which redirects as usual. */
export const serverUrls = ({ baseUrl, folder, mirrors }: ServerList): string[] => [
  ...mirrors.map(name => folderUrl(`${baseUrl}/-/via/${name}`, folder)),
  folderUrl(baseUrl, folder),
]

/**
 * For `mirror+http` (apt-transport-mirror(1), apt 1.6 and newer): indexes from the origin, packages
 * from one volunteer after the other, everything from the origin in the end. apt takes the smallest
 * priority first, and among equal ones any.
 */
export const renderAptMirrors = (list: ServerList): string => {
  const urls = serverUrls(list)
  const origin = urls.at(-1) ?? ''
  const packages = urls.slice(0, -1)
  const lines = [
    `${origin}\tpriority:1 type:index`,
    ...packages.map((url, index) => `${url}\tpriority:${index + 2} type:deb`),
    `${origin}\tpriority:${packages.length + 2}`,
  ]
  return `${lines.join('\n')}\n`
}

/** For dnf's and yum's `mirrorlist=`: one URL a line, best first. */
export const renderDnfMirrors = (list: ServerList): string => `${serverUrls(list).join('\n')}\n`
