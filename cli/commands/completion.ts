// mirrorswarm completion SHELL: prints the script that lets the shell complete command lines.

import { commands } from '../commands.ts'
import { completionScript } from '../completion/scripts.ts'
import { offeredCommands } from '../completion/words.ts'
import type { Io } from '../io.ts'
import type { Values } from '../option-spec.ts'
import type { optionTables } from '../options.ts'

export const runCompletion = async (
  { shell }: Values<typeof optionTables.completion>,
  io: Io,
): Promise<void> => {
  io.print(completionScript(shell, offeredCommands(commands)))
}
