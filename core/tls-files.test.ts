import { execFileSync } from 'node:child_process'
import { copyFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import t, { type Test } from 'tap'
import { readTlsPair, type TlsFiles, TlsReloader } from './tls-files.ts'

const hasOpenssl = (): boolean => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const make = (folder: string, name: string, days = '2'): TlsFiles => {
  const files = { certFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}.key`) }
  const subject = ['-subj', `/CN=${name}`, '-days', days, '-nodes']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  const out = ['-keyout', files.keyFile, '-out', files.certFile]
  execFileSync('openssl', ['req', '-x509', ...key, ...subject, ...out], { stdio: 'ignore' })
  return files
}

const nameOf = (server: Server): Promise<string> =>
  new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
    socket.on('error', reject)
  })

const start = async (t: Test) => {
  const folder = t.testdir({})
  const files = make(folder, 'used')
  const pair = readTlsPair(files)
  const server = createServer(pair, (_request, response) => response.end())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const warnings: object[] = []
  const note = (): void => undefined
  const logger = {
    debug: note,
    info: note,
    error: note,
    warn: (fields: object) => void warnings.push(fields),
  }
  const time = { ms: Date.now() }
  const reloader = new TlsReloader({ files, pair, server, logger, nowMs: () => time.ms })
  const replace = (by: TlsFiles, parts: 'both' | 'cert'): void => {
    copyFileSync(by.certFile, files.certFile)
    if (parts === 'both') copyFileSync(by.keyFile, files.keyFile)
  }
  return { folder, files, server, warnings, reloader, replace, time }
}

t.test(
  'certificates that change',
  { skip: !hasOpenssl() && 'openssl missing: apt-get install openssl' },
  async t => {
    t.test('new connections get the new pair', async t => {
      const { folder, server, reloader, replace, warnings } = await start(t)
      t.equal(reloader.check(), false)
      replace(make(folder, 'renewed'), 'both')
      t.equal(await nameOf(server), 'used')
      t.equal(reloader.check(), true)
      t.equal(await nameOf(server), 'renewed')
      t.equal(reloader.check(), false)
      t.same(warnings, [])
    })

    t.test('a bad pair leaves the old one, with one warning, until it is good', async t => {
      const { folder, files, server, reloader, replace, warnings } = await start(t)
      const renewed = make(folder, 'renewed')
      replace(renewed, 'cert')
      t.equal(reloader.check(), false, 'the key is still the old one')
      t.equal(reloader.check(), false)
      t.equal(warnings.length, 1)
      t.equal(await nameOf(server), 'used')
      writeFileSync(files.certFile, 'half a certif')
      t.equal(reloader.check(), false)
      t.equal(warnings.length, 2)
      replace(renewed, 'both')
      t.equal(reloader.check(), true)
      t.equal(await nameOf(server), 'renewed')
    })

    t.test('a certificate whose time is over is not taken', async t => {
      const { folder, server, reloader, replace, warnings, time } = await start(t)
      replace(make(folder, 'old'), 'both')
      time.ms += 3 * 24 * 3_600_000
      t.equal(reloader.check(), false)
      t.match(warnings, [{ error: /valid from/ }])
      t.equal(await nameOf(server), 'used')
    })
  },
)
