import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import t from 'tap'
import { headLines } from '../delivery/head-lines.ts'
import { sendRedirectHead } from './raw-head.ts'

const response = (): ServerResponse => new ServerResponse(new IncomingMessage(new Socket()))

t.test('what could end a line is never sent', async t => {
  for (const odd of ['a\r\nset-cookie: x', 'a\nb', 'a\0', 'é', '\x7f']) {
    t.throws(() => headLines({ etag: odd }))
    for (const parts of [
      { location: odd, link: 'l' },
      { location: 'l', link: odd },
    ]) {
      const answer = response()
      t.throws(() => sendRedirectHead(answer, 0, '', parts))
      t.notOk(answer.headersSent)
    }
  }
})

t.test('on this Node the text is taken as it is', async t => {
  const answer = response()
  answer.shouldKeepAlive = true
  sendRedirectHead(answer, 1_000, headLines({ etag: '"x"' }), { location: '/a', link: '<b>' })
  t.ok(answer.headersSent)
  t.equal(answer.statusCode, 302)
})
