// The table with which the demo ends.

import { formatSize } from '../../core/units.ts'
import { textTable } from '../text-table.ts'
import type { Downloads } from './downloads.ts'
import type { Traffic } from './traffic.ts'

export interface SummaryInput {
  readonly servers: readonly { readonly name: string; readonly traffic: Traffic }[]
  readonly uniqueBytes: number
  readonly redirects: number
  readonly downloads: Downloads
}

/** Bytes by server, then the figures that matter. The first server is the origin. */
export const summaryText = (input: SummaryInput): string => {
  const { servers, uniqueBytes, redirects, downloads } = input
  const table = textTable(
    [
      { title: 'server' },
      { title: 'to clients', align: 'right' },
      { title: 'to volunteers', align: 'right' },
      { title: 'fetched', align: 'right' },
    ],
    servers.map(({ name, traffic }) => [
      name,
      formatSize(traffic.toClientsBytes),
      formatSize(traffic.toSwarmBytes),
      formatSize(traffic.fetchedBytes),
    ]),
    100,
  )
  const uploaded = servers[0]?.traffic.toSwarmBytes ?? 0
  const ratio = uniqueBytes === 0 ? '–' : (uploaded / uniqueBytes).toFixed(2)
  const lines = [
    `origin to volunteers: ${formatSize(uploaded)} for ${formatSize(uniqueBytes)} of unique bytes (${ratio} ×)`,
    `redirects: ${redirects}`,
    `downloads: ${downloads.all.length - downloads.failures.length} arrived with the right hash, ${downloads.failures.length} failed`,
    ...downloads.failures.map(({ program, name, failure }) => `  ${program} ${name}: ${failure}`),
  ]
  return `${table}\n\n${lines.join('\n')}`
}
