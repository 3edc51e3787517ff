// How long to wait before trying again, so that many volunteers do not come back at the same moment.

import type { Random } from '../../core/clock.ts'
import { backoffFirstMs, backoffMostMs } from '../../core/volunteer-limits.ts'

/** Doubles with each failure up to the bound; between half and the whole of that, at random. */
export const backoffMs = (
  failures: number,
  random: Random,
  firstMs = backoffFirstMs,
  mostMs = backoffMostMs,
): number => {
  const full = Math.min(mostMs, firstMs * 2 ** Math.min(30, Math.max(0, failures - 1)))
  return full * (0.5 + random() / 2)
}
