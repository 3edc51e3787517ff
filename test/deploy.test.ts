// What deploy/ ships, held against the program: units as systemd reads them, containers by their
// format, and every option, file, port and volume that they name.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { commands } from '../cli/commands.ts'
import { resolveOptions } from '../cli/resolve-options.ts'
import { commandFile } from '../loadtest/daemon.ts'
import { installedEnvironment } from '../loadtest/installed.ts'
import { plainEnvironment, run } from '../loadtest/programs.ts'
import { TestNetwork } from '../origin/fixtures/test-network.ts'

const root = dirname(import.meta.dirname)
const read = (path: string): string => readFileSync(join(root, 'deploy', path), 'utf8')
const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0

/** The options of a command line as the daemon reads them; variables get some value. */
const optionsOf = (words: readonly string[], environment = {}): Promise<object> => {
  const [name, ...rest] = words.map(word =>
    word.replace(/\$\{(\w+)[^}]*\}|\$\((\w+)\)/g, 'example'),
  )
  const command = commands.find(each => each.name === name)
  if (command === undefined) throw new Error(`there is no command ${name}`)
  return resolveOptions(command.options, rest, environment)
}

const units = ['mirrorswarm-origin.service', 'mirrorswarm-volunteer.service']

t.test(
  'systemd takes the units, and finds them shut off from the rest',
  { skip: !has('systemd-analyze') && 'systemd-analyze missing: apt-get install systemd' },
  async t => {
    const folder = t.testdir()
    const files = units.map(name => {
      const file = join(folder, name)
      const program = join(root, 'cli/mirrorswarm.js')
      writeFileSync(file, read(`systemd/${name}`).replace('/usr/bin/mirrorswarm', program))
      return file
    })
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', ...files])
    t.match({ ...verified, text: `${verified.stderr}` }, { status: 0, text: /^$/ })
    for (const file of files) {
      const words = ['security', '--offline=true', '--threshold=25', '--no-pager', file]
      const { status, stdout } = spawnSync('systemd-analyze', words)
      t.equal(status, 0, /.*Overall.*/.exec(`${stdout}`)?.[0] ?? 'no answer')
    }
  },
)

t.test('units, users and folders name the same things', async t => {
  const folders = read('systemd/tmpfiles.conf')
  for (const [index, name] of units.entries()) {
    const unit = read(`systemd/${name}`)
    const [, command = ''] = /^ExecStart=\/usr\/bin\/mirrorswarm (.+)$/m.exec(unit) ?? []
    const daemon = index === 0 ? 'origin' : 'volunteer'
    t.equal(command, `${daemon} --config /etc/mirrorswarm/${daemon}.yaml`)
    t.match(unit, /^User=mirrorswarm$/m)
    const [, written = ''] = /^ReadWritePaths=(.+)$/m.exec(unit) ?? []
    for (const path of written.split(' ')) t.match(folders, `d ${path} `, path)
    t.match(unit, /^Type=notify\nNotifyAccess=all$/m)
    t.match(unit, /^ExecReload=.*-HUP \$MAINPID$/m)
  }
  t.match(read('systemd/sysusers.conf'), /^u mirrorswarm /m)
  t.match(read('logrotate/mirrorswarm'), units[0])
})

interface Service {
  readonly image: string
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly depends_on?: object | readonly string[]
  readonly build?: { readonly context: string; readonly dockerfile: string }
}

const compose = parse(read('container/compose.yaml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: object
}
const container = join(root, 'deploy/container')
/** Where volunteers find their token, and the origin's data folder as the token's maker sees it. */
const enrolmentFile = '/srv/enrolment/volunteer.yaml'
const originData = '/srv/repo.mirrorswarm'

t.test('every daemon of the compose file has options that exist, and its ports open', async t => {
  const daemons = Object.entries(compose.services).filter(
    ([, { image, entrypoint }]) => image === 'mirrorswarm' && entrypoint === undefined,
  )
  t.equal(daemons.length, 4)
  const enrolment = join(t.testdir({ 'volunteer.yaml': "token: 'abc'\n" }), 'volunteer.yaml')
  for (const [name, { command = [], environment = {}, ports = [] }] of daemons) {
    const words = command.map(word => word.replace(enrolmentFile, enrolment))
    const options = (await optionsOf(words, environment)) as {
      readonly listen: { readonly port: number }
      readonly peerPort?: number
      readonly token?: string
    }
    if (name !== 'origin') t.equal(options.token, 'abc', name)
    const installed = installedEnvironment(name === 'origin' ? 'origin' : 'volunteer')
    t.match(environment, installed, `${name} runs as by its unit`)
    const health = compose.services[name]?.healthcheck?.test.at(-1) ?? ''
    t.match(health, `http://127.0.0.1:${options.listen.port}/-/health`, name)
    const inside = ports.map(each => each.split(':').at(-1))
    t.ok(inside.includes(`${options.listen.port}`), `${name}: ${options.listen.port}`)
    if (options.peerPort !== undefined) t.ok(inside.includes(`${options.peerPort}`), name)
    const target = `${name}:${options.listen.port}`
    t.match(read('container/prometheus.yml'), target, `${target} is looked at`)
  }
  const published = Object.values(compose.services).flatMap(({ ports = [] }) => ports)
  t.equal(new Set(published).size, published.length, 'no port twice')
})

t.test('starting all is enough: the token for the volunteers is made, once', async t => {
  const network = await TestNetwork.start(t, () => undefined)
  await network.waitForSnapshot(1)
  const folder = dirname(network.data)
  for (const name of ['bin', 'enrolment']) mkdirSync(join(folder, name))
  const program = `#!/bin/sh\nexec '${process.execPath}' '${commandFile}' "$@"\n`
  writeFileSync(join(folder, 'bin/mirrorswarm'), program, { mode: 0o755 })
  const { entrypoint = [], command = [], volumes = [] } = compose.services.token ?? {}
  for (const place of [originData, dirname(enrolmentFile)]) t.match(volumes.join(), `:${place}`)
  const script = command
    .join()
    .replaceAll('$$', '$')
    .replaceAll(originData, network.data)
    .replaceAll(dirname(enrolmentFile), join(folder, 'enrolment'))
    .replace('http://origin:8080/', network.origin.url)
  const [shell = '', ...flags] = entrypoint
  const PATH = `${join(folder, 'bin')}:/usr/bin:/bin`
  const make = () => run(shell, [...flags, script], { env: plainEnvironment({ PATH }) })
  const made = await make()
  t.equal(made.status, 0, made.stderr)
  const file = join(folder, 'enrolment/volunteer.yaml')
  const text = readFileSync(file, 'utf8')
  t.match(text, /^token: '\S{20,}'\n$/)
  t.match(made.stderr, /3 times/, 'one for each volunteer')
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.equal((await make()).status, 0)
  t.equal(readFileSync(file, 'utf8'), text)
})

t.test('what the compose file mounts and builds is there', async t => {
  const named = new Set<string>()
  for (const [name, service] of Object.entries(compose.services)) {
    for (const volume of service.volumes ?? []) {
      const [source = ''] = volume.replace(/\$\{[^}]*\}/, '/given').split(':')
      if (source.startsWith('.')) t.ok(existsSync(join(container, source)), source)
      else if (!source.startsWith('/')) named.add(source)
    }
    const waits = service.depends_on ?? []
    for (const other of Array.isArray(waits) ? waits : Object.keys(waits)) {
      t.ok(Object.hasOwn(compose.services, other), `${name} waits for ${other}`)
    }
    if (service.build === undefined) continue
    const { context, dockerfile } = service.build
    t.equal(join(container, context), root)
    t.ok(existsSync(join(root, dockerfile)), dockerfile)
  }
  t.same([...named].sort(), Object.keys(compose.volumes).sort())
  const jobs = (text: string): string[] =>
    parse(text).scrape_configs.map((each: { readonly job_name: string }) => each.job_name)
  t.same(jobs(read('container/prometheus.yml')), jobs(read('prometheus/prometheus.yml')))
  const { url, ...datasource } = parse(read('container/grafana-datasource.yml')).datasources[0]
  const example = parse(read('grafana/provisioning/datasources/prometheus.yml')).datasources[0]
  t.same({ ...datasource, url: example.url }, example, 'but for where it is')
  t.equal(url, 'http://prometheus:9090')
})

t.test('the image is made of files that the checkout has', async t => {
  const text = read('container/Containerfile')
  t.match(text, /^USER node$/m)
  t.match(text, /^ENTRYPOINT \["mirrorswarm"\]$/m)
  const images = [...text.matchAll(/^FROM \S+\/node:(\d+)-/gm)].map(([, major]) => major)
  t.same(images, ['24', '24'], 'the Node that the package needs')
})

interface Pod {
  readonly containers: readonly {
    readonly args: readonly string[]
    readonly env: readonly { readonly name: string; readonly value?: string }[]
    readonly ports: readonly { readonly containerPort: number }[]
    readonly volumeMounts: readonly { readonly name: string }[]
  }[]
  readonly volumes: readonly { readonly name: string }[]
}

t.test('the Kubernetes example is whole, and its options exist', async t => {
  const documents = parseAllDocuments(read('kubernetes/mirrorswarm.yaml'))
  t.ok(documents.every(({ errors }) => errors.length === 0))
  const objects = documents.map(document => document.toJS())
  t.same(
    objects.map(({ kind }) => kind),
    ['Service', 'Ingress', 'StatefulSet', 'DaemonSet'],
  )
  t.equal(objects[1].spec.rules[0].http.paths[0].backend.service.name, objects[0].metadata.name)
  for (const { spec } of objects.slice(2)) {
    t.same(spec.selector.matchLabels, spec.template.metadata.labels)
    const { containers, volumes } = spec.template.spec as Pod
    const claims = (spec.volumeClaimTemplates ?? []).map(
      (each: { readonly metadata: { readonly name: string } }) => each.metadata.name,
    )
    const known = [...volumes.map(({ name }) => name), ...claims]
    for (const { args, env, ports, volumeMounts } of containers) {
      for (const { name } of volumeMounts) t.ok(known.includes(name), name)
      const { listen, publicUrl, tls } = (await optionsOf(args, { MIRRORSWARM_TOKEN: 'x' })) as {
        readonly listen: { readonly port: number }
        readonly publicUrl: string
        readonly tls: object | null
      }
      t.match(publicUrl, /^https:/, 'clients on https get https volunteers only')
      t.ok(tls !== null || args[0] === 'origin', 'the ingress has it for the origin')
      t.ok(ports.some(({ containerPort }) => containerPort === listen.port))
      const set = env.map(({ name }) => name)
      const installed = installedEnvironment(args[0] === 'origin' ? 'origin' : 'volunteer')
      const variables = Object.fromEntries(env.map(({ name, value }) => [name, value]))
      t.match(variables, installed, `${args[0]} runs as by its unit`)
      for (const [, used = ''] of args.join(' ').matchAll(/\$\((\w+)\)/g)) t.ok(set.includes(used))
    }
  }
})
