// The system's own debootstrap, which resolves and downloads packages into a new system's folder; its
// script names a few packages instead of a whole Debian. Downloads go by wget.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ProgramResult, plainEnvironment, type RunOptions, run } from '../programs.ts'

export interface DebootstrapOptions {
  readonly url: string
  readonly suite: string
  /** Null: signatures are not checked. */
  readonly keyring: string | null
  readonly packages: readonly string[]
  /** Lines of the wgetrc that its wget reads. */
  readonly wgetrc: readonly string[]
}

const script = (packages: readonly string[]): string =>
  [
    'mirror_style release',
    'download_style apt',
    'finddebs_style from-indices',
    'variants -',
    `work_out_debs() { required="${packages.join(' ')}"; base=""; }`,
    'first_stage_install() { :; }',
    'second_stage_install() { :; }',
    '',
  ].join('\n')

export class DebootstrapClient {
  /** How its programs are run: a signal, a deadline. */
  runOptions: RunOptions = {}
  readonly #target: string
  readonly #folder: string
  readonly #options: DebootstrapOptions

  constructor(folder: string, options: DebootstrapOptions) {
    this.#folder = folder
    this.#options = options
    this.#target = join(folder, 'target')
    mkdirSync(this.#target)
    writeFileSync(join(folder, 'script'), script(options.packages))
    writeFileSync(join(folder, 'wgetrc'), `${options.wgetrc.join('\n')}\n`)
  }

  /** `debootstrap --download-only`; needs root. */
  download(): Promise<ProgramResult> {
    const { keyring, suite, url } = this.#options
    const trust = keyring === null ? '--no-check-gpg' : `--keyring=${keyring}`
    const place = (name: string): string => join(this.#folder, name)
    const args = ['--arch=amd64', '--download-only', trust, suite, this.#target, url]
    return run('debootstrap', [...args, place('script')], {
      ...this.runOptions,
      env: plainEnvironment({ WGETRC: place('wgetrc') }),
    })
  }

  /** Files of the packages that were downloaded. */
  downloaded(): string[] {
    const folder = join(this.#target, 'var/cache/apt/archives')
    try {
      return readdirSync(folder)
        .filter(name => name.endsWith('.deb'))
        .map(name => join(folder, name))
    } catch {
      // It did not come so far.
      return []
    }
  }
}
