// Links that are remembered are judged as those that are not.

import t from 'tap'
import type { RepoPath, Sha256, VolunteerName } from '../core/ids.ts'
import { LinkMemory } from './link-memory.ts'
import { type LinkKey, signLink, verifyLink } from './links.ts'

const key: LinkKey = { volunteer: 'ada' as VolunteerName, secret: Buffer.alloc(32, 7) }
const sha256 = 'ab'.repeat(32) as Sha256
const path = 'pool/a.deb' as RepoPath

t.test('the first, the second and the late verdict are those of verifyLink', async t => {
  const memory = new LinkMemory(key)
  const query = signLink(key, { path, sha256, expiresSeconds: 1_000 })
  const swapped = query.split('&').reverse().join('&')
  const queries = [
    query,
    swapped,
    `${query}&more=1`,
    `${query}x`,
    `${query}&s=x`,
    '',
    'c=1&e=1&s=1',
  ]
  for (const asked of queries) {
    for (const nowSeconds of [900, 1_000, 1_001, 900]) {
      for (const other of [path, 'pool/b.deb' as RepoPath]) {
        const expected = verifyLink(key, other, asked, nowSeconds)
        t.strictSame(memory.verify(other, asked, nowSeconds), expected)
      }
    }
  }
})
