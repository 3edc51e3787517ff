// The system's own dnf (4.x) with an install root and all folders in a temporary one. dnf refuses to
// resolve an installation for anyone but root, so others run it in a user namespace.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram, type ProgramResult, plainEnvironment, run } from '../programs.ts'

/** Why dnf cannot be used here, or false. */
export const dnfUnusable = (): string | false => {
  if (findProgram('dnf') === null) return 'dnf missing: apt-get install dnf'
  if (process.getuid?.() === 0) return false
  if (findProgram('unshare') === null)
    return 'dnf needs root or unshare: apt-get install util-linux'
  const { status } = spawnSync('unshare', ['--map-root-user', 'true'], { timeout: 10_000 })
  return status === 0 ? false : 'dnf needs root: user namespaces are not allowed here'
}

export class DnfClient {
  /** Where downloaded packages lie. */
  readonly downloads: string
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
    const command = ['dnf', ...this.#args, ...args]
    const asRoot = process.getuid?.() === 0 ? command : ['unshare', '--map-root-user', ...command]
    const [program = 'dnf', ...rest] = asRoot
    return run(program, rest, { env: plainEnvironment({ HOME: this.#home }) })
  }
}
