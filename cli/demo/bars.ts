// Progress of several at once: a bar each, drawn over in place on a terminal, plain lines elsewhere.

import { formatSize } from '../../core/units.ts'

export interface Progress {
  readonly name: string
  readonly doneBytes: number
  readonly totalBytes: number
  readonly note: string
}

const barWidth = 30

export const shareOf = ({ doneBytes, totalBytes }: Progress): number =>
  totalBytes <= 0 ? 0 : Math.min(1, doneBytes / totalBytes)

/** One line: name, bar, bytes and a word. */
export const renderBar = (progress: Progress, nameWidth: number): string => {
  const share = shareOf(progress)
  const filled = Math.round(share * barWidth)
  const bar = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`
  const percent = `${Math.floor(share * 100)} %`.padStart(5)
  const bytes = `${formatSize(progress.doneBytes)} of ${formatSize(progress.totalBytes)}`
  return `  ${progress.name.padEnd(nameWidth)} ${bar} ${percent}  ${bytes}, ${progress.note}`
}

export interface BarsOutput {
  /** True on a terminal. */
  readonly interactive: boolean
  readonly columns: number
  /** Raw text, with control sequences on a terminal. */
  write(text: string): void
}

/** Draws the latest of what it is shown; on a terminal over the former picture. */
export class Bars {
  readonly #output: BarsOutput
  #drawnLines = 0
  #said = new Map<string, string>()

  constructor(output: BarsOutput) {
    this.#output = output
  }

  show(all: readonly Progress[]): void {
    const nameWidth = Math.max(0, ...all.map(({ name }) => name.length))
    if (this.#output.interactive) {
      const lines = all.map(
        each => `\r\u001b[2K${renderBar(each, nameWidth).slice(0, this.#output.columns - 1)}\n`,
      )
      const up = this.#drawnLines === 0 ? '' : `\u001b[${this.#drawnLines}A`
      this.#output.write(`${up}${lines.join('')}`)
      this.#drawnLines = lines.length
      return
    }
    for (const each of all) {
      // A line for each further quarter and each new word is news; the rest would fill a log.
      const news = `${Math.floor(shareOf(each) * 4)} ${each.note}`
      if (this.#said.get(each.name) === news) continue
      this.#said.set(each.name, news)
      this.#output.write(`${renderBar(each, nameWidth)}\n`)
    }
  }
}
