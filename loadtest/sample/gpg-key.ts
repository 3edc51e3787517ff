// A throw-away OpenPGP key in a home of its own, for signing sample repositories. It never touches
// the user's key ring, and its agent is stopped with it.

import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { cleanAtExit, temporaryFolder } from '../leftovers.ts'
import { plainEnvironment, runOrThrow } from '../programs.ts'

export interface GpgKey {
  /** The public key as a binary key ring, for apt's signed-by. */
  exportTo(file: string): Promise<void>
  /** Write the clear-signed copy of `input` (as InRelease). */
  clearSign(input: string, output: string): Promise<void>
  /** Write the armoured detached signature of `input` (as Release.gpg). */
  detachSign(input: string, output: string): Promise<void>
  close(): void
}

export const createGpgKey = async (): Promise<GpgKey> => {
  // Directly under the temporary folder: the agent's socket names must stay under 108 bytes.
  const home = temporaryFolder('gpg')
  chmodSync(home.path, 0o700)
  const env = plainEnvironment({ GNUPGHOME: home.path })
  const stopAgent = (): void => {
    spawnSync('gpgconf', ['--kill', 'all'], { env, stdio: 'ignore', timeout: 10_000 })
  }
  const forget = cleanAtExit(stopAgent)
  const common = ['--batch', '--yes', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', '']
  const gpg = (...args: readonly string[]) => runOrThrow('gpg', [...common, ...args], { env })
  const sign = async (how: readonly string[], input: string, output: string): Promise<void> => {
    await rm(output, { force: true })
    await gpg('--digest-algo', 'SHA256', ...how, '--output', output, input)
  }
  await gpg(
    '--quick-generate-key',
    'Mirrorswarm Sample <sample@example.org>',
    'ed25519',
    'sign',
    'never',
  )
  return {
    exportTo: async file => {
      await gpg('--output', file, '--export')
    },
    clearSign: (input, output) => sign(['--clear-sign'], input, output),
    detachSign: (input, output) => sign(['--armor', '--detach-sign'], input, output),
    close: () => {
      stopAgent()
      forget()
      home.remove()
    },
  }
}
