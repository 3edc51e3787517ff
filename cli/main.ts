// The command line's root: finds the command, runs it, and turns whatever happens into one line and
// an exit status (0 done, 1 failed, 2 wrong usage, 130 interrupted).

import { readFileSync } from 'node:fs'
import { describeError, isMirrorswarmError, systemCode } from '../core/errors.ts'
import type { Command } from './command.ts'
import { commands } from './commands.ts'
import { commandHelp, groupHelp, overallHelp } from './help.ts'
import type { Io } from './io.ts'
import { suggestion } from './nearest.ts'
import type { Environment } from './resolve-options.ts'
import { UsageError } from './usage-error.ts'

const exitStatus = { done: 0, failed: 1, wrongUsage: 2, interrupted: 130 } as const

const version = (): string => {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { readonly version: string }
  return `mirrorswarm ${version} (Node ${process.versions.node})`
}

type Found =
  | { readonly kind: 'command'; readonly command: Command; readonly rest: readonly string[] }
  | { readonly kind: 'group'; readonly name: string; readonly members: readonly Command[] }

const find = (words: readonly string[]): Found => {
  const [first = '', second = ''] = words
  const direct = commands.find(({ name }) => name === first)
  if (direct) return { kind: 'command', command: direct, rest: words.slice(1) }
  const members = commands.filter(({ name }) => name.startsWith(`${first} `))
  if (members.length === 0) {
    const names = [...new Set(commands.map(({ name }) => name.split(' ')[0] ?? name))]
    throw new UsageError(
      `there is no command "${first}"${suggestion(first, names, 'try mirrorswarm --help')}`,
    )
  }
  const member = members.find(({ name }) => name === `${first} ${second}`)
  if (member) return { kind: 'command', command: member, rest: words.slice(2) }
  if (second === '' || second === '--help' || second === '-h') {
    return { kind: 'group', name: first, members }
  }
  const names = members.map(({ name }) => name.slice(first.length + 1))
  throw new UsageError(
    `there is no command "${first} ${second}"${suggestion(second, names, `try mirrorswarm ${first} --help`)}`,
  )
}

const asksForHelp = (words: readonly string[]): boolean => {
  const end = words.indexOf('--')
  return words.slice(0, end < 0 ? words.length : end).some(word => /^(?:--help|-h)$/.test(word))
}

const dispatch = async (
  words: readonly string[],
  environment: Environment,
  io: Io,
): Promise<number> => {
  const [first] = words
  if (first === undefined) {
    io.note(overallHelp(commands))
    return exitStatus.wrongUsage
  }
  if (first === '--help' || first === '-h' || (first === 'help' && words.length === 1)) {
    io.print(overallHelp(commands))
    return exitStatus.done
  }
  if (first === '--version') {
    io.print(version())
    return exitStatus.done
  }
  if (first.startsWith('-')) {
    throw new UsageError(`a command comes first, "${first}" is none (try mirrorswarm --help)`)
  }
  const found = find(first === 'help' ? [...words.slice(1), '--help'] : words)
  if (found.kind === 'group') {
    const asked = words.length > 1
    if (asked) io.print(groupHelp(found.name, found.members))
    else io.note(groupHelp(found.name, found.members))
    return asked ? exitStatus.done : exitStatus.wrongUsage
  }
  if (asksForHelp(found.rest)) io.print(commandHelp(found.command))
  else await found.command.run(found.rest, environment, io)
  return exitStatus.done
}

const systemHints: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses that port; give another --listen',
  EACCES: 'run it as a user who may, or change the permissions',
  EPERM: 'run it as a user who may, or change the permissions',
  EADDRNOTAVAIL: 'this machine does not have that address; give another --listen',
  ENOSPC: 'free some space',
  EMFILE: 'raise the limit of open files (ulimit -n)',
  EROFS: 'the disk is mounted read-only; name another folder',
}

const hintFor = (error: unknown): string => {
  if (isMirrorswarmError(error)) return error.hint
  const code = systemCode(error)
  if (code === undefined) return 'a fault in mirrorswarm; please report it'
  return systemHints[code] ?? 'the operating system refused'
}

/** "what is wrong (what to do)", in one line. */
const oneLine = (error: unknown): string => {
  const text =
    error instanceof UsageError ? error.message : `${describeError(error)} (${hintFor(error)})`
  return `mirrorswarm: ${text}`.replace(/\s+/g, ' ')
}

/** Run one command line; never rejects. */
export const main = async (
  words: readonly string[],
  environment: Environment,
  io: Io,
): Promise<number> => {
  try {
    return await dispatch(words, environment, io)
  } catch (error) {
    if (io.stopped.aborted && !(error instanceof UsageError)) return exitStatus.interrupted
    io.note(oneLine(error))
    return error instanceof UsageError ? exitStatus.wrongUsage : exitStatus.failed
  }
}
