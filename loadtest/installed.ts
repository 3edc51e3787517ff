// What the programs run with when they are installed: the environment that deploy/systemd/ gives them,
// so that what is measured is what a user has.

import { readFileSync } from 'node:fs'

/** Variables of the unit's `Environment=` lines. */
export const installedEnvironment = (role: 'origin' | 'volunteer'): Record<string, string> => {
  const file = new URL(`../deploy/systemd/mirrorswarm-${role}.service`, import.meta.url)
  const lines = readFileSync(file, 'utf8').matchAll(/^Environment=(.*)$/gm)
  const pairs = [...lines].flatMap(([, line = '']) => line.split(' '))
  return Object.fromEntries(pairs.map(pair => pair.split(/=(.*)/, 2) as [string, string]))
}
