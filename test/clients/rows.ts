// All rows of the matrix, in the order of docs/CLIENTS.md.

import { downloaders } from './downloaders.ts'
import { packageManagers } from './package-managers.ts'
import type { Row } from './row.ts'

export const rows: readonly Row[] = [...packageManagers, ...downloaders]
