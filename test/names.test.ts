// Odd names and hostile paths over real sockets: the request line goes out exactly as written here,
// to the origin and to a volunteer alike.

import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { sha256Hex } from '../core/keys.ts'
import { pathFromBytes } from '../core/repo-path.ts'
import { readTree } from '../loadtest/compare-trees.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { oddNames, writeOddNames } from '../loadtest/sample/odd-names.ts'
import { get, prepareNetwork } from './start-network.ts'

const sizeBytes = 9_001

interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: Buffer
}

/** Send `target` on the request line without any of a client's tidying up. */
const rawGet = (url: string, target: string): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    const parts: Buffer[] = []
    socket.setTimeout(20_000, () => socket.destroy(new Error(`no answer to ${target}`)))
    socket.on('error', reject)
    socket.on('data', part => parts.push(part))
    socket.on('close', () => {
      const answer = Buffer.concat(parts)
      const end = answer.indexOf('\r\n\r\n')
      const head = answer.subarray(0, Math.max(0, end)).toString('latin1')
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0)
      resolve({ status, head, body: answer.subarray(end + 4) })
    })
    const bytes = Buffer.from(
      `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      'latin1',
    )
    socket.write(bytes)
  })

/** Requests that try to leave the tree, or that make no sense. */
const hostileTargets = [
  '/../../../../etc/passwd',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/%2E%2e/etc/passwd',
  '/pool/../../../../etc/passwd',
  '/pool/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
  '/..%2f..%2fetc/passwd',
  '/pool%2f..%2f..%2fetc%2fpasswd',
  '/%00',
  '/pool/file%00.bin',
  '/%',
  '/%4',
  '/%zz',
  '/.',
  '/./x',
  '/absolute%20link%20out',
  '/link%20that%20leads%20out',
  '//etc/passwd',
  '/etc/passwd',
  '/%5c..%5c..%5cetc%5cpasswd',
  `/${'a/'.repeat(20_000)}`,
  `/${'x'.repeat(3_000)}`,
  '/-/../../../etc/passwd',
  '/-/v1/contents/../../../../etc/passwd',
  '/-/v1/contents/%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '*',
  'http://other.example/etc/passwd',
]

t.test('odd names and hostile paths', async t => {
  const network = await prepareNetwork(t)
  const outside = 'the content of a file outside of the tree'
  writeFileSync(join(network.folder, 'secret.txt'), outside)
  writeOddNames(network.repository, sizeBytes)
  await network.origin.start()
  const volunteer = await network.addVolunteer({ args: ['--network', '127.0.0.1/32'] })
  await network.waitForState('synced')

  t.test('every odd name is redirected, and the volunteer serves its bytes', async t => {
    for (const name of oddNames) {
      const path = pathFromBytes(name)
      const expected = sha256Hex(noise(name.toString('hex'), sizeBytes))
      const answer = await rawGet(network.origin.url, `/${path}`)
      t.equal(answer.status, 302, `${path} is redirected`)
      const location = /^location: (\S+)\r?$/im.exec(answer.head)?.[1] ?? ''
      t.ok(location.startsWith(`${volunteer.url}/`), location)
      const served = await rawGet(location, location.slice(volunteer.url.length))
      t.equal(served.status, 200)
      t.equal(sha256Hex(served.body), expected, `${path} has its bytes`)
      const direct = await rawGet(network.origin.url, `/${path}?direct`)
      t.equal(sha256Hex(direct.body), expected, 'and at the origin too')
    }
  })

  t.test('an empty file and links inside the tree work', async t => {
    for (const daemon of [network.origin, volunteer]) {
      const empty = await get(`${daemon.url}/empty.bin`)
      t.equal(empty.status, 200)
      t.equal(empty.body.length, 0)
    }
    const expected = sha256Hex(noise(Buffer.from('with space.bin').toString('hex'), sizeBytes))
    const linked = await get(`${network.origin.url}/link%20to%20space?direct`)
    t.equal(sha256Hex(linked.body), expected)
    const through = await get(
      `${network.origin.url}/link%20to%20folder/%2Bplus/%C3%BC/leaf%20%231.bin?direct`,
    )
    t.equal(through.status, 200)
  })

  t.test('links that lead out are not published, nor mirrored', async t => {
    const mirrored = await readTree(volunteer.mirror)
    t.notOk(mirrored.has('link that leads out'))
    t.notOk(mirrored.has('absolute link out'))
    t.equal(mirrored.get('link to space'), 'link with space.bin')
  })

  for (const daemon of [network.origin, volunteer]) {
    t.test(`the ${daemon.name} refuses hostile paths with a clear status`, async t => {
      for (const target of hostileTargets) {
        const answer = await rawGet(daemon.url, target)
        const shown = target.length > 60 ? `${target.slice(0, 60)}…` : target
        t.ok(answer.status >= 400 && answer.status < 500, `${shown} → ${answer.status}`)
        t.notMatch(answer.body.toString('latin1'), /root:x:/, `${shown} shows nothing`)
      }
      t.equal((await get(`${daemon.url}/-/health`)).status, 200, 'and goes on serving')
    })
  }

  t.test('repeated slashes count as one', async t => {
    const answer = await rawGet(
      network.origin.url,
      '///deep%20dir//%2Bplus///%C3%BC/leaf%20%231.bin?direct',
    )
    t.equal(answer.status, 200)
  })
})
