// File names that break careless programs: each must be published, redirected and served as bytes.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { noise } from './noise.ts'

const text = (value: string): Buffer => Buffer.from(value)

/** Odd names, as bytes relative to the root. */
export const oddNames: readonly Buffer[] = [
  text('with space.bin'),
  text('plus+plus.bin'),
  text('tilde~1.bin'),
  text('literal%41.bin'),
  text('percent%.bin'),
  text('hash#tag.bin'),
  text('question?mark.bin'),
  text('amper&sand=equals;semi.bin'),
  text(`quotes'".bin`),
  text('back\\slash.bin'),
  text('colon:at@bang!.bin'),
  text('brackets[]{}()<>.bin'),
  text('dots...bin'),
  text('..hidden.bin'),
  text('trailing dot.'),
  text('tab\tand newline\n.bin'),
  text('ünïcödé 日本.bin'),
  Buffer.concat([text('latin1-'), Buffer.from([0xe9, 0xff, 0xc3]), text('.bin')]),
  text(`${'n'.repeat(251)}.bin`),
  text('deep dir/+plus/ü/leaf #1.bin'),
  text('dash-/-leading dash.bin'),
  text('CON/aux.txt'),
]

/** Write every odd name (with `sizeBytes` of its own noise), an empty file and links into the tree. */
export const writeOddNames = (root: string, sizeBytes: number): void => {
  const place = (name: Buffer): Buffer => Buffer.concat([Buffer.from(`${root}/`), name])
  for (const name of oddNames) {
    const file = place(name)
    const slash = name.lastIndexOf(0x2f)
    if (slash >= 0) mkdirSync(place(name.subarray(0, slash)), { recursive: true })
    writeFileSync(file, noise(name.toString('hex'), sizeBytes))
  }
  writeFileSync(`${root}/empty.bin`, '')
  symlinkSync('with space.bin', `${root}/link to space`)
  symlinkSync('deep dir', `${root}/link to folder`)
  symlinkSync('../../../../../../etc/hostname', `${root}/link that leads out`)
  symlinkSync('/etc/passwd', `${root}/absolute link out`)
}
