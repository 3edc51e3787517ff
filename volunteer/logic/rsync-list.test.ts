import t from 'tap'
import { parseListed } from './rsync-list.ts'

t.test('sizes and names as bytes, folders and other lines left out', async t => {
  const name = (line: string): string | null => parseListed(line)?.name.toString('hex') ?? null
  const hex = (text: string | Buffer): string => Buffer.from(text as string).toString('hex')
  t.equal(name('1 a b'), hex('a b'))
  t.equal(name('1 new\\#012line'), hex('new\nline'))
  t.equal(name('1 \\#303\\#274'), hex('ü'))
  t.equal(name('1 back\\#134#101slash'), hex('back\\#101slash'))
  t.equal(name('1 a\\b'), hex('a\\b'))
  t.equal(name('1 \\#377'), 'ff')
  t.equal(parseListed('12345678901 x')?.sizeBytes, 12_345_678_901)
  for (const line of ['', '4096 pool/', 'deleting x', '1', '1 ', '-1 x', 'sent 1 bytes']) {
    t.equal(parseListed(line), null, line)
  }
})
