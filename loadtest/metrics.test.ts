import t from 'tap'
import { parseMetrics, sumOf } from './metrics.ts'

t.test('counters are read with their labels and summed', t => {
  const series = parseMetrics(
    [
      '# HELP requests_total Requests.',
      '# TYPE requests_total counter',
      'requests_total{answer="302",note="a \\"b\\" c"} 3',
      'requests_total{answer="200"} 4 1700000000',
      'up 1',
      'odd 1e3',
      '',
    ].join('\n'),
  )
  t.equal(sumOf(series, 'requests_total'), 7)
  t.equal(sumOf(series, 'requests_total', { answer: '302' }), 3)
  t.equal(sumOf(series, 'odd'), 1_000)
  t.equal(sumOf(series, 'none'), 0)
  t.end()
})
