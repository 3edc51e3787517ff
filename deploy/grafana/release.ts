// How a release travels: who has how much of the newest snapshot, how fast it comes, and what of it
// the origin has to send.

import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { curves, newDashboard, number, type Section, withSections } from './panels.ts'

const origin = 'job="mirrorswarm-origin"'
const interval = '$__rate_interval'

const now: Section = {
  title: 'The newest snapshot',
  panels: [
    number('Snapshot', `max(mirrorswarm_snapshot_number{${origin}})`),
    number('Made', 'max(mirrorswarm_snapshot_created_timestamp_seconds) * 1000', {
      unit: 'dateTimeFromNow',
    }),
    number('Files', 'max(mirrorswarm_snapshot_files)'),
    number('Size', 'max(mirrorswarm_snapshot_bytes)', { unit: 'bytes' }),
    number('Volunteers that have it', 'mirrorswarm:volunteers_current:ratio', {
      unit: 'percentunit',
      worry: [0.9, 0.5],
      worryBelow: true,
    }),
    number('Farthest behind', 'max(mirrorswarm_volunteer_behind_seconds)', {
      unit: 's',
      worry: [900, 3600],
    }),
  ],
}

const progress: Section = {
  title: 'Who has how much',
  panels: [
    curves(
      'Of what each wants',
      [
        [
          'mirrorswarm_volunteer_held_bytes / (mirrorswarm_volunteer_wanted_bytes > 0)',
          '{{volunteer}}',
        ],
      ],
      {
        unit: 'percentunit',
        about: 'Bytes in place, of those that its owner wants of the repository.',
      },
    ),
    curves(
      'Still to come',
      [['mirrorswarm_volunteer_wanted_bytes - mirrorswarm_volunteer_held_bytes', '{{volunteer}}']],
      { unit: 'bytes', stacked: true },
    ),
    curves('Snapshots behind', [['mirrorswarm_volunteer_snapshots_behind', '{{volunteer}}']]),
    curves('Behind, time', [['mirrorswarm_volunteer_behind_seconds', '{{volunteer}}']], {
      unit: 's',
    }),
  ],
}

const swarm: Section = {
  title: 'The swarm',
  panels: [
    curves(
      'Synchronisation of each',
      [['mirrorswarm_volunteer_sync_bytes_per_second', '{{volunteer}}']],
      {
        unit: 'Bps',
      },
    ),
    curves(
      'Where it comes from',
      [
        [
          `sum by (from) (rate(mirrorswarm_volunteer_obtained_bytes_total[${interval}]))`,
          '{{from}}',
        ],
      ],
      { unit: 'Bps', stacked: true },
    ),
    curves(
      'What the origin sends to volunteers',
      [[`sum(rate(mirrorswarm_sent_bytes_total{${origin},kind="sync"}[${interval}]))`, 'origin']],
      { unit: 'Bps' },
    ),
    curves('Pieces of all downloads', [['sum by (kind) (mirrorswarm_swarm_pieces)', '{{kind}}']]),
    curves('Torrents', [
      ['sum(mirrorswarm_swarm_torrents)', 'torrents'],
      ['sum(mirrorswarm_swarm_downloads)', 'downloads'],
      ['sum(mirrorswarm_swarm_unseeded_torrents)', 'torrents that need the origin'],
    ]),
    curves(
      'Failures',
      [
        [
          `sum by (code) (rate(mirrorswarm_errors_total{job="mirrorswarm-volunteers"}[${interval}]))`,
          '{{code}}',
        ],
      ],
      {
        unit: 'ops',
        about: 'Of volunteers whose own metrics are read: transfers, announces, heads.',
      },
    ),
  ],
}

export const releaseDashboard = (): DashboardBuilder =>
  withSections(
    newDashboard(
      'release',
      'synchronisation of a release',
      'Who has how much of the newest snapshot.',
    ),
    [now, progress, swarm],
  )
