import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ClientStore } from './client-store.ts'

const asked = { paths: [], networks: [], password: null }

t.test('clients are kept, without their secrets', async t => {
  const file = join(t.testdir({}), 'clients.db')
  const store = new ClientStore(file)
  const made = await store.add({ ...asked, name: 'lab-7', paths: ['/pool/', 'dists'] }, 5)
  t.match(made.secret, /^[\w-]{32}$/)
  t.equal(made.bearer, `lab-7.${made.secret}`)
  t.same(made.paths, ['/dists', '/pool'])
  const campus = await store.add({ ...asked, name: 'campus', networks: ['192.0.2.0/24'] }, 6)
  t.equal(campus.secret, null)
  await store.add({ ...asked, name: 'ann', password: 'correct horse' }, 7)
  store.close()
  const bytes = readFileSync(file, 'latin1')
  t.notOk(bytes.includes(made.secret ?? ''), 'neither made')
  t.notOk(bytes.includes('correct horse'), 'nor chosen ones')
  const again = new ClientStore(file)
  t.teardown(() => again.close())
  t.same(
    again.list().map(({ name, paths, hasSecret }) => ({ name, paths, hasSecret })),
    [
      { name: 'ann', paths: ['/'], hasSecret: true },
      { name: 'campus', paths: ['/'], hasSecret: false },
      { name: 'lab-7', paths: ['/dists', '/pool'], hasSecret: true },
    ],
  )
})

t.test('what is no client is refused', async t => {
  const store = new ClientStore(join(t.testdir({}), 'clients.db'))
  t.teardown(() => store.close())
  await store.add({ ...asked, name: 'lab' }, 0)
  await t.rejects(store.add({ ...asked, name: 'lab' }, 0), { code: 'MS_NAME_TAKEN' })
  const bad = [
    { name: '' },
    { name: 'a:b' },
    { name: '../x' },
    { name: 'x'.repeat(64) },
    { name: 'ok', paths: ['../etc'] },
    { name: 'ok', networks: ['10.0.0.0/99'] },
    { name: 'ok', password: 'short' },
    { name: 'ok', password: 'long enough', networks: ['10.0.0.0/8'] },
    { name: 'ok', paths: Array.from({ length: 257 }, (_, index) => `p${index}`) },
  ]
  for (const each of bad) {
    const refused = store.add({ ...asked, ...each }, 0)
    await t.rejects(refused, { code: 'MS_CONFIG_INVALID' }, JSON.stringify(each).slice(0, 60))
  }
  t.equal(store.revoke('nobody'), false)
})

t.test('what another process changes is seen at once', async t => {
  const file = join(t.testdir({}), 'clients.db')
  const [one, other] = [new ClientStore(file), new ClientStore(file)]
  t.teardown(() => [one, other].forEach(store => void store.close()))
  await one.add({ ...asked, name: 'lab' }, 0)
  t.ok(other.clients.has('lab'))
  other.revoke('lab')
  t.notOk(one.clients.has('lab'))
})
