import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { usersOf, writeNextEdition, writeRelease } from './release.ts'
import type { WorkloadFile } from './workload-format.ts'

const small = { images: 2, imageBytes: 1 << 20, packages: 60, packageBytes: 3 << 20, seed: 3 }

const folder = mkdtempSync(join(tmpdir(), 'release-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const workload = writeRelease(folder, small)

const sha256 = (path: string): string =>
  createHash('sha256')
    .update(readFileSync(join(folder, path)))
    .digest('hex')

t.test('users are told sizes and hashes that are true', async t => {
  const files = [...workload.classes.flatMap(each => each.files), ...workload.indexes]
  t.equal(files.length, 2 + 60 + 2)
  for (const file of files) {
    t.equal(statSync(join(folder, file.path)).size, file.sizeBytes, file.path)
    t.ok(file.sha256.includes(sha256(file.path)), file.path)
  }
})

t.test('the next edition has the hashes that were told beforehand', async t => {
  const before = workload.indexes.map(({ path }) => sha256(path))
  writeNextEdition(folder, small)
  for (const [index, { path, sha256: told }] of workload.indexes.entries()) {
    if (index === 0) t.not(sha256(path), before[index], 'changed in place')
    else t.equal(sha256(path), before[index], 'kept under its hash')
    t.ok(told.includes(sha256(path)), path)
  }
})

t.test('each class gets its share of the bytes', async t => {
  const shareOf = (files: readonly WorkloadFile[]): number =>
    files.reduce((sum, file, index) => {
      const below = files[index - 1]?.upTo ?? 0
      return sum + (file.upTo - below) * file.sizeBytes
    }, 0)
  let below = 0
  const bytes = workload.classes.map(({ upTo, files }) => {
    const requests = upTo - below
    below = upTo
    return requests * shareOf(files)
  })
  const sum = bytes.reduce((total, each) => total + each, 0)
  for (const [index, share] of [0.71, 0.23, 0.06].entries()) {
    t.ok(Math.abs((bytes[index] ?? 0) / sum - share) < 1e-6, `class ${index}`)
  }
  t.equal(workload.classes.at(-1)?.upTo, 1)
  for (const { files } of workload.classes) t.equal(files.at(-1)?.upTo, 1)
})

t.test('the more popular a package is, the more users want it', async t => {
  t.equal(usersOf(1), 0.8)
  t.equal(usersOf(0.9), 0.035)
  for (let place = 0.01; place <= 1; place += 0.01) {
    t.ok(usersOf(place) > usersOf(place - 0.01), `at ${place.toFixed(2)}`)
  }
})
