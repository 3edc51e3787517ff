import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { authorizationFor, netrcLogin } from './credentials.ts'

const text = `
# machine commented.example login no password no
machine one.example login ada password a:b
macdef init
machine macro.example login no password no

machine two.example
  login bob
  password secret
default login anonymous password guest`

t.test('netrc files are read as other programs read them', async t => {
  const password = (host: string, file = text) => netrcLogin(file, host)?.password
  t.strictSame(netrcLogin(text, 'one.example'), { user: 'ada', password: 'a:b' })
  t.equal(password('TWO.example'), 'secret')
  t.equal(password('macro.example'), 'guest')
  t.equal(password('commented.example'), 'guest')
  t.equal(password('other.example', 'machine one.example login ada password x'), undefined)
  t.equal(password('one.example', 'machine one.example login ada'), undefined)
  t.equal(password('x', ''), undefined)
})

t.test('the URL goes before the file, and no file is no error', async t => {
  const file = join(t.testdir({}), 'netrc')
  const none = await authorizationFor(new URL('http://one.example/x'), file)
  t.equal(none, null)
  writeFileSync(file, text)
  const basic = (login: string) => `Basic ${Buffer.from(login).toString('base64')}`
  t.equal(await authorizationFor(new URL('http://one.example/x'), file), basic('ada:a:b'))
  const url = new URL('http://u%40v:p%3Aq@one.example/x')
  t.equal(await authorizationFor(url, file), basic('u@v:p:q'))
})
