// The unmodified clients of the demo. Each step downloads into a folder of its own, from the origin's
// URL alone, and leaves its verdict in the ledger of downloads.

import { existsSync, mkdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { AptClient } from '../../loadtest/clients/apt.ts'
import { DnfClient, dnfUnusable } from '../../loadtest/clients/dnf.ts'
import { curl, wget } from '../../loadtest/clients/downloaders.ts'
import { waitUntil } from '../../loadtest/deadline.ts'
import type { Network, Volunteer } from '../../loadtest/network.ts'
import { ProcessGroup } from '../../loadtest/process-group.ts'
import { missing, plainEnvironment } from '../../loadtest/programs.ts'
import type { Downloads } from './downloads.ts'
import { imagePath, type Stage } from './stage.ts'

export class DemoClients {
  readonly #network: Network
  readonly #stage: Stage
  readonly #downloads: Downloads
  readonly #note: (text: string) => void
  readonly #folder: string
  #apt: AptClient | null = null
  #dnf: DnfClient | null = null

  constructor(
    parts: { readonly network: Network; readonly stage: Stage; readonly downloads: Downloads },
    note: (text: string) => void,
  ) {
    this.#network = parts.network
    this.#stage = parts.stage
    this.#downloads = parts.downloads
    this.#note = note
    this.#folder = join(parts.network.folder, 'clients')
    mkdirSync(this.#folder)
    this.#prepare()
  }

  /** `apt-get update` and `install --download-only`. */
  async apt(...packages: readonly string[]): Promise<void> {
    const apt = this.#apt
    const published = this.#stage.apt
    if (apt === null || published === null) return
    const before = new Set(apt.downloaded())
    const update = await apt.update()
    if (!this.#downloads.succeeded('apt-get', 'update', update)) return
    const result = await apt.download(...packages)
    if (!this.#downloads.succeeded('apt-get', packages.join(' '), result)) return
    const files = apt.downloaded().filter(file => !before.has(file))
    for (const file of files) {
      const name = basename(file)
      const original = published.files.find(each => basename(each) === name) ?? ''
      await this.#downloads.check('apt-get', name, file, original)
    }
    const signed = published.keyring === null ? '' : ', signature checked'
    this.#note(`apt-get: ${files.map(file => basename(file)).join(', ')}${signed}`)
  }

  /** `dnf install --downloadonly`. */
  async dnf(name: string): Promise<void> {
    const dnf = this.#dnf
    if (dnf === null) return
    const before = new Set(dnf.downloaded())
    const refresh = await dnf.refresh()
    if (!this.#downloads.succeeded('dnf', 'makecache', refresh)) return
    const result = await dnf.download(name)
    if (!this.#downloads.succeeded('dnf', name, result)) return
    const files = dnf.downloaded().filter(file => !before.has(file))
    for (const file of files) {
      const original = join(this.#stage.root, 'rpm/Packages', basename(file))
      await this.#downloads.check('dnf', basename(file), file, original)
    }
    this.#note(`dnf: ${files.map(file => basename(file)).join(', ')}`)
  }

  /** `curl -L` of some plain files. */
  async curl(paths: readonly string[]): Promise<void> {
    const skipped = missing('curl')
    if (skipped !== false) {
      this.#note(`curl skipped: ${skipped}`)
      return
    }
    let arrived = 0
    for (const path of paths) {
      const file = join(this.#folder, basename(path))
      const result = await curl(`${this.#network.origin.url}/${path}`, file)
      if (!this.#downloads.succeeded('curl', basename(path), result)) continue
      const original = join(this.#stage.root, path)
      if (await this.#downloads.check('curl', basename(path), file, original)) arrived++
    }
    this.#note(`curl -L: ${arrived} of ${paths.length} files`)
  }

  /**
   * Start to download the image, kill the volunteer that sends it half-way, and go on with `wget -c`.
   * Returns the volunteer that was killed, or null when there is no wget.
   */
  async interruptedImage(
    beforeKill: (volunteer: Volunteer) => Promise<void>,
  ): Promise<Volunteer | null> {
    const skipped = missing('wget')
    if (skipped !== false) {
      this.#note(`wget skipped: ${skipped}`)
      return null
    }
    const url = `${this.#network.origin.url}/${imagePath}`
    const file = join(this.#folder, basename(imagePath))
    const args = ['--no-config', '--progress=dot:giga', '--limit-rate=60m', '--tries=2']
    const first = new ProcessGroup('wget', [...args, '-O', file, url], {
      env: plainEnvironment(),
    })
    try {
      await waitUntil('a third of the image', () => first.ended || sizeOf(file) > 70_000_000)
      const location = /^Location: (\S+)/m.exec(first.stderr)?.[1] ?? ''
      const victim = this.#network.volunteers.find(each => location.startsWith(`${each.url}/`))
      if (victim === undefined) {
        this.#downloads.failed('wget', basename(imagePath), 'it was not redirected to a volunteer')
        return null
      }
      await beforeKill(victim)
      await victim.kill()
      await first.exited
      const part = `${Math.round(sizeOf(file) / 1e6)} MB`
      this.#note(`wget: cut off after ${part}, since ${victim.name} was killed (kill -9)`)
      const result = await wget(url, file, { resume: true })
      if (this.#downloads.succeeded('wget', `${basename(imagePath)} (resumed)`, result)) {
        const original = join(this.#stage.root, imagePath)
        await this.#downloads.check('wget', `${basename(imagePath)} (resumed)`, file, original)
        this.#note('wget -c: the rest came from another server, the hash is right')
      }
      return victim
    } finally {
      first.signal('SIGKILL')
    }
  }

  #prepare(): void {
    const noApt = missing('apt-get')
    if (noApt !== false) this.#note(`apt-get skipped: ${noApt}`)
    else if (this.#stage.apt !== null) {
      this.#apt = new AptClient(this.#own('apt'), {
        url: `${this.#network.origin.url}/debian`,
        suite: this.#stage.apt.suite,
        keyring: this.#stage.apt.keyring,
      })
    }
    const noDnf = dnfUnusable()
    if (noDnf !== false) this.#note(`dnf skipped: ${noDnf}`)
    else if (this.#stage.hasRpms) {
      this.#dnf = new DnfClient(this.#own('dnf'), `${this.#network.origin.url}/rpm`)
    }
  }

  #own(name: string): string {
    const folder = join(this.#folder, name)
    mkdirSync(folder)
    return folder
  }
}

const sizeOf = (file: string): number => (existsSync(file) ? statSync(file).size : 0)
