import fc from 'fast-check'
import t from 'tap'
import { readQuickHead } from './quick-head.ts'

const usual = 'GET /pool/a_1.0~b+c.deb HTTP/1.1\r\nHost: o\r\nUser-Agent: apt/1 (x; y)\r\n\r\n'

t.test('a usual request is read, wherever it begins', async t => {
  const head = readQuickHead(`..${usual}GET /`, 2)
  t.same(head, {
    method: 'GET',
    target: '/pool/a_1.0~b+c.deb',
    headers: { host: 'o', 'user-agent': 'apt/1 (x; y)' },
    end: 2 + usual.length,
  })
  t.equal(readQuickHead(usual.replace('GET', 'HEAD'), 0)?.method, 'HEAD')
  const link = '/pool/a.deb?c=a-B_9&e=t1&s=x'
  t.equal(readQuickHead(usual.replace('/pool/a_1.0~b+c.deb', link), 0)?.target, link)
  t.ok(readQuickHead(usual.replace('Host: o', 'hOST:o\r\nConnection: Keep-Alive'), 0))
})

t.test('whatever is not usual is left alone', async t => {
  const line = (text: string) => usual.replace('Host: o\r\n', `Host: o\r\n${text}`)
  for (const text of [
    usual.replace('GET', 'POST'),
    usual.replace('GET', 'get'),
    usual.replace('1.1', '1.0'),
    usual.replace('/pool', 'pool'),
    usual.replace('/pool', 'http://o/pool'),
    usual.replace('.deb', '.deb?a?b'),
    usual.replace('.deb', '.deb?a%20'),
    usual.replace('.deb', '.deb#x'),
    usual.replace('.deb', '\xe9'),
    usual.replace(' /pool', '  /pool'),
    usual.replace('Host: o\r\n', ''),
    usual.replace('Host: o', 'Host:'),
    usual.replaceAll('\r\n', '\n'),
    usual.slice(0, -1),
    `\r\n${usual}`,
    line('Host: other\r\n'),
    line('User-Agent: twice\r\n'),
    line('Range: bytes=0-\r\n'),
    line('If-None-Match: "x"\r\n'),
    line('Content-Length: 0\r\n'),
    line('Transfer-Encoding: chunked\r\n'),
    line('Expect: 100-continue\r\n'),
    line('Upgrade: h2c\r\n'),
    line('Connection: close\r\n'),
    line('Connection: keep-alive, upgrade\r\n'),
    line('Authorization: Basic eDp5\r\n'),
    line('Accept : x\r\n'),
    line(' folded\r\n'),
    line('Accept: a\tb\r\n'),
    line('Accept: a\0b\r\n'),
    line('Accept: x \r\n'),
    line('Accept:  x\r\n'),
    line('X-Unknown: x\r\n'),
    line(`Accept: ${'x'.repeat(5_000)}\r\n`),
  ]) {
    t.equal(readQuickHead(text, 0), null, JSON.stringify(text.slice(0, 90)))
  }
})

t.test('no cut of a request is taken for a whole one', async t => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: usual.length - 1 }), length => {
      t.equal(readQuickHead(usual.slice(0, length), 0), null)
    }),
  )
})
