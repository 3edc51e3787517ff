import t from 'tap'
import type { VolunteerName } from '../../core/ids.ts'
import { parsePreferRules, unknownPreferred } from './prefer-rules.ts'

t.test('names that no volunteer has are told, each once', async t => {
  const rules = parsePreferRules([
    '10.1.0.0/16=ada,eli',
    '10.2.0.0/16=eli,bob',
    '10.3.0.0/16=site:x',
  ])
  const known = new Set(['ada'] as VolunteerName[])
  t.same(unknownPreferred(rules, known), ['eli', 'bob'])
  t.same(unknownPreferred(rules, new Set(['ada', 'bob', 'eli'] as VolunteerName[])), [])
  t.same(unknownPreferred([], known), [])
})
