// Holds what the documents say against the code: test vectors, metrics, options, error codes, names
// that are never redirected, tests that are cited, and the steps after restoring a backup.

import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { commands } from '../cli/commands.ts'
import { optionName } from '../cli/option-spec.ts'
import { errorTable } from '../core/errors.ts'
import { commandFile } from '../loadtest/daemon.ts'
import { waitUntil } from '../loadtest/deadline.ts'
import { parseMetrics } from '../loadtest/metrics.ts'
import { plainEnvironment } from '../loadtest/programs.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { stormOptions } from '../loadtest/storms/main.ts'
import { neverRedirected } from '../manifest/logic/keep-at-origin.ts'
import { makeVectors } from './protocol-vectors.ts'
import { get, prepareNetwork } from './start-network.ts'

t.setTimeout(120_000)

const root = dirname(import.meta.dirname)
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const operations = read('docs/OPERATIONS.md')

/** Everything that stands in `backticks`, whole. */
const quoted = (text: string): Set<string> =>
  new Set(Array.from(text.matchAll(/`([^`\n]+)`/g), ([, words = '']) => words))

t.test('the test vectors of docs/PROTOCOL.md are those of the code', async t => {
  const made = await makeVectors(t.testdir())
  const written = new Map(
    Array.from(
      read('docs/PROTOCOL.md').matchAll(/<!-- vector: (.+?) -->\n+```\w*\n([\s\S]*?)\n```/g),
      ([, name = '', text = '']): [string, string] => [name, text],
    ),
  )
  t.same([...written.keys()].sort(), [...made.keys()].sort(), 'each once')
  for (const [name, text] of made) t.equal(written.get(name), text, name)
})

/** What stands behind names in curly brackets. */
const labelsByName = (texts: readonly string[]): Map<string, string[]> =>
  new Map(
    texts.map(text => {
      const [, name = '', labels = ''] = /^(\w+)(?:\{([\w,]*)\})?$/.exec(text) ?? []
      return [name, labels.split(',').filter(label => label !== '')]
    }),
  )

t.test('docs/OPERATIONS.md names all metrics, of origin and volunteer', async t => {
  const network = await prepareNetwork(t)
  writeFileSync(join(network.repository, 'file.bin'), noise('metrics', 50_000))
  await network.origin.start()
  const volunteer = await network.addVolunteer()
  await network.waitForState('synced')
  const section = operations.split(/^## /m).find(part => part.startsWith('Metrics\n')) ?? ''
  const [, ofOrigin = '', ofVolunteer = ''] = section.split(/^\| (?:Origin|Volunteer) \|/m)
  for (const [daemon, text] of [
    [network.origin, ofOrigin],
    [volunteer, ofVolunteer],
  ] as const) {
    const metrics = (await get(`${daemon.url}/-/metrics`)).body.toString()
    const rows = text.split('\n').filter(line => line.startsWith('| `'))
    const documented = labelsByName(rows.flatMap(row => [...quoted(row.split('|')[1] ?? '')]))
    const real = Array.from(metrics.matchAll(/^# TYPE (\S+)/gm), ([, name = '']) => name)
    t.same([...documented.keys()].sort(), real.sort(), `${daemon.name}: these and no others`)
    for (const { name, labels } of parseMetrics(metrics)) {
      const plain = name.replace(/_(?:bucket|sum|count)$/, '')
      const told = documented.get(name) ?? documented.get(plain) ?? []
      // By volunteer is what the second table of the origin says of all of its names.
      const all = name.startsWith('mirrorswarm_volunteer_') ? ['volunteer', ...told] : told
      const found = Object.keys(labels).filter(label => label !== 'le')
      if (!found.every(label => all.includes(label)) || told.some(label => !found.includes(label)))
        t.fail(`${daemon.name}: ${name} has the labels ${found}, and not ${all}`)
    }
    const words = Array.from(metrics.matchAll(/(?:outcome|reason|to|from)="([^"]+)"/g))
    for (const word of new Set(words.map(([, value = '']) => value))) {
      if (!quoted(text).has(word)) t.fail(`${daemon.name}: ${word} is not explained`)
    }
  }
})

t.test('docs/OPERATIONS.md knows every option of the daemons, and no other', async t => {
  const tables = new Map(commands.map(({ name, options }) => [name, options]))
  const named = new Set(
    Array.from(operations.matchAll(/--([a-z][a-z-]+)/g), ([, name = '']) => name),
  )
  const known = new Set<string>()
  for (const [command, options] of tables) {
    for (const [key, spec] of Object.entries(options)) {
      known.add(optionName(key))
      const expected = command === 'origin' || command === 'volunteer'
      if (expected && !spec.positional) t.ok(named.has(optionName(key)), `${command} --${key}`)
    }
  }
  for (const name of Object.keys(stormOptions)) known.add(name)
  const others = [...named].filter(name => !known.has(name) && !['help', 'create'].includes(name))
  t.same(others, [], 'nothing that does not exist')
})

t.test('docs/OPERATIONS.md lists the options that daemons take at SIGHUP', async t => {
  const [, table = ''] = /<!-- reloads -->\n([\s\S]*?)\n\n/.exec(operations) ?? []
  for (const daemon of ['origin', 'volunteer']) {
    const [row = ''] = table.split('\n').filter(line => line.startsWith(`| ${daemon} |`))
    const options = commands.find(({ name }) => name === daemon)?.options ?? {}
    const keys = Object.keys(options).filter(key => options[key]?.reloads === true)
    t.same([...quoted(row)], keys.map(optionName), daemon)
  }
})

t.test('docs/OPERATIONS.md says what to do about every error code', async t => {
  const rows = operations.split('\n').filter(line => line.startsWith('| `MS_'))
  const codes = rows.flatMap(row => [...quoted(row.split('|')[1] ?? '')])
  t.same(codes.sort(), Object.keys(errorTable).sort())
})

t.test('docs/OPERATIONS.md lists the names that are never redirected', async t => {
  const [, list = ''] = /<!-- never redirected -->\n([\s\S]*?)\n\n/.exec(operations) ?? []
  t.same([...quoted(list)], [...new Set(neverRedirected)])
})

t.test('the tests that docs/STATUS.md cites exist', async t => {
  const status = read('docs/STATUS.md').replace(/\n {2,}(?=\S)/g, ' ')
  const cited = [...status.matchAll(/^- `([\w/.-]+\.test\.ts)`: (.+)$/gm)]
  t.ok(cited.length > 40, `${cited.length} are cited`)
  for (const [, file = '', text = ''] of cited) {
    const source = existsSync(join(root, file)) ? read(file) : ''
    const name = text.replace(/ \([^()]*\)$/, '')
    t.ok(source.includes(name), `${file}: ${name}`)
  }
})

t.test(
  'an origin on a restored backup has its volunteers follow, as often as that happens',
  async t => {
    const network = await prepareNetwork(t)
    const publish = async (name: string): Promise<void> => {
      writeFileSync(join(network.repository, name), noise(name, 20_000))
      await network.publish()
    }
    await network.origin.start()
    await publish('one.bin')
    const volunteer = await network.addVolunteer()
    await network.waitForState('synced')
    const backup = join(network.folder, 'backup')
    execFileSync(process.execPath, [commandFile, 'backup', backup, '--data', network.data], {
      env: plainEnvironment(),
    })
    const status = async () =>
      JSON.parse((await get(`${volunteer.url}/-/status`)).body.toString()) as { epoch: number }
    for (const name of ['two.bin', 'three.bin']) await publish(name)
    await network.waitForState('synced')
    const restore = async (): Promise<void> => {
      await network.origin.stop()
      rmSync(network.data, { recursive: true })
      cpSync(backup, network.data, { recursive: true })
    }
    await restore()
    // The online key is replaced as the document says, at the same time.
    rmSync(join(network.data, 'keys', 'online.pem'))
    await network.origin.start()
    await network.publish()
    await network.waitForState('synced')
    const first = (await status()).epoch
    t.ok(first > 1)
    t.match(await status(), { heldFiles: 3, wantedFiles: 3, reasons: [] })

    await restore()
    const mark = join(network.data, 'new-epoch')
    rmSync(mark)
    await network.origin.start()
    const told = /volunteers know a newer snapshot .* make an empty file \\"(new-epoch)\\"/
    await waitUntil('an origin on another kind of copy tells', () =>
      told.test(network.origin.output),
    )
    await network.origin.stop()
    t.match(operations, 'touch /srv/repo.mirrorswarm/new-epoch')
    writeFileSync(mark, '')
    await network.origin.start()
    t.notOk(existsSync(mark), 'it counts once')
    await network.publish()
    const head = JSON.parse((await get(`${network.origin.url}/-/v1/head`)).body.toString())
    t.ok(JSON.parse(head.payload).epoch > first, 'later than one of which the copy knew nothing')
  },
)
