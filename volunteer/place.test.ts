// Putting contents in place on real files: what goes where, and above all what is left alone.

import {
  chmod,
  link,
  lstat,
  mkdir,
  readFile,
  rename,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readTree, repoPath, testMirror, testRepository } from './test-mirror.ts'

const refusing = (code: string) => async (): Promise<never> => {
  throw Object.assign(new Error(code), { code })
}

/** A repository of one package, and a volunteer that has fetched it but not placed it. */
const prepare = async (t: Test, calls?: Parameters<typeof testMirror>[2]) => {
  const repository = await testRepository(t)
  await repository.write('pool/a.deb', 'package a')
  await repository.write('pool/b.deb', 'package b')
  await repository.publish()
  const volunteer = await testMirror(t, repository, calls)
  const fetch = async (path: string, text?: string) => {
    const content = repository.contentAt(path)
    const file = join(volunteer.partial, content.sha256)
    await writeFile(file, text ?? (await readFile(join(repository.root, path))))
    return { content, file }
  }
  return { repository, volunteer, fetch, mirror: volunteer.mirror }
}

const snapshotOf = async (file: string) => {
  const { ino, mtimeMs, size, mode } = await lstat(file)
  return { ino, mtimeMs, size, mode }
}

t.test('a content is placed with mode, time and hard links', async t => {
  const { volunteer, fetch, mirror } = await prepare(t)
  const { content, file } = await fetch('pool/a.deb')
  const results = await volunteer.placer.placeFetched(content, file, [
    repoPath('pool/a.deb'),
    repoPath('other/copy%20of%20a'),
  ])
  t.strictSame(
    results.map(result => result.kind),
    ['placed', 'placed'],
  )
  const first = await stat(join(mirror, 'pool/a.deb'))
  const second = await stat(join(mirror, 'other/copy of a'))
  t.equal(first.ino, second.ino)
  t.equal(first.mode & 0o777, 0o644)
  t.equal(Math.floor(first.mtimeMs / 1000), content.modifiedSeconds)
  t.equal((await stat(join(mirror, 'pool'))).mode & 0o777, 0o755)
  t.ok(volunteer.store.holds(content.number))
  t.notOk(await stat(file).catch(() => null), 'the partial file is consumed')
})

t.test('bytes that are not the content are refused and removed', async t => {
  const { volunteer, fetch, mirror } = await prepare(t)
  const { content, file } = await fetch('pool/a.deb', 'package x')
  await t.rejects(volunteer.placer.placeFetched(content, file, [repoPath('pool/a.deb')]), {
    code: 'MS_CONTENT_MISMATCH',
  })
  t.strictSame(await readTree(mirror), {})
  t.notOk(volunteer.store.holds(content.number))
  t.notOk(await stat(file).catch(() => null))
})

t.test('where links and renames across file systems are refused, copies are made', async t => {
  for (const code of ['EPERM', 'EMLINK', 'EXDEV']) {
    const partialName = /partial\//
    const { volunteer, fetch, mirror } = await prepare(t, {
      calls: {
        link: refusing(code) as typeof link,
        rename: (async (from, to) =>
          partialName.test(String(from))
            ? await refusing('EXDEV')()
            : await rename(from, to)) as typeof rename,
      },
    })
    const { content, file } = await fetch('pool/a.deb')
    const paths = [repoPath('pool/a.deb'), repoPath('pool/c.deb')]
    await volunteer.placer.placeFetched(content, file, paths)
    t.strictSame(await readTree(mirror), { 'pool/a.deb': 'package a', 'pool/c.deb': 'package a' })
    const [one, two] = await Promise.all(paths.map(path => stat(join(mirror, path))))
    t.not(one?.ino, two?.ino)
    t.equal(Math.floor((two?.mtimeMs ?? 0) / 1000), content.modifiedSeconds)
    t.equal(volunteer.store.filesOf(content.sha256).length, 2)
  }
})

/** After the first snapshot is in place the volunteer no longer adopts. */
const settled = (volunteer: Awaited<ReturnType<typeof testMirror>>): void =>
  volunteer.store.setPlacedSnapshot(1)

t.test('an unknown file in the way is not touched, and reported', async t => {
  const { volunteer, fetch, mirror } = await prepare(t)
  settled(volunteer)
  await mkdir(join(mirror, 'pool'))
  await writeFile(join(mirror, 'pool/a.deb'), 'mine')
  const before = await snapshotOf(join(mirror, 'pool/a.deb'))
  const { content, file } = await fetch('pool/a.deb')
  const [result] = await volunteer.placer.placeFetched(content, file, [repoPath('pool/a.deb')])
  t.match(result, { kind: 'blocked', reason: /unknown file/ })
  t.strictSame(await snapshotOf(join(mirror, 'pool/a.deb')), before)
  t.strictSame(await readTree(mirror), { 'pool/a.deb': 'mine' })
  t.notOk(volunteer.store.holds(content.number))
})

t.test('a file whose bytes are another content of the repository is replaced', async t => {
  const { volunteer, fetch, mirror } = await prepare(t)
  settled(volunteer)
  await mkdir(join(mirror, 'pool'))
  await writeFile(join(mirror, 'pool/a.deb'), 'package b')
  const { content, file } = await fetch('pool/a.deb')
  await volunteer.placer.placeFetched(content, file, [repoPath('pool/a.deb')])
  t.strictSame(await readTree(mirror), { 'pool/a.deb': 'package a' })
})

t.test('while adopting, an old copy of a path is replaced by rename, never altered', async t => {
  const { volunteer, fetch, mirror } = await prepare(t)
  await mkdir(join(mirror, 'pool'))
  await writeFile(join(mirror, 'pool/a.deb'), 'an older version')
  await chmod(join(mirror, 'pool/a.deb'), 0o444)
  await link(join(mirror, 'pool/a.deb'), join(mirror, 'kept by the owner'))
  const { content, file } = await fetch('pool/a.deb')
  await volunteer.placer.placeFetched(content, file, [repoPath('pool/a.deb')])
  t.strictSame(await readTree(mirror), {
    'kept by the owner': 'an older version',
    'pool/a.deb': 'package a',
  })
  t.equal((await stat(join(mirror, 'kept by the owner'))).mode & 0o777, 0o444)
})

t.test('what was placed and then changed by somebody is the owner’s', async t => {
  const { volunteer, fetch, mirror } = await prepare(t)
  settled(volunteer)
  const placed = await fetch('pool/a.deb')
  await volunteer.placer.placeFetched(placed.content, placed.file, [repoPath('pool/a.deb')])
  await writeFile(join(mirror, 'pool/a.deb'), 'edited')
  t.equal(await volunteer.placer.remove(repoPath('pool/a.deb')), false)
  t.strictSame(await readTree(mirror), { 'pool/a.deb': 'edited' })
  const again = await fetch('pool/a.deb')
  const [result] = await volunteer.placer.placeFetched(again.content, again.file, [
    repoPath('pool/a.deb'),
  ])
  t.equal(result?.kind, 'blocked')
  t.strictSame(await readTree(mirror), { 'pool/a.deb': 'edited' })
})

t.test('removal takes own files and own empty folders, nothing else', async t => {
  const { volunteer, fetch, mirror } = await prepare(t)
  await mkdir(join(mirror, 'theirs'))
  for (const path of ['deep/er/a.deb', 'theirs/a.deb']) {
    const { content, file } = await fetch('pool/a.deb')
    await volunteer.placer.placeFetched(content, file, [repoPath(path)])
    t.equal(await volunteer.placer.remove(repoPath(path)), true)
  }
  t.notOk(await stat(join(mirror, 'deep')).catch(() => null), 'made by us, empty now')
  t.ok((await stat(join(mirror, 'theirs'))).isDirectory(), 'not made by us')
})

t.test('nothing is written through a symlinked folder', async t => {
  const { repository, volunteer, fetch, mirror } = await prepare(t)
  const outside = join(repository.root, '..', 'outside')
  await mkdir(outside)
  await symlink(outside, join(mirror, 'pool'))
  const { content, file } = await fetch('pool/a.deb')
  const [result] = await volunteer.placer.placeFetched(content, file, [repoPath('pool/x/a.deb')])
  t.match(result, { kind: 'blocked', reason: /stands where a folder is needed/ })
  t.strictSame(await readTree(outside), {})
  t.equal((await lstat(join(mirror, 'pool'))).isSymbolicLink(), true)
})

t.test('an own symlink gives way to a folder, an own folder to a file and back', async t => {
  const { volunteer, fetch, mirror } = await prepare(t)
  settled(volunteer)
  const put = async (path: string) => {
    const { content, file } = await fetch('pool/a.deb')
    const [result] = await volunteer.placer.placeFetched(content, file, [repoPath(path)])
    return result?.kind
  }
  t.match(await volunteer.placer.placeLink(repoPath('x'), 'elsewhere'), { kind: 'placed' })
  t.equal(await put('x/y/z'), 'placed')
  t.strictSame(await readTree(mirror), { 'x/y/z': 'package a' })
  t.equal(await put('x'), 'placed')
  t.strictSame(await readTree(mirror), { x: 'package a' })
  t.equal(await put('x/again'), 'placed')
  t.strictSame(await readTree(mirror), { 'x/again': 'package a' })
})

t.test('a folder with an unknown file stays, and so does an unknown empty folder', async t => {
  const { volunteer, fetch, mirror } = await prepare(t)
  await mkdir(join(mirror, 'full'))
  await writeFile(join(mirror, 'full/notes'), 'mine')
  await mkdir(join(mirror, 'empty'))
  for (const path of ['full', 'empty']) {
    const { content, file } = await fetch('pool/a.deb')
    const [result] = await volunteer.placer.placeFetched(content, file, [repoPath(path)])
    t.match(result, { kind: 'blocked' })
  }
  t.ok((await stat(join(mirror, 'empty'))).isDirectory())
  t.strictSame(await readTree(mirror), { 'full/notes': 'mine' })
})

t.test('a symlink that could lead out is refused; the owner’s is not replaced', async t => {
  const { volunteer, mirror } = await prepare(t)
  const evil = await volunteer.placer.placeLink(repoPath('a/l'), '../../etc')
  t.match(evil, { kind: 'blocked', reason: /lead out/ })
  await symlink('/somewhere', join(mirror, 'l'))
  t.match(await volunteer.placer.placeLink(repoPath('l'), 'pool'), { kind: 'blocked' })
  t.strictSame(await readTree(mirror), { l: '-> /somewhere' })
})

t.test('a changed source of a hard link is noticed, and the content is no longer held', async t => {
  const { volunteer, fetch, mirror } = await prepare(t)
  const { content, file } = await fetch('pool/a.deb')
  await volunteer.placer.placeFetched(content, file, [repoPath('pool/a.deb')])
  await utimes(join(mirror, 'pool/a.deb'), 1, 1)
  await t.rejects(volunteer.placer.placeHeld(content, [repoPath('pool/c.deb')]), {
    code: 'MS_CONTENT_NOT_HELD',
  })
  t.notOk(volunteer.store.holds(content.number))
})

t.test('what the system refuses blocks the path; a full disk is told as such', async t => {
  const failing = (code: string) => ({ calls: { link, rename: refusing(code) as typeof rename } })
  const cases: [string, RegExp][] = [
    ['EACCES', /may not be changed/],
    ['EROFS', /read-only/],
    ['ENAMETOOLONG', /too long/],
  ]
  for (const [code, reason] of cases) {
    const { volunteer, fetch, mirror } = await prepare(t, failing(code))
    const { content, file } = await fetch('pool/a.deb')
    const [result] = await volunteer.placer.placeFetched(content, file, [repoPath('a.deb')])
    t.match(result, { kind: 'blocked', reason })
    t.strictSame(await readTree(mirror), {})
  }
  const { volunteer, fetch } = await prepare(t, failing('ENOSPC'))
  const { content, file } = await fetch('pool/a.deb')
  await t.rejects(volunteer.placer.placeFetched(content, file, [repoPath('a.deb')]), {
    code: 'MS_DISK_FULL',
  })
  t.ok(await stat(file), 'what was fetched stays for the next attempt')
})
