// Lines of `rsync --out-format="%l %n"`: size and name of what would be sent. Names are bytes, which
// rsync escapes where they are not plain ASCII.

export interface Listed {
  readonly sizeBytes: number
  readonly name: Buffer
}

const linePattern = /^(\d{1,16}) (.+)$/s
const escapes = /\\#([0-7]{3})/g

/** A file or symlink; null for folders and for other lines. */
export const parseListed = (line: string): Listed | null => {
  const [, size, escaped] = linePattern.exec(line) ?? []
  if (size === undefined || escaped === undefined || escaped.endsWith('/')) return null
  const text = escaped.replace(escapes, (_whole, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )
  return { sizeBytes: Number(size), name: Buffer.from(text, 'latin1') }
}
