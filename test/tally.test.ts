// The last line of .ci/run must be true when tests fail, crash or hang: these are tap's own reports.

import t from 'tap'
import { tally } from '../.ci/tally.ts'

const report = `TAP version 14
1..4
# Subtest: a.test.ts
    # Subtest: good
        ok 1 - should be equal
        ok 2 - not ok by its name
        1..2
    ok 1 - good # time=13.656ms
    # Subtest: bad
        not ok 1 - one is two
          ---
          diff: |
            not ok 9 - quoted
            ok 10 - quoted
          ...
        ok 2 - should be equal
        1..2
    not ok 2 - bad # time=46.793ms
      ---
      lineNumber: 3
      ...
    ok 3 - skipped # SKIP needs dnf (apt install dnf)
    not ok 4 - later # TODO soon
    # Subtest: a property
        1..0
    ok 5 - a property # time=1ms
    1..5
not ok 1 - a.test.ts # time=93.297ms
# Subtest: crashed.test.ts
    ok 1 - should be equal
    1..1
not ok 2 - crashed.test.ts # time=11.946ms
  ---
  exitCode: 3
  ...
# Subtest: hangs.test.ts
    # Subtest: hangs
        not ok 1 - timeout!
        1..1
    not ok 1 - hangs # time=5019.713ms
    1..1
not ok 3 - hangs.test.ts # time=5031.37ms
# Subtest: good.test.ts
    ok 1 - should be equal
    1..1
ok 4 - good.test.ts # time=5ms
`

t.test('every point without points of its own counts once', async t => {
  const { passed, failed, leftOut, failures } = tally(report)
  t.same(failures, ['one is two', 'crashed.test.ts', 'timeout!'])
  t.equal(failed, 3)
  t.equal(passed, 6)
  t.same(leftOut, ['skipped # SKIP needs dnf (apt install dnf)', 'later # TODO soon'])
})

t.test('a report that broke off counts what it has', async t => {
  const { passed, failed } = tally(report.slice(0, report.indexOf('# Subtest: bad')))
  t.equal(passed, 2)
  t.equal(failed, 0)
  t.equal(tally('').passed, 0)
})
