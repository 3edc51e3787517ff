// Filling goes on until all held files are told, whatever becomes of the memories meanwhile.

import t from 'tap'
import { silentLogger } from '../core/log.ts'
import { BasisFiller, type BasisFillerParts } from './basis-filler.ts'

const never = 2 ** 31

/** Ten held files, and memories that are lost when told to. */
const world = (options: { readonly loseAt: number; readonly unusableFor: number }) => {
  const hashed: string[] = []
  const told: number[] = []
  let [generation, mark, filled, pauses, unusable] = [0, 0, false, 0, options.unusableFor]
  let refill = (): void => undefined
  const lose = (): void => {
    generation += 1
    mark = 0
    filled = false
    refill()
  }
  const index = {
    get generation() {
      return generation
    },
    get isUsable() {
      return unusable-- <= 0
    },
    mark: () => mark,
    save: () => undefined,
    setMark: (_: string, value: number) => {
      mark = value
    },
  }
  const names = {
    get generation() {
      return generation
    },
    isUsable: true,
    needsFilling: () => !filled,
    add: (page: readonly unknown[]) => void told.push(page.length),
    setFilled: () => {
      filled = true
    },
  }
  const held = {
    after: (path: string | null) => (path === null ? [{ path: 'last' }] : []),
    nextByHash: (prefix: number) =>
      prefix < 10
        ? { file: { path: `file ${prefix}`, sizeBytes: 1 }, next: prefix + 1 }
        : { file: null, next: null },
    isIntact: async () => true,
    file: ({ path }: { readonly path: string }) => path,
  }
  const hasher = {
    hash: async (file: string) => {
      hashed.push(file)
      if (hashed.length === options.loseAt) lose()
    },
  }
  const parts = { held, names, index, hasher, logger: silentLogger } as unknown as BasisFillerParts
  const filler = new BasisFiller({
    ...parts,
    pause: async () => {
      pauses += 1
    },
  })
  refill = () => filler.start()
  const state = () => ({ hashed, told, mark, filled, pauses })
  return { filler, state }
}

t.test('a loss half-way begins anew', async t => {
  const { filler, state } = world({ loseAt: 6, unusableFor: 0 })
  filler.start()
  await filler.finished()
  while (state().mark !== 2 ** 32) await filler.finished()
  const { hashed, filled } = state()
  t.equal(hashed.length, 16)
  t.equal(new Set(hashed.slice(6)).size, 10, 'all, once more')
  t.equal(filled, true)
})

t.test('what cannot be used yet is waited for', async t => {
  const { filler, state } = world({ loseAt: never, unusableFor: 3 })
  filler.start()
  await filler.finished()
  t.same([state().hashed.length, state().pauses], [10, 13])
})
