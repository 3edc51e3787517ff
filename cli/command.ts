// What a command is. Its code is loaded when it runs, so that help is quick.

import type { Io } from './io.ts'
import type { OptionTable, Values } from './option-spec.ts'
import { type Environment, resolveOptions } from './resolve-options.ts'

/** Carries a command out; `reread` gives the options as they are now. Rejects with UsageError. */
export type CarryOut<T extends OptionTable> = (
  options: Values<T>,
  io: Io,
  reread: () => Promise<Values<T>>,
) => Promise<void>

export interface CommandSpec<T extends OptionTable> {
  /** One word or two: 'token create'. */
  readonly name: string
  /** One sentence without a full stop. */
  readonly summary: string
  readonly options: T
  /** Command lines behind "mirrorswarm ". */
  readonly examples: readonly string[]
  readonly load: () => Promise<CarryOut<T>>
}

export interface Command {
  readonly name: string
  readonly summary: string
  readonly options: OptionTable
  readonly examples: readonly string[]
  /** Read the options (UsageError), then carry out; rejects with what went wrong. */
  run(words: readonly string[], environment: Environment, io: Io): Promise<void>
}

/** Ties a command's code to its options, so that the types of both must agree. */
export const defineCommand = <const T extends OptionTable>(spec: CommandSpec<T>): Command => ({
  name: spec.name,
  summary: spec.summary,
  options: spec.options,
  examples: spec.examples,
  run: async (words, environment, io) => {
    const read = () => resolveOptions(spec.options, words, environment)
    const values = await read()
    const carryOut = await spec.load()
    await carryOut(values, io, read)
  },
})
