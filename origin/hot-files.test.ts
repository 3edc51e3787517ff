import t from 'tap'
import type { RepoPath, Sha256 } from '../core/ids.ts'
import { headLines } from '../delivery/head-lines.ts'
import { linkContent } from '../delivery/link-signer.ts'
import { validatorHeaders } from '../delivery/logic/respond.ts'
import type { Content, Snapshot } from '../manifest/model.ts'
import { HotFiles, textsOf } from './hot-files.ts'

const content = {
  number: 1,
  sha256: 'ab'.repeat(32) as Sha256,
  sizeBytes: 9_000,
  modifiedSeconds: 1,
}

const setUp = (prefix = '', known = ['pool/a.deb', 'dists/InRelease', 'odd/%41%2B', '-x/y']) => {
  const state = { snapshot: 1, looks: 0 }
  const resolver = {
    get latest() {
      return { number: state.snapshot, files: 2 } as Snapshot
    },
    findFile: (path: RepoPath) => {
      state.looks++
      return known.includes(path)
        ? { kind: 'file' as const, path, content: content as unknown as Content }
        : null
    },
  }
  const keepAtOrigin = (path: RepoPath) => path.endsWith('.kept')
  return {
    state,
    files: new HotFiles({ resolver, keepAtOrigin, isIndex: keepAtOrigin, prefix }, 2),
  }
}

t.test('targets lead to their files, once looked up', async t => {
  const { state, files } = setUp()
  for (let time = 0; time < 3; time++) t.equal(files.find('/pool/a.deb')?.path, 'pool/a.deb')
  t.equal(state.looks, 1)
  t.match(files.find('/pool/a.deb')?.head, /^cache-control: no-store\r\netag: "sha256-abab/)
  t.equal(files.find('/-x/y')?.path, '-x/y')
})

t.test('a new snapshot is looked at anew', async t => {
  const { state, files } = setUp()
  files.find('/pool/a.deb')
  state.snapshot = 2
  t.equal(files.find('/pool/a.deb')?.snapshot, 2)
  t.equal(state.looks, 2)
})

t.test('whatever depends on more than the name is nothing here', async t => {
  const { files } = setUp()
  const targets = ['/pool/a.deb?sha256', '/pool/a.deb/', '/dists/InRelease', '/-/health', '/-', '/']
  const odd = ['', '*', '/pool/../pool/a.deb', '/pool/./a.deb', '/pool/%2e/a.deb', '/%zz', '/none']
  for (const target of [...targets, ...odd]) t.equal(files.find(target), null, target)
})

t.test('other spellings are understood, and long ones not remembered', async t => {
  const { state, files } = setUp()
  for (const target of ['/odd/%2541%2b', '/odd/%41+', 'http://o/pool/a.deb', '///pool//a.deb']) {
    const looks = state.looks
    files.find(target)
    files.find(target)
    if (target.startsWith('http') || target.startsWith('///')) {
      t.equal(files.find(target)?.path, 'pool/a.deb')
      t.equal(state.looks - looks, 3, 'each time')
    }
  }
  t.equal(files.find(`/${'x/'.repeat(400)}a`), null)
})

t.test('what is indexed is neither looked up nor remembered', async t => {
  const state = { looks: 0, asked: 0, snapshot: 1 }
  const files = new HotFiles({
    resolver: {
      get latest() {
        return { number: state.snapshot } as Snapshot
      },
      findFile: () => {
        state.looks++
        return null
      },
    },
    index: {
      has: snapshot => snapshot === 1,
      find: (path, snapshot) => {
        state.asked++
        return snapshot === 1 && path.startsWith('pool/') ? content : null
      },
    },
    keepAtOrigin: path => path.endsWith('.kept'),
    isIndex: () => false,
    prefix: '',
  })
  for (let time = 0; time < 4; time++) t.match(files.find('/pool/a.deb'), { path: 'pool/a.deb' })
  t.strictSame(state, { looks: 0, asked: 4, snapshot: 1 })
  t.equal(files.find('/other'), null)
  t.equal(state.looks, 1)
  state.snapshot = 2
  t.equal(files.find('/pool/a.deb'), null, 'of the newest snapshot only')
})

t.test('texts of a file are those that the routes make', async t => {
  for (const modifiedSeconds of [0, 1, 1_700_000_000, -5, 1e12]) {
    for (const sha256 of ['00', 'fb', 'ff', '3e'].map(byte => byte.repeat(32) as Sha256)) {
      const file = { ...content, sha256, modifiedSeconds }
      t.strictSame(textsOf(file), {
        linked: linkContent(sha256),
        head: headLines({ 'cache-control': 'no-store', ...validatorHeaders(file) }),
      })
    }
  }
})

t.test('the prefix of the public URL is no part of the path', async t => {
  const { files } = setUp('/mirror')
  t.equal(files.find('/mirror/pool/a.deb')?.path, 'pool/a.deb')
  t.equal(files.find('/mirror/-/health'), null)
})
