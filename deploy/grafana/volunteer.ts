// One volunteer: as the origin sees it, and, where its own metrics are read, as it sees itself.

import {
  type DashboardBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { curves, datasource, newDashboard, number, type Section, withSections } from './panels.ts'

const interval = '$__rate_interval'
const chosen = 'volunteer=~"$volunteer"'
const of = (metric: string): string => `mirrorswarm_volunteer_${metric}{${chosen}}`

/** Its own metrics know no names: one series says whose they are. */
const own = (expr: string): string =>
  `${expr} * on (instance) group_left (volunteer) mirrorswarm_volunteer_info{${chosen}}`
const ownRate = (metric: string): string => own(`rate(${metric}[${interval}])`)
const job = 'job="mirrorswarm-volunteers"'

const now: Section = {
  title: 'Now',
  panels: [
    number('Serves', `sum(mirrorswarm_volunteer_state{${chosen},state=~"synced|syncing"})`, {
      worry: [1, 1],
      worryBelow: true,
    }),
    number('In place', `sum(${of('held_bytes')}) / sum(${of('wanted_bytes')})`, {
      unit: 'percentunit',
    }),
    number('Behind', `max(${of('behind_seconds')})`, { unit: 's', worry: [900, 3600] }),
    number('Clients', `sum(${of('active_clients')})`),
    number('Suspicion', `max(${of('suspicion')})`, { worry: [1, 2] }),
    number('Announced', `max(${of('last_announce_timestamp_seconds')}) * 1000`, {
      unit: 'dateTimeFromNow',
    }),
  ],
}

const given: Section = {
  title: 'What it gives and gets, as the origin knows',
  panels: [
    curves('Sent', [[`sum by (to) (rate(${of('sent_bytes_total')}[${interval}]))`, '{{to}}']], {
      unit: 'Bps',
      stacked: true,
    }),
    curves(
      'New contents',
      [[`sum by (from) (rate(${of('obtained_bytes_total')}[${interval}]))`, '{{from}}']],
      { unit: 'Bps', stacked: true, about: 'basis: found in what was on its disk.' },
    ),
    curves('Redirects', [[`rate(${of('redirects_total')}[${interval}])`, '{{volunteer}}']], {
      unit: 'reqps',
    }),
    curves(
      'Redirected bytes',
      [[`rate(${of('redirected_bytes_total')}[${interval}])`, '{{volunteer}}']],
      {
        unit: 'Bps',
        about: 'As asked for; what was sent shows whether clients took it.',
      },
    ),
    curves(
      'Hours a day spent synchronising',
      [[`increase(${of('sync_seconds_total')}[1d]) / 3600`, '{{volunteer}}']],
      { unit: 'h' },
    ),
    curves(
      'Holdings',
      [
        [of('held_bytes'), '{{volunteer}} has'],
        [of('wanted_bytes'), '{{volunteer}} wants'],
      ],
      { unit: 'bytes' },
    ),
    curves('State', [[of('state'), '{{volunteer}} {{state}}']], { stacked: true }),
    curves('Clock', [[`abs(${of('clock_skew_seconds')})`, '{{volunteer}}']], { unit: 's' }),
  ],
}

const itself: Section = {
  title: 'Its own metrics',
  panels: [
    curves(
      'Requests',
      [
        [
          own(`sum by (instance, outcome) (rate(mirrorswarm_requests_total{${job}}[${interval}]))`),
          '{{outcome}}',
        ],
      ],
      {
        unit: 'reqps',
        stacked: true,
      },
    ),
    curves('Sent', [[ownRate(`mirrorswarm_sent_bytes_total{${job}}`), '{{kind}}']], {
      unit: 'Bps',
      stacked: true,
    }),
    curves(
      'Fetched and found',
      [
        [ownRate('mirrorswarm_fetched_bytes_total'), '{{from}}'],
        [ownRate('mirrorswarm_delta_reused_bytes_total'), 'basis'],
      ],
      { unit: 'Bps', stacked: true },
    ),
    curves('What it is at', [[own('mirrorswarm_sync_state'), '{{state}}']], { stacked: true }),
    curves(
      'Answers from memory',
      [
        [
          own(
            `sum by (instance) (rate(mirrorswarm_memory_answers_total{result="hit"}[${interval}])) / sum by (instance) (rate(mirrorswarm_memory_answers_total[${interval}]))`,
          ),
          '{{volunteer}}',
        ],
      ],
      { unit: 'percentunit' },
    ),
    curves(
      'Disk',
      [
        [own('mirrorswarm_usable_bytes'), 'may still be written'],
        [own(`mirrorswarm_held_bytes{${job}}`), 'held'],
        [own('mirrorswarm_quota_bytes'), 'quota'],
      ],
      { unit: 'bytes' },
    ),
    curves('Hears and serves', [
      [own('mirrorswarm_origin_heard'), 'hears the origin'],
      [own('mirrorswarm_schedule_open'), 'within its hours'],
    ]),
    curves('Failures', [[ownRate(`mirrorswarm_errors_total{${job}}`), '{{code}}']], {
      unit: 'ops',
    }),
    curves('In the way', [
      [own('mirrorswarm_blocked_paths'), 'blocked paths'],
      [own('mirrorswarm_left_out_contents'), 'contents beyond the quota'],
    ]),
    curves(
      'Processor',
      [[own(`rate(process_cpu_seconds_total{${job}}[${interval}])`), '{{volunteer}}']],
      {
        about: 'Cores.',
      },
    ),
    curves('Memory', [[own(`process_resident_memory_bytes{${job}}`), '{{volunteer}}']], {
      unit: 'bytes',
    }),
  ],
}

export const volunteerDashboard = (): DashboardBuilder =>
  withSections(
    newDashboard(
      'volunteer',
      'one volunteer',
      'As the origin sees it, and as it sees itself.',
    ).withVariable(
      new QueryVariableBuilder('volunteer')
        .label('Volunteer')
        .datasource(datasource)
        .query('label_values(mirrorswarm_volunteer_state, volunteer)')
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .sort(VariableSort.AlphabeticalAsc),
    ),
    [now, given, itself],
  )
