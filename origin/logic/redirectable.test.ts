import t from 'tap'
import type { RepoPath } from '../../core/ids.ts'
import { redirectFloorBytes } from '../../core/limits.ts'
import { redirectable } from './redirectable.ts'

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
