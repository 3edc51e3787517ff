import t from 'tap'
import { DurationCounts } from './duration-counts.ts'

t.test('durations are counted in the smallest bucket that holds them', async t => {
  const counts = new DurationCounts({ name: 'x_seconds', help: 'Of x', upTo: [0.5, 1] })
  for (const seconds of [0.25, 0.5, 0.75, 3]) counts.add(seconds)
  t.equal(
    counts.render(),
    [
      ...['# HELP x_seconds Of x', '# TYPE x_seconds histogram'],
      ...['x_seconds_bucket{le="0.5"} 2', 'x_seconds_bucket{le="1"} 3'],
      ...['x_seconds_bucket{le="+Inf"} 4', 'x_seconds_sum 4.5', 'x_seconds_count 4', ''],
    ].join('\n'),
  )
})
