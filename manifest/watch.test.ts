import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import { MirrorswarmError } from '../core/errors.ts'
import { TreeWatcher, type WatchOptions } from './watch.ts'

/** Wait until something is so, or fail after ten seconds. */
const until = async (t: Test, what: string, condition: () => boolean): Promise<void> => {
  const deadlineMs = Date.now() + 10_000
  while (!condition()) {
    if (Date.now() > deadlineMs) {
      t.fail(`in vain: ${what}`)
      return
    }
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  t.pass(what)
}

const watched = (t: Test, root: string, options: Partial<WatchOptions> = {}) => {
  const state = { calls: 0, running: 0, most: 0, problems: [] as unknown[] }
  const watcher = new TreeWatcher(root, {
    settleMs: 60,
    scanIntervalMs: 30,
    clock: systemClock,
    onProblem: error => state.problems.push(error),
    ...options,
    onSettled: async signal => {
      state.calls += 1
      state.running += 1
      state.most = Math.max(state.most, state.running)
      try {
        await options.onSettled?.(signal)
      } finally {
        state.running -= 1
      }
    },
  })
  t.teardown(() => watcher.stop())
  watcher.start()
  return { state, watcher }
}

/** An interval that no test waits for: what happens then is due to events. */
const never = 3_600_000

t.test('it calls at once, then for changes only', async t => {
  const root = t.testdir({ a: 'a', sub: { b: 'b' } })
  const { state } = watched(t, root)
  await until(t, 'the first call', () => state.calls === 1)
  writeFileSync(join(root, 'sub/b'), 'changed')
  await until(t, 'a call for a change', () => state.calls === 2)
  rmSync(join(root, 'a'))
  await until(t, 'a call for a removal', () => state.calls === 3)
  t.same(state.problems, [])
})

t.test('a tree that keeps changing is not called settled', async t => {
  const root = t.testdir({ a: 'a' })
  const { state } = watched(t, root, { settleMs: 150 })
  await until(t, 'the first call', () => state.calls === 1)
  const endMs = Date.now() + 800
  let count = 0
  while (Date.now() < endMs) {
    writeFileSync(join(root, 'a'), `change ${count++}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  t.equal(state.calls, 1, `${count} changes and no call`)
  await until(t, 'a call once it is quiet', () => state.calls === 2)
})

t.test('a marker file is noticed by its event, also in a new folder', async t => {
  const root = t.testdir({ dists: { x: { Release: 'one', other: '' } }, el9: {} })
  const { state, watcher } = watched(t, root, { scanIntervalMs: never })
  await until(t, 'the first call', () => state.calls === 1)
  writeFileSync(join(root, 'dists/x/Release.new'), 'two')
  renameSync(join(root, 'dists/x/Release.new'), join(root, 'dists/x/Release'))
  await until(t, 'a call for a renamed marker', () => state.calls === 2)
  mkdirSync(join(root, 'el9/repodata'))
  writeFileSync(join(root, 'el9/repodata/repomd.xml'), 'one')
  watcher.wake()
  await until(t, 'a call for what a woken look finds', () => state.calls === 3)
  writeFileSync(join(root, 'el9/repodata/repomd.xml'), 'two')
  await until(t, 'a call for the new folder’s marker', () => state.calls === 4)
})

t.test('calls never overlap, and a change during one leads to another', async t => {
  const root = t.testdir({ a: 'a' })
  const { state } = watched(t, root, {
    onSettled: async () => {
      if (state.calls === 1) writeFileSync(join(root, 'a'), 'changed meanwhile')
      await new Promise(resolve => setTimeout(resolve, 100))
    },
  })
  await until(t, 'a second call', () => state.calls === 2)
  await until(t, 'its end', () => state.running === 0)
  t.equal(state.most, 1)
})

t.test('a retryable refusal is tried again, another one only when the tree changes', async t => {
  const root = t.testdir({ a: 'a' })
  const errors = ['MS_PUBLISH_INCOMPLETE', 'MS_PUBLISH_INCOMPLETE', 'MS_PUBLISH_SHRINKS'] as const
  const { state } = watched(t, root, {
    onSettled: async () => {
      const code = errors[state.calls - 1]
      if (code !== undefined) throw new MirrorswarmError(code, 'refused')
    },
  })
  await until(t, 'three calls', () => state.calls === 3)
  t.match(
    state.problems,
    errors.map(code => ({ code })),
  )
  await new Promise(resolve => setTimeout(resolve, 300))
  t.equal(state.calls, 3)
  writeFileSync(join(root, 'a'), 'changed')
  await until(t, 'a fourth call', () => state.calls === 4)
})

t.test('a tree that cannot be read is reported, and published when it is back', async t => {
  const folder = t.testdir({ tree: { a: 'a' } })
  const root = join(folder, 'tree')
  const { state } = watched(t, root)
  await until(t, 'the first call', () => state.calls === 1)
  renameSync(root, join(folder, 'away'))
  await until(t, 'a problem', () => state.problems.length > 0)
  t.match(state.problems.at(-1), { code: 'MS_TREE_UNREADABLE' })
  mkdirSync(root)
  writeFileSync(join(root, 'b'), 'b')
  await until(t, 'a second call', () => state.calls === 2)
})

t.test('stopping ends the wait and tells a running call', async t => {
  const root = t.testdir({ a: 'a' })
  const quiet = watched(t, root, { scanIntervalMs: never })
  await until(t, 'the first call', () => quiet.state.calls === 1)
  await quiet.watcher.stop()
  let told = false
  const busy = watched(t, root, {
    onSettled: signal =>
      new Promise<void>((_, reject) => {
        signal.addEventListener('abort', () => {
          told = true
          reject(signal.reason)
        })
      }),
  })
  await until(t, 'a call', () => busy.state.running === 1)
  await busy.watcher.stop()
  t.equal(told, true)
  t.same(busy.state.problems, [])
})
