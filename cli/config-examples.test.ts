import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { originOptions } from './commands/origin.ts'
import { volunteerOptions } from './commands/volunteer.ts'
import { type OptionTable, optionName, parseValue } from './option-spec.ts'
import { optionTables } from './options.ts'
import { resolveOptions } from './resolve-options.ts'

const fileOf = (daemon: string): string =>
  join(import.meta.dirname, `../deploy/config/${daemon}.yaml`)

/** name → the text behind it and whether it is set, for each option that the file shows. */
const shown = (text: string): ReadonlyMap<string, { isSet: boolean; value: string }> =>
  new Map(
    Array.from(text.matchAll(/^(#?)([a-z][a-z-]*): (.+)$/gm), ([, mark, name = '', value = '']) => [
      name,
      { isSet: mark === '', value },
    ]),
  )

for (const daemon of ['origin', 'volunteer'] as const) {
  const table: OptionTable = optionTables[daemon]
  const text = readFileSync(fileOf(daemon), 'utf8')

  t.test(`the example of the ${daemon} shows every option once, with its default`, async t => {
    const names = Object.keys(table).filter(key => key !== 'config')
    const lines = shown(text)
    t.same([...lines.keys()], names.map(optionName), 'each, in the order of the help')
    for (const key of names) {
      const spec = table[key]
      if (spec?.default === undefined) continue
      const { value = '' } = lines.get(optionName(key)) ?? {}
      t.same(parseValue(value, spec), parseValue(spec.default, spec), key)
    }
    for (const line of text.split('\n')) t.ok(line.length <= 100, line)
  })

  t.test(`the example of the ${daemon} is taken, as it is and with every option set`, async t => {
    const options = { config: fileOf(daemon) }
    if (daemon === 'origin') {
      const values = await resolveOptions(optionTables.origin, ['--config', options.config], {})
      t.equal(originOptions(values).repositoryDir, '/srv/repo')
    } else {
      const values = await resolveOptions(optionTables.volunteer, ['--config', options.config], {})
      t.equal(volunteerOptions(values).mirrorDir, '/srv/mirror')
    }
    const all = join(t.testdir(), 'all.yaml')
    writeFileSync(all, text.replace(/^#(?=[a-z][a-z-]*: )/gm, ''))
    const values = await resolveOptions(table, ['--config', all], {})
    for (const [key, value] of Object.entries(values)) {
      if (value === null) t.fail(`${key} is set`)
      if (Array.isArray(value)) t.ok(value.length > 0, `${key} has elements`)
    }
  })
}
