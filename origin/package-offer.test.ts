import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { packageBytes } from '../core/dashboard-limits.ts'
import { enrolmentLines } from '../dashboard/logic/enrolment-lines.ts'
import { readPackage } from './package-offer.ts'

t.test('what volunteers install is read whole, and nothing else is taken for it', async t => {
  const folder = t.testdir({ 'empty.tgz': '', 'text.tgz': '<html>no package at all</html>' })
  const file = join(folder, 'good.tgz')
  const bytes = gzipSync('a package')
  writeFileSync(file, bytes)
  t.equal(readPackage(null), null)
  t.same(readPackage(file)?.bytes, bytes)
  t.match(readPackage(file)?.etag, /^"sha256-[0-9a-f]{64}"$/)
  const refused = (name: string, message: RegExp): unknown =>
    t.throws(() => readPackage(join(folder, name)), { code: 'MS_CONFIG_INVALID', message })
  refused('none.tgz', /--package .*none\.tgz: cannot be read \(ENOENT\)/)
  refused('.', /cannot be read \(EISDIR\)/)
  refused('empty.tgz', /not what npm pack makes/)
  refused('text.tgz', /not what npm pack makes/)
  truncateSync(file, packageBytes + 1)
  refused('good.tgz', /larger than/)
})

t.test('without an offer only the line that starts a volunteer is left', async t => {
  const shown = { url: 'https://repo.example.org/x', token: '00ff', mirror: '/m' }
  const start = 'npx mirrorswarm volunteer /m --origin https://repo.example.org/x/ --token 00ff'
  t.same(enrolmentLines({ ...shown, offered: false }), [start])
  t.same(enrolmentLines({ ...shown, offered: true }), [
    'npm install --prefix mirrorswarm node@24 https://repo.example.org/x/-/mirrorswarm.tgz && cd mirrorswarm',
    start,
  ])
})
