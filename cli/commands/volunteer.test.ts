import t from 'tap'
import { optionTables } from '../options.ts'
import { resolveOptions } from '../resolve-options.ts'
import { UsageError } from '../usage-error.ts'
import { volunteerOptions } from './volunteer.ts'

const accelOf = async (...args: readonly string[]) => {
  const required = ['/srv/mirror', '--origin', 'http://origin.example/']
  const values = await resolveOptions(optionTables.volunteer, [...required, ...args], {})
  return volunteerOptions(values).accelRedirect
}

t.test('how a web server in front is told of files', async t => {
  t.equal(await accelOf(), null)
  const folder = '/srv/mirror.handed'
  t.same(await accelOf('--accel-redirect', '/handed'), { prefix: '/handed/', folder })
  t.same(await accelOf('--x-sendfile'), { prefix: null, folder })
  const named = await accelOf('--x-sendfile', '--accel-folder', '/srv/h')
  t.same(named, { prefix: null, folder: '/srv/h' })
})

t.test('a folder alone, and two ways at once, are wrong usage', async t => {
  await t.rejects(accelOf('--accel-folder', '/srv/h'), UsageError)
  await t.rejects(accelOf('--accel-folder', '/srv/h'), {
    message: /--accel-redirect.*--x-sendfile/,
  })
  await t.rejects(accelOf('--accel-redirect', '/handed/', '--x-sendfile'), UsageError)
})
