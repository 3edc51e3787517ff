// Rescue names with real apt, curl and wget: in a mount namespace of its own, so that /etc/hosts can
// give a name two addresses. The file runs itself there.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { AptClient } from '../loadtest/clients/apt.ts'
import { hashFile } from '../loadtest/compare-trees.ts'
import { Daemon } from '../loadtest/daemon.ts'
import { missing, run } from '../loadtest/programs.ts'
import { AptRepository } from '../loadtest/sample/apt-repository.ts'
import { clientFolder, get, prepareNetwork, redirectTarget } from './start-network.ts'

t.setTimeout(240_000)

const zone = 'rescue.example.org'
const inside = process.env.MIRRORSWARM_RESCUE_TEST === 'inside'

/** Null if this process may have an /etc/hosts of its own. */
const unusable = (): string | false => {
  const tried = spawnSync('unshare', ['-m', 'mount', '--bind', '/etc/hosts', '/etc/hosts'])
  return tried.status === 0 ? false : 'needs root and unshare for an /etc/hosts of its own'
}

const hosts = [
  '127.0.0.1 localhost',
  ...['ada', 'bob'].flatMap((name, index) => [
    `127.0.0.${index + 2} ${name}.${zone}`,
    `127.0.0.1 ${name}.${zone}`,
    `127.0.0.${index + 2} only-${name}.${zone}`,
  ]),
]

if (inside) {
  writeFileSync('/etc/hosts', `${hosts.join('\n')}\n`)
  t.test('clients survive a dead volunteer within one request', async t => {
    const network = await prepareNetwork(t)
    const folder = clientFolder(t)
    const repository = await AptRepository.create(network.repository, folder)
    t.teardown(() => repository.close())
    // The port is known once it listens; the public URL needs it before.
    await network.origin.start()
    const { port } = new URL(network.origin.url)
    const token = await network.createToken(1)
    await network.origin.stop()
    const origin = new Daemon({
      name: 'origin',
      args: [
        ...['origin', network.repository, '--data', network.data],
        ...['--listen', `127.0.0.1:${port}`, '--public-url', `http://127.0.0.1:${port}/`],
        ...['--rescue-zone', zone, '--announce-interval', '60s'],
        ...['--access-log', join(folder, 'access.log')],
      ],
    })
    await origin.start()
    t.teardown(() => origin.kill())
    const mirror = join(folder, 'mirror')
    mkdirSync(mirror)
    const ada = new Daemon({
      name: 'ada',
      args: [
        ...['volunteer', mirror, '--origin', origin.url, '--token', token, '--name', 'ada'],
        ...['--data', join(folder, 'ada-data'), '--listen', `127.0.0.2:${port}`],
        ...['--public-url', `http://127.0.0.2:${port}/`],
      ],
    })
    await ada.start()
    t.teardown(() => ada.kill())
    const [file = ''] = repository.files.filter(each => each.endsWith('swarm-hello_1.1_all.deb'))
    const path = file.slice(network.repository.length + 1)
    const url = `${origin.url}/${path}`

    let client = 0
    let target: string | null = null
    for (let attempt = 0; attempt < 300 && !target?.includes(zone); attempt++) {
      target = await redirectTarget(url, `client ${client++}`)
      if (!target?.includes(zone)) await new Promise(resolve => setTimeout(resolve, 100))
    }
    t.match(target, `http://ada.${zone}:${port}/${path}?c=`)
    const served = async (): Promise<number> => {
      const text = (await get(`${origin.url}/-/metrics`)).body.toString()
      return Number(/outcome="rescued"\} (\d+)/.exec(text)?.[1] ?? 0)
    }

    await t.test(
      'one that tried the origin first is sent on while the volunteer lives',
      async t => {
        const query = new URL(target ?? '').search
        const headers = { host: `ada.${zone}:${port}`, 'user-agent': 'first' }
        const result = await run('curl', [
          ...['-s', '-o', join(folder, 'first'), '-w', '%{num_redirects} %{url_effective}', '-L'],
          ...['--resolve', `ada.${zone}:${port}:127.0.0.1`, '-A', headers['user-agent']],
          `http://ada.${zone}:${port}/${path}${query}`,
        ])
        t.match(result.stdout, `1 http://only-ada.${zone}:${port}/${path}?c=`)
        t.equal(await hashFile(join(folder, 'first')), await hashFile(file))
        t.equal(await served(), 0)
        const last = async (): Promise<string> => {
          for (;;) {
            const text = readFileSync(join(folder, 'access.log'), 'utf8')
            if (text.includes('"agent":"first"')) return text.trimEnd().split('\n').at(-1) ?? ''
            await new Promise(resolve => setTimeout(resolve, 50))
          }
        }
        const sentOn = { method: 'GET', path: `/${path}`, status: 302, bytes: 0, volunteer: 'ada' }
        t.match(JSON.parse(await last()), sentOn, 'the access log tells, and counts no bytes twice')
      },
    )

    const links = new Map<string, string>()
    for (const name of ['curl', 'wget']) {
      links.set(name, (await redirectTarget(url, `dead ${name}`)) ?? '')
    }
    await ada.kill()
    for (const name of ['curl', 'wget'] as const) {
      await t.test(`${name} gets the file although the volunteer died`, async t => {
        const to = join(folder, `by-${name}`)
        const link = links.get(name) ?? ''
        t.match(link, zone)
        const args = name === 'curl' ? ['-sf', '-o', to, link] : ['-q', '-O', to, '--tries=1', link]
        const result = await run(name, args)
        t.equal(result.status, 0, result.stderr)
        t.equal(await hashFile(to), await hashFile(file))
      })
    }
    t.ok((await served()) >= 2)

    await t.test('plain apt gets its packages although the volunteer died', async t => {
      // Alive again for a moment, so that it gets redirects, then dead before apt asks.
      await ada.start()
      mkdirSync(join(folder, 'apt'))
      const apt = new AptClient(join(folder, 'apt'), {
        ...{ url: origin.url, suite: repository.suite, keyring: repository.keyring },
      })
      t.equal((await apt.update()).status, 0)
      let redirected: string | null = null
      for (let attempt = 0; attempt < 300 && redirected === null; attempt++) {
        redirected = await redirectTarget(url, `again ${client++}`)
        if (redirected === null) await new Promise(resolve => setTimeout(resolve, 100))
      }
      t.match(redirected, zone)
      const before = await served()
      ada.signal('SIGSTOP')
      await ada.kill()
      const download = await apt.download('swarm-hello', 'swarm-data')
      t.equal(download.status, 0, download.stderr)
      for (const each of apt.downloaded()) {
        const published = repository.files.find(other => basename(other) === basename(each))
        t.equal(await hashFile(each), await hashFile(published ?? ''))
      }
      t.comment(`${(await served()) - before} rescued`)
    })

    const printed = await network.command(
      ...['rescue-zone', zone, '--public-url', `${origin.url}/`, '--data', network.data],
    )
    t.match(
      printed.stdout,
      'ada 60 IN A 127.0.0.2\nada 60 IN A 127.0.0.1\nonly-ada 60 IN A 127.0.0.2',
    )
  })
} else {
  t.test(
    'rescue names in a namespace of their own',
    { skip: unusable() || missing('apt-get', 'dpkg-deb', 'gpg', 'curl', 'wget') },
    async t => {
      const file = join(t.testdir({}), 'hosts')
      writeFileSync(file, '')
      const script = `mount --bind '${file}' /etc/hosts && exec '${process.execPath}' '${import.meta.filename}'`
      const env = { ...process.env, MIRRORSWARM_RESCUE_TEST: 'inside' }
      let output = ''
      let failed = false
      try {
        output = execFileSync('unshare', ['-m', 'sh', '-c', script], { env, encoding: 'utf8' })
      } catch (error) {
        failed = true
        output = String((error as { stdout?: string }).stdout)
      }
      t.notOk(failed, output)
      t.match(output, /^ok 1 - clients survive/m)
    },
  )
}
