import { execFileSync } from 'node:child_process'
import { link, rename, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type FileGuard, guardOf, openGuarded } from './guarded-file.ts'

const hashed = async (t: Test) => {
  const folder = t.testdir({ file: 'content' })
  const file = join(folder, 'file')
  return { folder, file, guard: guardOf(await stat(file, { bigint: true })) }
}

const isOpenable = async (file: string | Buffer, guard: FileGuard): Promise<boolean> => {
  const handle = await openGuarded(file, guard)
  await handle?.close()
  return handle !== null
}

t.test('the same file opens, by any name that leads to it', async t => {
  const { folder, file, guard } = await hashed(t)
  t.ok(await isOpenable(file, guard))
  t.ok(await isOpenable(Buffer.from(file), guard))
  const { changedNs: _left, ...loose } = guard
  await link(file, join(folder, 'second'))
  t.notOk(await isOpenable(file, guard), 'a new link changes ctime')
  t.ok(await isOpenable(join(folder, 'second'), loose))
})

t.test('another file does not open, however alike', async t => {
  const { folder, file, guard } = await hashed(t)
  const { mtime, atime } = await stat(file)
  await writeFile(file, 'CONTENT')
  await utimes(file, atime, mtime)
  t.notOk(await isOpenable(file, guard), 'overwritten with its time put back')
  await truncate(file, 3)
  t.notOk(await isOpenable(file, guard), 'cut')
  await writeFile(join(folder, 'new'), 'content')
  await utimes(join(folder, 'new'), atime, mtime)
  await rename(join(folder, 'new'), file)
  t.notOk(await isOpenable(file, guard), 'replaced')
})

t.test('what is not a file, or not there, does not open and does not hang', async t => {
  const { folder, file, guard } = await hashed(t)
  await symlink(file, join(folder, 'symlink'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
  for (const name of ['symlink', 'pipe', 'missing', 'file/below', '.']) {
    t.notOk(await isOpenable(join(folder, name), guard), name)
  }
})
