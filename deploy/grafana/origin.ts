// One origin: what it answers, how fast it decides, how full its queues are, and its machine.

import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { curves, newDashboard, number, type Section, withSections } from './panels.ts'

const origin = 'job="mirrorswarm-origin"'
const interval = '$__rate_interval'
const rate = (metric: string, by: string): string =>
  `sum by (${by}) (rate(${metric}{${origin}}[${interval}]))`

const now: Section = {
  title: 'Now',
  panels: [
    number('Answers', `min(up{${origin}})`, { worry: [1, 1], worryBelow: true }),
    number('Snapshot', `max(mirrorswarm_snapshot_number{${origin}})`),
    number('Newest publish failed', 'max(mirrorswarm_publish_failed)', { worry: [1, 1] }),
    number('Fullest queue', 'max(mirrorswarm:queue_use:ratio)', {
      unit: 'percentunit',
      worry: [0.5, 0.8],
    }),
    number('Disk left', `min(mirrorswarm_free_bytes{${origin}})`, {
      unit: 'bytes',
      worry: [20e9, 5e9],
      worryBelow: true,
    }),
    number('Started', `max(process_start_time_seconds{${origin}}) * 1000`, {
      unit: 'dateTimeFromNow',
    }),
  ],
}

const answers: Section = {
  title: 'Answers',
  panels: [
    curves('Requests', [['mirrorswarm:requests:rate5m', '{{outcome}}']], {
      unit: 'reqps',
      stacked: true,
    }),
    curves('Not redirected', [[rate('mirrorswarm_not_redirected_total', 'reason'), '{{reason}}']], {
      unit: 'reqps',
      stacked: true,
    }),
    curves(
      'Time to choose a volunteer',
      [
        [
          `histogram_quantile(0.5, sum by (le) (rate(mirrorswarm_decision_seconds_bucket[${interval}])))`,
          'half',
        ],
        ['mirrorswarm:decision_seconds:p99_5m', '99 %'],
      ],
      { unit: 's' },
    ),
    curves('Bytes sent', [[rate('mirrorswarm_sent_bytes_total', 'kind'), '{{kind}}']], {
      unit: 'Bps',
      stacked: true,
      about:
        'client: what was not redirected · sync: to volunteers · bittorrent: to stock clients.',
    }),
    curves('Errors', [[rate('mirrorswarm_errors_total', 'code'), '{{code}}']], {
      unit: 'reqps',
      stacked: true,
      about: 'Codes are explained in docs/OPERATIONS.md.',
    }),
    curves(
      'Clients that volunteers sent back',
      [[rate('mirrorswarm_bounces_total', 'reason'), '{{reason}}']],
      {
        unit: 'reqps',
        stacked: true,
      },
    ),
  ],
}

const network: Section = {
  title: 'Towards volunteers',
  panels: [
    curves('Queues', [['mirrorswarm:queue_use:ratio', '{{queue}}']], {
      unit: 'percentunit',
      about: 'What is in each, of its bound.',
    }),
    curves('Announces', [[rate('mirrorswarm_announces_total', 'result'), '{{result}}']], {
      unit: 'reqps',
    }),
    curves('Announces that wait', [[`sum(mirrorswarm_open_polls{${origin}})`, 'open']]),
    curves(
      'Audits',
      [
        [
          `sum by (by, result) (increase(mirrorswarm_audits_total{${origin}}[1h]))`,
          '{{by}} {{result}}',
        ],
      ],
      { stacked: true, about: 'In the hour before.' },
    ),
  ],
}

const mirrors: Section = {
  title: 'Mirrors that do not run mirrorswarm',
  panels: [
    curves(
      'Looks at their files',
      [[rate('mirrorswarm_mirror_looks_total', 'result'), '{{result}}']],
      {
        unit: 'reqps',
        width: 8,
        stacked: true,
      },
    ),
    curves(
      'Bytes read to compare',
      [[`sum(rate(mirrorswarm_mirror_look_bytes_total{${origin}}[${interval}]))`, 'read']],
      { unit: 'Bps', width: 8 },
    ),
    curves(
      'Files that they had and have no more',
      [[`sum(increase(mirrorswarm_mirror_lost_proofs_total{${origin}}[1h]))`, 'lost']],
      { width: 8, about: 'In the hour before.' },
    ),
  ],
}

const machine: Section = {
  title: 'Process',
  panels: [
    curves(
      'Processor',
      [[`rate(process_cpu_seconds_total{${origin}}[${interval}])`, '{{instance}}']],
      {
        width: 8,
        about: 'Cores.',
      },
    ),
    curves('Memory', [[`process_resident_memory_bytes{${origin}}`, '{{instance}}']], {
      unit: 'bytes',
      width: 8,
    }),
    curves('Disk left', [[`mirrorswarm_free_bytes{${origin}}`, '{{instance}}']], {
      unit: 'bytes',
      width: 8,
    }),
    curves('Snapshot', [[`mirrorswarm_snapshot_bytes{${origin}}`, 'distinct bytes']], {
      unit: 'bytes',
    }),
    curves('Publishing', [[`max(mirrorswarm_publishing{${origin}})`, 'under way']]),
  ],
}

export const originDashboard = (): DashboardBuilder =>
  withSections(newDashboard('origin', 'origin', 'What it answers, how fast, and how full it is.'), [
    now,
    answers,
    network,
    mirrors,
    machine,
  ])
