// mirrorswarm demo: everything on loopback.

import { demo } from '../demo/demo.ts'
import type { Io } from '../io.ts'
import type { Values } from '../option-spec.ts'
import type { optionTables } from '../options.ts'

export const runDemo = async (options: Values<typeof optionTables.demo>, io: Io): Promise<void> => {
  await demo({ once: options.once }, io)
}
