// The system's own apt-get, with every folder of its in a temporary one: it needs no root, sees none
// of the machine's sources and changes nothing of the machine.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ProgramResult, plainEnvironment, type RunOptions, run } from '../programs.ts'

export interface AptOptions {
  /** URL of the repository, as a sources.list has it. */
  readonly url: string
  readonly suite: string
  /** Key ring for signed-by; null trusts the repository unsigned. */
  readonly keyring: string | null
  /** Lines of auth.conf; missing: none. */
  readonly auth?: string
  /** More of apt.conf, by name. */
  readonly settings?: Readonly<Record<string, string>>
}

export class AptClient {
  /** Where downloaded packages lie. */
  readonly archives: string
  /** Where downloaded indexes lie. */
  readonly lists: string
  /** How its programs are run: a signal, a deadline. */
  runOptions: RunOptions = {}
  readonly #env: NodeJS.ProcessEnv

  /** Lay out apt's folders in `folder`, which exists and is empty. */
  constructor(folder: string, options: AptOptions) {
    const place = (...names: string[]): string => join(folder, ...names)
    this.archives = place('cache/archives')
    this.lists = place('state/lists')
    for (const path of ['cache/archives/partial', 'state/lists/partial', 'etc/parts', 'log']) {
      mkdirSync(place(path), { recursive: true })
    }
    writeFileSync(place('status'), '')
    const trust = options.keyring === null ? 'trusted=yes' : `signed-by=${options.keyring}`
    writeFileSync(
      place('etc/sources.list'),
      `deb [arch=amd64 ${trust}] ${options.url} ${options.suite} main\n`,
    )
    writeFileSync(place('etc/auth.conf'), options.auth ?? '', { mode: 0o600 })
    const settings = {
      'Dir::Etc::netrc': place('etc/auth.conf'),
      'Dir::Etc::netrcparts': place('etc/parts'),
      'Dir::State': place('state'),
      'Dir::State::status': place('status'),
      'Dir::State::extended_states': place('state/extended_states'),
      'Dir::Cache': place('cache'),
      'Dir::Log': place('log'),
      'Dir::Etc::sourcelist': place('etc/sources.list'),
      'Dir::Etc::sourceparts': place('etc/parts'),
      'Dir::Etc::trusted': '/dev/null',
      'Dir::Etc::trustedparts': place('etc/parts'),
      'Dir::Etc::preferences': '/dev/null',
      'Dir::Etc::preferencesparts': place('etc/parts'),
      'Dir::Etc::main': '/dev/null',
      'Dir::Etc::parts': place('etc/parts'),
      'APT::Architecture': 'amd64',
      // Started by root, apt would become the user _apt, who may not enter this folder.
      'APT::Sandbox::User': 'root',
      'Acquire::Languages': 'none',
      'Acquire::http::Proxy': 'DIRECT',
      'Acquire::Retries': '0',
      ...options.settings,
    }
    const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`)
    const config = place('apt.conf')
    writeFileSync(
      config,
      `#clear APT::Architectures;\nAPT::Architectures {"amd64";};\n${lines.join('')}`,
    )
    this.#env = plainEnvironment({ APT_CONFIG: config, DEBIAN_FRONTEND: 'noninteractive' })
  }

  /** `apt-get update`, in which any index that fails is an error. */
  update(): Promise<ProgramResult> {
    return run('apt-get', ['update', '-o', 'APT::Update::Error-Mode=any'], {
      ...this.runOptions,
      env: this.#env,
    })
  }

  /** `apt-get install --download-only` of packages (NAME or NAME=VERSION). */
  download(...packages: readonly string[]): Promise<ProgramResult> {
    const args = ['install', '--download-only', '--yes', '--no-install-recommends', ...packages]
    return run('apt-get', args, { ...this.runOptions, env: this.#env })
  }

  /** Files of the packages that were downloaded. */
  downloaded(): string[] {
    return readdirSync(this.archives)
      .filter(name => name.endsWith('.deb'))
      .map(name => join(this.archives, name))
  }
}
