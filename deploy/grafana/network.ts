// The network at a glance: who serves how much, what is saved, who lags, and what is wrong.

import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { curves, newDashboard, number, type Section, withSections } from './panels.ts'

const origin = 'job="mirrorswarm-origin"'
const interval = '$__rate_interval'

const now: Section = {
  title: 'Now',
  panels: [
    number('Volunteers that serve', 'sum(mirrorswarm_volunteers{state=~"synced|syncing"})', {
      worry: [2, 1],
      worryBelow: true,
    }),
    number('Requests that are redirected', 'mirrorswarm:redirects:ratio5m', {
      unit: 'percentunit',
      about:
        'Of all requests, those for small and index files included, which are never redirected.',
    }),
    number('Bytes that the origin sends itself', 'mirrorswarm:origin_share:ratio5m', {
      unit: 'percentunit',
      worry: [0.1, 0.3],
      about: 'Of what clients get.',
    }),
    number('Popular files that nobody has', 'sum(mirrorswarm_hot_contents_unheld)', {
      worry: [1, 10],
    }),
    number('Farthest behind', 'max(mirrorswarm_volunteer_behind_seconds)', {
      unit: 's',
      worry: [900, 3600],
    }),
    number('Alerts', 'count(ALERTS{alertstate="firing"}) or vector(0)', { worry: [1, 3] }),
  ],
}

const clients: Section = {
  title: 'What clients get',
  panels: [
    curves(
      'From whom, bytes',
      [
        [`sum(rate(mirrorswarm_sent_bytes_total{${origin},kind="client"}[${interval}]))`, 'origin'],
        [
          `sum by (volunteer) (rate(mirrorswarm_volunteer_sent_bytes_total{to="clients"}[${interval}]))`,
          '{{volunteer}}',
        ],
      ],
      { unit: 'Bps', stacked: true, about: 'Volunteers as they announce it.' },
    ),
    curves(
      'Redirects by volunteer',
      [
        [
          `sum by (volunteer) (rate(mirrorswarm_volunteer_redirects_total[${interval}]))`,
          '{{volunteer}}',
        ],
      ],
      { unit: 'reqps', stacked: true },
    ),
    curves('How requests end', [['mirrorswarm:requests:rate5m', '{{outcome}}']], {
      unit: 'reqps',
      stacked: true,
    }),
    curves(
      'Why the origin served by itself',
      [[`sum by (reason) (rate(mirrorswarm_not_redirected_total[${interval}]))`, '{{reason}}']],
      {
        unit: 'reqps',
        stacked: true,
        about: 'The reason of the volunteer that came nearest to serving: see docs/OPERATIONS.md.',
      },
    ),
  ],
}

const saved: Section = {
  title: 'What synchronisation costs',
  panels: [
    curves(
      'Where volunteers’ new contents come from',
      [
        [
          `sum by (from) (rate(mirrorswarm_volunteer_obtained_bytes_total[${interval}]))`,
          '{{from}}',
        ],
      ],
      {
        unit: 'Bps',
        stacked: true,
        about:
          'basis: found in what was on their disks · peers: from each other · origin: the rest.',
      },
    ),
    curves(
      'Spared the origin',
      [
        [
          '1 - sum(increase(mirrorswarm_volunteer_obtained_bytes_total{from="origin"}[1d])) / sum(increase(mirrorswarm_volunteer_obtained_bytes_total[1d]))',
          'of the day’s synchronisation',
        ],
        ['1 - mirrorswarm:origin_share:ratio5m', 'of clients’ bytes'],
      ],
      { unit: 'percentunit' },
    ),
    curves(
      'Hours a day that volunteers synchronise',
      [['increase(mirrorswarm_volunteer_sync_seconds_total[1d]) / 3600', '{{volunteer}}']],
      { unit: 'h' },
    ),
    curves('Torrents under way', [
      ['sum(mirrorswarm_swarm_torrents)', 'torrents'],
      ['sum(mirrorswarm_swarm_downloads)', 'downloads'],
      ['sum(mirrorswarm_swarm_unseeded_torrents)', 'torrents that need the origin'],
    ]),
  ],
}

const volunteers: Section = {
  title: 'Volunteers',
  panels: [
    curves('States', [['sum by (state) (mirrorswarm_volunteers)', '{{state}}']], { stacked: true }),
    curves(
      'Behind the newest snapshot',
      [['mirrorswarm_volunteer_behind_seconds', '{{volunteer}}']],
      {
        unit: 's',
      },
    ),
    curves(
      'Traffic to clients',
      [['mirrorswarm_volunteer_client_bytes_per_second', '{{volunteer}}']],
      {
        unit: 'Bps',
      },
    ),
    curves('Synchronisation', [['mirrorswarm_volunteer_sync_bytes_per_second', '{{volunteer}}']], {
      unit: 'Bps',
      about: 'The busier direction.',
    }),
    curves('Suspicion', [['mirrorswarm_volunteer_suspicion', '{{volunteer}}']], {
      width: 8,
      about: 'Failed probes and audits since the last that passed; 2 is quarantine.',
    }),
    curves('Audits', [[`sum by (result) (increase(mirrorswarm_audits_total[1h]))`, '{{result}}']], {
      width: 8,
      stacked: true,
      about: 'In the hour before.',
    }),
    curves('Clocks', [['abs(mirrorswarm_volunteer_clock_skew_seconds)', '{{volunteer}}']], {
      unit: 's',
      width: 8,
      about: 'How far they are from the origin’s.',
    }),
  ],
}

const mirrors: Section = {
  title: 'Mirrors without our daemon',
  panels: [
    number('Watched', 'sum(mirrorswarm_mirrors_watched)', {
      about: 'What each holds and serves is among the volunteers’ panels.',
    }),
    curves(
      'Looks at their files',
      [[`sum by (result) (rate(mirrorswarm_mirror_looks_total[${interval}]))`, '{{result}}']],
      {
        unit: 'ops',
        width: 10,
        stacked: true,
        about:
          'right: as published · absent: not there, or other bytes · untold: the origin has other bytes now · failed: no answer · busy: it asked to wait.',
      },
    ),
    curves(
      'What is read, and what is lost',
      [
        [
          `sum(rate(mirrorswarm_mirror_look_bytes_total[${interval}]))`,
          'bytes a second, to compare',
        ],
        ['sum(increase(mirrorswarm_mirror_lost_proofs_total[1h]))', 'files lost in an hour'],
      ],
      {
        width: 10,
        about: 'Lost: a mirror had the file, and has it no more or has other bytes.',
      },
    ),
  ],
}

export const networkDashboard = (): DashboardBuilder =>
  withSections(
    newDashboard(
      'network',
      'network',
      'Who serves how much, what is saved, who lags, what is wrong.',
    ),
    [now, clients, saved, volunteers, mirrors],
  )
