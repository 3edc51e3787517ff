// What the owner of a new volunteer pastes into a shell. README.md shows the same lines; a test runs
// them as they are.

/** Below the origin's URL: what `npm pack` made of mirrorswarm, where the operator offers it. */
export const packagePath = '/-/mirrorswarm.tgz'

export interface Enrolling {
  /** How others reach the origin, without trailing slash. */
  readonly url: string
  readonly token: string
  /** The origin serves `packagePath`. */
  readonly offered: boolean
  readonly mirror: string
}

/**
 * The lines: install, if the origin offers what is needed, and start. Node 24 comes with it, for
 * machines that have an older one.
 */
export const enrolmentLines = ({ url, token, offered, mirror }: Enrolling): readonly string[] => {
  const start = `npx mirrorswarm volunteer ${mirror} --origin ${url}/ --token ${token}`
  if (!offered) return [start]
  return [`npm install --prefix mirrorswarm node@24 ${url}${packagePath} && cd mirrorswarm`, start]
}
