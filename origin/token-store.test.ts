import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { TokenStore } from './token-store.ts'

t.test('a token works as often as it says and until it expires', async t => {
  const store = new TokenStore(join(t.testdir(), 'tokens.db'))
  t.teardown(() => store.close())
  const { token } = store.create({ uses: 2, expiresMs: 100, trust: 'signed-only' }, 0)
  t.equal(store.redeem(token, 100), null, 'expired')
  t.equal(store.redeem(token, 99), 'signed-only')
  t.equal(store.redeem(token, 99), 'signed-only')
  t.equal(store.redeem(token, 99), null, 'used up')
  store.refund(token)
  t.equal(store.redeem(token, 99), 'signed-only')
  t.equal(store.redeem(`${token}x`, 1), null)
  t.equal(store.redeem('', 1), null)
})

t.test('a command may make a token while the origin has the store open', async t => {
  const file = join(t.testdir(), 'tokens.db')
  const origin = new TokenStore(file)
  const command = new TokenStore(file)
  const { token } = command.create({ uses: 1, expiresMs: 100, trust: 'full' }, 0)
  command.close()
  t.equal(origin.redeem(token, 1), 'full')
  origin.close()
  t.notOk(readFileSync(file).includes(token), 'the text of a token is not stored')
})
