import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { TestFollower, TestRepository, tableOf } from './fixtures/test-repository.ts'
import type { Head } from './model.ts'

const kills = 20
const snapshots = 30

const program = join(import.meta.dirname, 'fixtures/apply-until-killed.ts')

/**
 * Run the volunteer’s side and kill it within 25 ms of its first, second or third application, by
 * `run`: how far it comes does not hang on the machine’s speed.
 */
const runAndKill = async (parameters: readonly string[], run: number): Promise<void> => {
  const child = spawn(process.execPath, [program, ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const delayMs = Math.random() * 25
  let begun = 0
  for await (const _ of createInterface({ input: child.stdout })) {
    begun += 1
    if (begun === 1 + (run % 3)) setTimeout(() => child.kill('SIGKILL'), delayMs)
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  if (child.exitCode !== null && child.exitCode !== 0) {
    throw new Error(`it ended by itself (${child.exitCode})`)
  }
}

t.test(`kill -9 of a volunteer’s manifest, ${kills} times`, { timeout: 240_000 }, async t => {
  const folder = t.testdir()
  const origin = new TestRepository(folder)
  t.teardown(() => origin.close())
  const heads: Head[] = []
  mkdirSync(join(origin.root, 'd'))
  for (let number = 1; number <= snapshots; number++) {
    for (let index = 0; index < 120; index++) {
      const round = index % 7 === number % 7 ? number : 0
      writeFileSync(join(origin.root, `d/${index}`), `content ${index} ${round}`)
    }
    await origin.publish()
    heads.push(origin.head())
  }
  const headsFile = join(folder, 'heads.json')
  writeFileSync(headsFile, JSON.stringify(heads))
  const file = join(folder, 'follower.db')
  const follower = new TestFollower(file)
  t.teardown(() => follower.close())
  const seen = new Set<number>()
  for (let run = 0; run < kills; run++) {
    await runAndKill([file, join(origin.dataDir, 'objects'), headsFile], run)
    const number = follower.reader.latest()?.number ?? 0
    seen.add(number)
    if (number === 0) continue
    t.same(follower.reader.latest(), origin.reader.snapshot(number), `run ${run}: ${number}`)
    t.same(tableOf(follower.reader, number), tableOf(origin.reader, number))
  }
  t.ok(seen.size > 2, `killed at ${[...seen].join(', ')}`)
  await follower.follow(origin)
  t.same(tableOf(follower.reader, snapshots), tableOf(origin.reader, snapshots))
  t.same(follower.startedOver, [])
})
