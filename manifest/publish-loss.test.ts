// What counts as an unmounted disk in a small repository, where one new repodata/ replaces most files.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { put, repository } from './fixtures/test-repository.ts'

t.test('in a small repository a few files may be replaced by as many others', async t => {
  const origin = repository(t)
  const numbers = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)
  const write = (...range: [number, number]): void => {
    for (const each of numbers(...range)) put(origin, `f/${each}`, `file ${each}`)
  }
  const drop = (...range: [number, number]): void => {
    for (const each of numbers(...range)) rmSync(join(origin.root, `f/${each}`))
  }
  write(0, 10)
  await origin.publish()
  drop(0, 6)
  await t.rejects(origin.publish(), { code: 'MS_PUBLISH_SHRINKS' }, 'none came for those that went')
  write(10, 6)
  t.match(await origin.publish(), { removed: 6, added: 6, files: 10 })
  write(100, 90)
  await origin.publish()
  drop(100, 33)
  write(200, 33)
  await t.rejects(origin.publish(), { code: 'MS_PUBLISH_SHRINKS' }, 'too many at once')
})
