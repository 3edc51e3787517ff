// Real clients at an origin that requires credentials: each gets its files through a redirect, and the
// volunteer, which records every header that it is sent, never sees a secret.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { AptClient } from '../loadtest/clients/apt.ts'
import { DnfClient, dnfUnusable } from '../loadtest/clients/dnf.ts'
import { curl, wget } from '../loadtest/clients/downloaders.ts'
import type { Network } from '../loadtest/network.ts'
import { freePort } from '../loadtest/ports.ts'
import { missing, plainEnvironment } from '../loadtest/programs.ts'
import { AptRepository } from '../loadtest/sample/apt-repository.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { publishRpms, rpmPrograms } from '../loadtest/sample/rpm-repository.ts'
import { clientFolder, prepareNetwork } from './start-network.ts'

t.setTimeout(240_000)

/** Stands where the volunteer is reached; it writes down what it is sent, and may ask for passwords. */
class Listener {
  readonly seen: string[] = []
  challenges = false
  port = 0
  readonly #target: number

  constructor(target: number) {
    this.#target = target
  }

  async start(t: Test): Promise<void> {
    const server = createServer((incoming, response) => this.#answer(incoming, response))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    this.port = (server.address() as AddressInfo).port
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
  }

  /** Whether any header that came since the last call holds one of these texts. */
  heard(...secrets: readonly string[]): boolean {
    const lines = this.seen.splice(0)
    return lines.some(line => secrets.some(secret => line.includes(secret)))
  }

  #answer(incoming: IncomingMessage, response: ServerResponse): void {
    const { url: path = '', method, headers } = incoming
    const isOwn = path.startsWith('/-/')
    if (!isOwn) this.seen.push(`${method} ${path} ${JSON.stringify(incoming.rawHeaders)}`)
    if (!isOwn && this.challenges) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="mirrorswarm"' }).end()
      return
    }
    const target = { host: '127.0.0.1', port: this.#target, method, path, headers }
    const onward = request(target, answer => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    incoming.pipe(onward)
  }
}

interface Secret {
  readonly secret: string
  readonly bearer: string
}

interface Scene {
  readonly network: Network
  readonly listener: Listener
  /** By another host name than the volunteer's, as clients tell hosts apart by name. */
  readonly url: string
  readonly lab: Secret
  /** Every form in which the secret could leave. */
  readonly traces: readonly string[]
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

const prepare = async (t: Test, fill: (repository: string) => unknown): Promise<Scene> => {
  const network = await prepareNetwork(t, { originArgs: ['--require-clients'] })
  await fill(network.repository)
  await network.origin.start()
  const lab = (await network.operate('client', 'add', 'lab')) as Secret
  const port = await freePort()
  const listener = new Listener(port)
  await listener.start(t)
  const reached = `http://127.0.0.1:${listener.port}/`
  await network.addVolunteer({
    args: ['--listen', `127.0.0.1:${port}`, '--public-url', reached],
  })
  await network.waitForState('synced')
  const url = network.origin.url.replace('127.0.0.1', 'localhost')
  const traces = [lab.secret, lab.bearer, base64(`lab:${lab.secret}`)]
  return { network, listener, url, lab, traces }
}

const names = Array.from({ length: 12 }, (_, index) => `file-${index}`)
const content = (name: string): Buffer => noise(name, 40_000)

const fillFiles = (repository: string): void => {
  for (const name of names) writeFileSync(join(repository, name), content(name))
}

t.test(
  'wget and curl prove who they are to the origin alone',
  { skip: missing('wget', 'curl') },
  async t => {
    const { listener, url, lab, traces } = await prepare(t, fillFiles)
    const folder = clientFolder(t)
    const netrc = `machine localhost login lab password ${lab.secret}\n`
    writeFileSync(join(folder, '.netrc'), netrc, { mode: 0o600 })
    const env = plainEnvironment({ HOME: folder })
    const header = `Authorization: Bearer ${lab.bearer}`
    const left = [...names]

    /** Fetch another file each time: a repeat would be served by the origin. */
    const fetchBy = async (program: typeof curl, args: readonly string[]) => {
      const name = left.shift() ?? ''
      const file = join(folder, name)
      const { status } = await program(`${url}/${name}`, file, { args, env, timeoutMs: 60_000 })
      const asked = listener.seen.some(line => line.includes(`/${name}?`))
      const told = listener.heard(...traces)
      const whole = status === 0 && readFileSync(file).equals(content(name))
      return { whole, asked, told }
    }
    const good = { whole: true, asked: true, told: false }

    t.same(await fetchBy(curl, ['-u', `lab:${lab.secret}`]), good, 'curl -u')
    t.same(await fetchBy(curl, ['-n']), good, 'curl with .netrc')
    t.same(await fetchBy(curl, ['-H', header]), good, 'curl with the header')
    t.same(await fetchBy(curl, ['--oauth2-bearer', lab.bearer]), good, 'curl with a bearer token')
    t.same(await fetchBy(wget, []), good, 'wget with .netrc')
    t.same(await fetchBy(wget, ['--user=lab', `--password=${lab.secret}`]), good, 'wget --user')
    const passedOn = { whole: true, asked: true, told: true }
    t.same(
      await fetchBy(wget, ['--header', header]),
      passedOn,
      'wget passes a header on: as documented',
    )
    t.match(await fetchBy(curl, []), { whole: false, asked: false }, 'nothing without credentials')

    t.test('a volunteer that asks for a password gets none from what is documented', async t => {
      listener.challenges = true
      for (const [program, args] of [
        [curl, ['-u', `lab:${lab.secret}`]],
        [curl, ['-n']],
        [wget, []],
      ] as const) {
        const { asked, told } = await fetchBy(program, args)
        t.same({ asked, told }, { asked: true, told: false }, args.join(' '))
      }
      listener.challenges = false
    })
  },
)

t.test('apt with auth.conf', { skip: missing('apt-get', 'dpkg-deb', 'gpg') }, async t => {
  const folder = clientFolder(t)
  let repository: AptRepository | null = null
  const { listener, url, lab, traces } = await prepare(t, async root => {
    repository = await AptRepository.create(root, folder)
  })
  if (repository === null) throw new Error('there is no repository')
  const { suite, keyring, close } = repository as AptRepository
  t.teardown(() => close.call(repository))
  const make = (name: string, auth: string): AptClient => {
    mkdirSync(join(folder, name))
    return new AptClient(join(folder, name), { url, suite, keyring, auth })
  }
  const stranger = make('stranger', '')
  t.not((await stranger.update()).status, 0)
  const apt = make('apt', `machine ${url}/ login lab password ${lab.secret}\n`)
  const update = await apt.update()
  t.equal(update.status, 0, update.stderr)
  const download = await apt.download('swarm-hello')
  t.equal(download.status, 0, download.stderr)
  t.ok(apt.downloaded().length > 0)
  t.ok(
    listener.seen.some(line => line.includes('.deb')),
    'the package came from the volunteer',
  )
  t.notOk(listener.heard(...traces))
})

t.test(
  'dnf with username and password',
  { skip: missing(...rpmPrograms) || dnfUnusable() },
  async t => {
    const { listener, url, lab, traces } = await prepare(t, publishRpms)
    const dnf = new DnfClient(clientFolder(t), url, ['username=lab', `password=${lab.secret}`])
    const download = await dnf.download('swarm-tool')
    t.equal(download.status, 0, `${download.stdout}${download.stderr}`)
    t.ok(
      listener.seen.some(line => line.includes('.rpm')),
      'the package came from the volunteer',
    )
    t.notOk(listener.heard(...traces))
  },
)
