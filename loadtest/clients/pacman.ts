// The system's own pacman (package pacman-package-manager in Debian) with all folders in a temporary
// one.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { asRoot, type ProgramResult, plainEnvironment, type RunOptions, run } from '../programs.ts'

export class PacmanClient {
  /** How its programs are run: a signal, a deadline. */
  runOptions: RunOptions = {}
  readonly #cache: string
  readonly #args: readonly string[]

  /** Lay out pacman's folders in `folder`; each of `servers` becomes a Server line, in this order. */
  constructor(folder: string, servers: readonly string[]) {
    const place = (name: string): string => join(folder, name)
    for (const name of ['root', 'db', 'cache', 'hooks']) {
      mkdirSync(place(name), { recursive: true })
    }
    this.#cache = place('cache')
    const lines = servers.map(url => `Server = ${url}`)
    writeFileSync(
      place('pacman.conf'),
      ['[options]', 'Architecture = auto', 'SigLevel = Never', '[sample]', ...lines, ''].join('\n'),
    )
    this.#args = [
      ...['--root', place('root'), '--dbpath', place('db'), '--cachedir', this.#cache],
      ...['--config', place('pacman.conf'), '--logfile', place('log'), '--gpgdir', place('gpg')],
      ...['--hookdir', place('hooks'), '--noconfirm', '--noprogressbar'],
    ]
  }

  /** `pacman -Syw`: refresh, and download packages. */
  download(...packages: readonly string[]): Promise<ProgramResult> {
    const [program, args] = asRoot('pacman', [...this.#args, '-Syw', ...packages])
    return run(program, args, { ...this.runOptions, env: plainEnvironment() })
  }

  /** Files of the packages that were downloaded. */
  downloaded(): string[] {
    return readdirSync(this.#cache)
      .filter(name => /\.pkg\.tar\.\w+$/.test(name))
      .map(name => join(this.#cache, name))
  }
}
