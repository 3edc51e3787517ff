// What every event log must do, as tests; each implementation's own test calls it.

import type { Test } from 'tap'
import type { EventLog } from './event-log.ts'

interface Happening {
  readonly what: string
}

/** Opens the log of the given name: the same one again after it was closed. */
export type OpenLog = (name: string, options: { retained: number }) => EventLog<Happening>

const happenings = (...names: string[]): Happening[] => names.map(what => ({ what }))
const all = { retained: 1000 }

const testOrder = async (t: Test, open: OpenLog): Promise<void> => {
  const log = open('order', all)
  t.equal(await log.last(), 0)
  t.strictSame(await log.read(0, 10), [])
  const seen: string[] = []
  const stop = log.subscribe(entries => {
    for (const { sequence, event } of entries) seen.push(`${sequence}${event.what}`)
  })
  const first = log.append(happenings('a', 'b'))
  const second = log.append(happenings('c'), { flush: true })
  t.equal(await first, 2)
  t.strictSame(seen.slice(0, 2), ['1a', '2b'], 'listeners know before the append resolves')
  t.equal(await second, 3)
  t.equal(await log.append([]), 3, 'nothing appended is nothing')
  stop()
  await log.append(happenings('d'))
  t.strictSame(seen, ['1a', '2b', '3c'], 'who left hears no more')
  t.equal(await log.last(), 4)
  t.strictSame(
    (await log.read(1, 2)).map(entry => [entry.sequence, entry.event.what]),
    [
      [2, 'b'],
      [3, 'c'],
    ],
  )
  t.strictSame(await log.read(4, 2), [])
  await log.close()
}

const testPicture = async (t: Test, open: OpenLog): Promise<void> => {
  const log = open('picture', { retained: 3 })
  t.equal(await log.picture(), null)
  for (const what of 'abcdefghij') await log.append(happenings(what))
  await log.savePicture(5, [Buffer.from('up to e')])
  t.equal((await log.read(0, 100))[0]?.sequence, 6, 'what the picture holds is trimmed')
  await log.savePicture(9, [Buffer.from('up '), Buffer.from('to i')])
  t.equal((await log.read(0, 100))[0]?.sequence, 8, 'but three stay for those who resume')
  t.equal((await log.read(8, 100))[0]?.sequence, 9)
  const picture = await log.picture()
  t.equal(picture?.sequence, 9)
  t.equal(Buffer.concat([...(picture?.parts ?? [])]).toString(), 'up to i')
  t.equal(await log.append(happenings('k')), 11)
  await log.close()
}

const testMany = async (t: Test, open: OpenLog): Promise<void> => {
  const log = open('many', all)
  const heard: number[] = []
  log.subscribe(entries => heard.push(...entries.map(entry => entry.sequence)))
  const appends = Array.from({ length: 50 }, (_, k) => log.append(happenings(`${k}`, `${k}`)))
  t.strictSame(
    await Promise.all(appends),
    Array.from({ length: 50 }, (_, k) => 2 * k + 2),
    'concurrent calls keep their order',
  )
  t.strictSame(
    heard,
    Array.from({ length: 100 }, (_, k) => k + 1),
  )
  const names = (await log.read(0, 1000)).map(entry => entry.event.what)
  t.strictSame(
    names,
    Array.from({ length: 100 }, (_, k) => `${k >> 1}`),
  )
  await log.close()
}

export const eventLogContract = (t: Test, open: OpenLog): void => {
  t.test('events are numbered from one, in order, and listeners hear them', t => testOrder(t, open))
  t.test('a picture trims the log, but for those who resume', t => testPicture(t, open))
  t.test('appends that run together stay whole and in order', t => testMany(t, open))
}
