// The system's own zypper with an install root and settings of its own: it sees none of the machine's
// repositories and changes nothing of the machine.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { asRoot, type ProgramResult, plainEnvironment, type RunOptions, run } from '../programs.ts'

export class ZypperClient {
  /** How its programs are run: a signal, a deadline. */
  runOptions: RunOptions = {}
  readonly #home: string
  readonly #root: string
  readonly #config: string

  /** Lay out zypper's folders in `folder`; `url` is the baseurl, `more` lines of zypp.conf. */
  constructor(folder: string, url: string, more: readonly string[] = []) {
    this.#home = folder
    this.#root = join(folder, 'root')
    this.#config = join(folder, 'zypp.conf')
    mkdirSync(join(this.#root, 'etc/zypp/repos.d'), { recursive: true })
    writeFileSync(this.#config, `${['[main]', ...more].join('\n')}\n`)
    writeFileSync(
      join(this.#root, 'etc/zypp/repos.d/sample.repo'),
      ['[sample]', 'name=sample', `baseurl=${url}`, 'enabled=1', 'gpgcheck=0', ''].join('\n'),
    )
  }

  /** `zypper refresh`. */
  refresh(): Promise<ProgramResult> {
    return this.#run('refresh')
  }

  /** `zypper install --download-only` of packages. */
  download(...packages: readonly string[]): Promise<ProgramResult> {
    return this.#run('install', '--download-only', '--no-recommends', ...packages)
  }

  /** Files of the packages that were downloaded. */
  downloaded(): string[] {
    const folder = join(this.#root, 'var/cache/zypp/packages')
    try {
      return readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter(name => name.endsWith('.rpm'))
        .map(name => join(folder, name))
    } catch {
      // Nothing was downloaded, so the folder was not made.
      return []
    }
  }

  #run(...words: readonly string[]): Promise<ProgramResult> {
    const [program, args] = asRoot('zypper', [
      ...['--root', this.#root, '--non-interactive', '--no-gpg-checks', ...words],
    ])
    return run(program, args, {
      ...this.runOptions,
      env: plainEnvironment({ HOME: this.#home, ZYPP_CONF: this.#config }),
    })
  }
}
