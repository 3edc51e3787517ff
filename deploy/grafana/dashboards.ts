// All dashboards, as the text of the files in dashboards/. `npm run grafana` writes them.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { networkDashboard } from './network.ts'
import { originDashboard } from './origin.ts'
import { releaseDashboard } from './release.ts'
import { volunteerDashboard } from './volunteer.ts'

export const dashboardFolder = join(import.meta.dirname, 'dashboards')

const builders = {
  network: networkDashboard,
  volunteer: volunteerDashboard,
  release: releaseDashboard,
  origin: originDashboard,
}

/** Text by file name. */
export const dashboardFiles = (): Map<string, string> =>
  new Map(
    Object.entries(builders).map(([name, build]) => [
      `${name}.json`,
      `${JSON.stringify(build().build(), null, 2)}\n`,
    ]),
  )

if (import.meta.main) {
  for (const [name, text] of dashboardFiles()) writeFileSync(join(dashboardFolder, name), text)
}
