// The system's own dnf (4.x) with an install root and all folders in a temporary one. dnf refuses to
// resolve an installation for anyone but root, so others run it in a user namespace.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  asRoot,
  type ProgramResult,
  plainEnvironment,
  type RunOptions,
  run,
  unusableAsRoot,
} from '../programs.ts'

/** Why dnf cannot be used here, or false. */
export const dnfUnusable = (): string | false => unusableAsRoot('dnf')

export class DnfClient {
  /** Where downloaded packages lie. */
  readonly downloads: string
  /** How its programs are run: a signal, a deadline. */
  runOptions: RunOptions = {}
  readonly #args: readonly string[]
  readonly #home: string

  /**
   * Lay out dnf's folders in `folder`; `url` is the repository's baseurl, or what `kind` says; `more`
   * are lines of its file.
   */
  constructor(
    folder: string,
    url: string,
    more: readonly string[] = [],
    kind: 'baseurl' | 'mirrorlist' | 'metalink' = 'baseurl',
  ) {
    const place = (name: string): string => join(folder, name)
    this.downloads = place('downloads')
    this.#home = folder
    for (const name of ['root', 'repos', 'cache', 'state', 'log', 'downloads', 'vars']) {
      mkdirSync(place(name), { recursive: true })
    }
    const settings = [
      '[main]',
      `reposdir=${place('repos')}`,
      `cachedir=${place('cache')}`,
      `persistdir=${place('state')}`,
      `logdir=${place('log')}`,
      `varsdir=${place('vars')}`,
      'pluginpath=/nonexistent',
      'plugins=0',
      'gpgcheck=0',
      'install_weak_deps=0',
      'keepcache=1',
      'proxy=',
    ]
    writeFileSync(place('dnf.conf'), `${settings.join('\n')}\n`)
    const repository = [
      '[sample]',
      'name=sample',
      `${kind}=${url}`,
      'enabled=1',
      'gpgcheck=0',
      ...more,
    ]
    writeFileSync(place('repos/sample.repo'), `${repository.join('\n')}\n`)
    this.#args = [
      ...['-c', place('dnf.conf'), '--installroot', place('root'), '--releasever=1'],
      ...['--setopt', `reposdir=${place('repos')}`, '--setopt', `cachedir=${place('cache')}`],
      '--forcearch=x86_64',
      '-y',
    ]
  }

  /** `dnf makecache --refresh`. */
  refresh(): Promise<ProgramResult> {
    return this.#run('makecache', '--refresh')
  }

  /** `dnf install --downloadonly` of packages. */
  download(...packages: readonly string[]): Promise<ProgramResult> {
    return this.#run('install', '--downloadonly', '--downloaddir', this.downloads, ...packages)
  }

  /** Files of the packages that were downloaded. */
  downloaded(): string[] {
    return readdirSync(this.downloads)
      .filter(name => name.endsWith('.rpm'))
      .map(name => join(this.downloads, name))
  }

  #run(...args: readonly string[]): Promise<ProgramResult> {
    const [program, rest] = asRoot('dnf', [...this.#args, ...args])
    return run(program, rest, { ...this.runOptions, env: plainEnvironment({ HOME: this.#home }) })
  }
}
