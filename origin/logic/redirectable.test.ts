import t from 'tap'
import type { RepoPath } from '../../core/ids.ts'
import { redirectFloorBytes } from '../../core/limits.ts'
import { redirectable, verifiedByClients } from './redirectable.ts'

const path = (text: string): RepoPath => text as RepoPath
const ordinary = {
  path: path('pool/a.deb'),
  sizeBytes: redirectFloorBytes,
  direct: false,
  keepAtOrigin: false,
}

t.test('an ordinary file may be redirected from the floor on', async t => {
  t.strictSame(redirectable(ordinary), { redirect: true })
  t.strictSame(redirectable({ ...ordinary, sizeBytes: redirectFloorBytes - 1 }), {
    redirect: false,
    reason: 'small',
  })
})

t.test('"?direct" and kept names are served here', async t => {
  t.strictSame(redirectable({ ...ordinary, direct: true }), { redirect: false, reason: 'direct' })
  t.strictSame(redirectable({ ...ordinary, keepAtOrigin: true }), {
    redirect: false,
    reason: 'kept',
  })
})

t.test('packages and by-hash indexes are verified by clients, images are not', async t => {
  for (const text of [
    'pool/a_1%2B2.deb',
    'x.rpm',
    'x.drpm',
    `d/by-hash/SHA256/${'a'.repeat(64)}`,
  ]) {
    t.ok(verifiedByClients(path(text)), text)
  }
  for (const text of [
    'a.iso',
    'a.deb.txt',
    'deb',
    `by-hash/SHA256/${'a'.repeat(63)}/x`,
    'x.rpm/y',
  ]) {
    t.notOk(verifiedByClients(path(text)), text)
  }
})
