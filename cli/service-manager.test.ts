import t from 'tap'
import { silentLogger } from '../core/log.ts'
import { ServiceManager } from './service-manager.ts'

const tried = (environment: Record<string, string>, fail = false) => {
  const said: string[] = []
  const complaints: object[] = []
  const logger = { ...silentLogger, error: (fields: object) => void complaints.push(fields) }
  const manager = new ServiceManager(environment, async (program, words) => {
    said.push([program, ...words].join(' '))
    if (fail) throw new Error('it is not there')
  })
  return { said, complaints, logger, manager }
}

t.test('without systemd nothing is run', async t => {
  const { said, logger, manager } = tried({ WATCHDOG_USEC: '1000' })
  await manager.ready(logger)
  await manager.stopping()
  t.strictSame(said, [])
})

t.test('systemd hears that it is ready, alive and stopping', async t => {
  const environment = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '4000' }
  const { said, logger, manager } = tried(environment)
  await manager.ready(logger)
  t.strictSame(said, ['systemd-notify READY=1'])
  const deadlineMs = Date.now() + 20_000
  while (said.length < 3 && Date.now() < deadlineMs) await new Promise(setImmediate)
  await manager.stopping()
  t.equal(said[2], 'systemd-notify WATCHDOG=1')
  t.equal(said.at(-1), 'systemd-notify STOPPING=1')
})

t.test('no watchdog is fed where none is', async t => {
  for (const WATCHDOG_USEC of ['', '0', 'x', '-5']) {
    const { said, logger, manager } = tried({ NOTIFY_SOCKET: '@x', WATCHDOG_USEC })
    await manager.ready(logger)
    await new Promise(resolve => setTimeout(resolve, 5))
    await manager.stopping()
    t.strictSame(said, ['systemd-notify READY=1', 'systemd-notify STOPPING=1'])
  }
})

t.test('what cannot be said is complained about once, and harms nothing', async t => {
  const { complaints, logger, manager } = tried({ NOTIFY_SOCKET: '@x' }, true)
  await manager.ready(logger)
  await manager.stopping()
  t.match(complaints, [{ error: /not there/ }])
  t.equal(complaints.length, 1)
})
