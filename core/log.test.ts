import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { hideAddresses } from './log.ts'

t.test('addresses in texts are shortened or left out, and nothing else', async t => {
  for (const [text, short, none] of [
    ['from 192.0.2.77:80', 'from 192.0.2.0:80', 'from -:80'],
    ['2001:db8:1:2::9 asks', '2001:db8:1:: asks', '- asks'],
    ['::ffff:192.0.2.77', '192.0.2.0', '-'],
    ['[2001:db8::1]:8080', '[2001:db8:0::]:8080', '[-]:8080'],
    ['version 1.2.3, at 12:30:45', 'version 1.2.3, at 12:30:45', 'version 1.2.3, at 12:30:45'],
    ['mirrorswarm.bundle::x', 'mirrorswarm.bundle::x', 'mirrorswarm.bundle::x'],
    ['999.1.1.1', '999.1.1.1', '999.1.1.1'],
  ] as const) {
    t.equal(hideAddresses(text, 'short'), short)
    t.equal(hideAddresses(text, 'none'), none)
    t.equal(hideAddresses(text, 'full'), text)
  }
})

t.test('every line of a logger is written that way', async t => {
  const script = `
    import { createLogger } from ${JSON.stringify(join(import.meta.dirname, 'log.ts'))}
    const fields = { address: '192.0.2.77', error: 'from 2001:db8:1:2::9', url: 'http://127.0.0.1/' }
    for (const mode of ['full', 'short', 'none']) createLogger('x', 'info', mode).info(fields, 'said')`
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script])
  const [full, short, none] = stderr
    .toString()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  const url = 'http://127.0.0.1/'
  t.match(full, { address: '192.0.2.77', error: 'from 2001:db8:1:2::9', url, part: 'x' })
  t.match(short, { address: '192.0.2.0', error: 'from 2001:db8:1::', url, part: 'x' })
  t.match(none, { address: '-', error: 'from -', url, msg: 'said' })
})
