// What real clients downloaded in the demo: each file is compared with the published one, by hash.

import { existsSync, statSync } from 'node:fs'
import { hashFile } from '../../loadtest/compare-trees.ts'
import type { ProgramResult } from '../../loadtest/programs.ts'

export interface Download {
  readonly program: string
  readonly name: string
  readonly sizeBytes: number
  /** Null when it arrived with the right hash, else what went wrong. */
  readonly failure: string | null
}

const lastLine = (result: ProgramResult): string =>
  `${result.stdout}\n${result.stderr}`.trim().split('\n').at(-1) ?? ''

/** The demo's ledger of downloads. */
export class Downloads {
  readonly all: Download[] = []

  get failures(): readonly Download[] {
    return this.all.filter(each => each.failure !== null)
  }

  /** Compare a downloaded file with the published one. */
  async check(program: string, name: string, file: string, published: string): Promise<boolean> {
    if (!existsSync(file)) return this.failed(program, name, 'it did not arrive')
    if ((await hashFile(file)) !== (await hashFile(published))) {
      return this.failed(program, name, 'it has the wrong hash')
    }
    this.all.push({ program, name, sizeBytes: statSync(file).size, failure: null })
    return true
  }

  /** A program had to succeed: its failure is recorded with what it said last. */
  succeeded(program: string, name: string, result: ProgramResult): boolean {
    if (result.status === 0) return true
    return this.failed(program, name, `status ${result.status}: ${lastLine(result)}`)
  }

  failed(program: string, name: string, failure: string): false {
    this.all.push({ program, name, sizeBytes: 0, failure })
    return false
  }
}
