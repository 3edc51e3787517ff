import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { findRunning, openDataFolder } from './data-folder.ts'

const folders = (t: Test) => {
  const dir = t.testdir({ repository: { a: 'a' } })
  return { dir, repository: join(dir, 'repository'), data: join(dir, 'state/data') }
}

t.test('the first start makes a private folder, the next one finds the same keys', async t => {
  const { repository, data } = folders(t)
  const first = await openDataFolder(data, { repositoryDir: repository, keepAtOrigin: ['*.x'] })
  t.ok(first.created)
  t.equal(statSync(data).mode & 0o777, 0o700)
  t.equal(statSync(first.files.operatorToken).mode & 0o777, 0o600)
  t.equal(statSync(join(data, 'keys/root.pem')).mode & 0o777, 0o600)
  await first.close()
  const second = await openDataFolder(data, null)
  t.notOk(second.created)
  t.equal(second.operatorToken, first.operatorToken)
  t.equal(second.rootKeys.publicKey, first.rootKeys.publicKey)
  t.equal(second.exchangeKeys.publicKey, first.exchangeKeys.publicKey)
  t.same(second.options, { repositoryDir: first.options.repositoryDir, keepAtOrigin: ['*.x'] })
  await second.close()
})

t.test('one process at a time', async t => {
  const { repository, data } = folders(t)
  const options = { repositoryDir: repository, keepAtOrigin: [] }
  const first = await openDataFolder(data, options)
  await t.rejects(openDataFolder(data, options), {
    code: 'MS_DATA_LOCKED',
    message: new RegExp(`process ${process.pid}`),
  })
  await first.close()
  await (await openDataFolder(data, options)).close()
})

t.test('the lock of a killed process does not stand in the way', async t => {
  const { repository, data } = folders(t)
  const options = { repositoryDir: repository, keepAtOrigin: [] }
  await (await openDataFolder(data, options)).close()
  const module = new URL('./folder-lock.ts', import.meta.url).href
  const child = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `const { lockFolder } = await import(${JSON.stringify(module)})
     lockFolder(${JSON.stringify(data)}); console.log('locked'); setInterval(() => {}, 1000)`,
  ])
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  await t.rejects(openDataFolder(data, options), {
    code: 'MS_DATA_LOCKED',
    message: new RegExp(`process ${child.pid}`),
  })
  child.kill('SIGKILL')
  await once(child, 'exit')
  await (await openDataFolder(data, options)).close()
})

t.test('a data folder inside the repository is refused, also through a symlink', async t => {
  const { dir, repository } = folders(t)
  symlinkSync(repository, join(dir, 'link'))
  for (const data of [repository, join(repository, 'data/x'), join(dir, 'link/data')]) {
    await t.rejects(openDataFolder(data, { repositoryDir: repository, keepAtOrigin: [] }), {
      code: 'MS_CONFIG_INVALID',
    })
  }
  t.throws(() => statSync(join(repository, 'data')), { code: 'ENOENT' }, 'nothing was made there')
})

t.test('a missing repository and a foreign folder are named', async t => {
  const { dir, data } = folders(t)
  const options = { repositoryDir: join(dir, 'nowhere'), keepAtOrigin: [] }
  await t.rejects(openDataFolder(data, options), { code: 'MS_CONFIG_INVALID', message: /nowhere/ })
  t.throws(() => statSync(data), { code: 'ENOENT' })
  await t.rejects(openDataFolder(dir, null), { code: 'MS_CONFIG_INVALID' })
})

t.test('a folder of a newer version or a damaged one stays as it is', async t => {
  const { repository, data } = folders(t)
  const options = { repositoryDir: repository, keepAtOrigin: [] }
  await (await openDataFolder(data, options)).close()
  const file = join(data, 'origin.json')
  for (const text of [readFileSync(file, 'utf8').replace('"version":1', '"version":99'), '{']) {
    writeFileSync(file, text)
    await t.rejects(openDataFolder(data, options), { code: 'MS_DATA_CORRUPT' })
    t.equal(readFileSync(file, 'utf8'), text)
  }
})

t.test('a running origin can be found by its folder', async t => {
  const { repository, data } = folders(t)
  const folder = await openDataFolder(data, { repositoryDir: repository, keepAtOrigin: [] })
  t.equal(await findRunning(data), null)
  await folder.announceRunning('http://127.0.0.1:1')
  t.same(await findRunning(data), {
    url: 'http://127.0.0.1:1',
    operatorToken: folder.operatorToken,
  })
  await folder.close()
  t.equal(await findRunning(data), null)
})
