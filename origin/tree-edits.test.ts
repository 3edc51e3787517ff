import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { seededRandom } from '../core/clock.ts'
import { sha256Hex } from '../core/keys.ts'
import { eventually, type RawAnswer, TestNetwork } from './fixtures/test-network.ts'

/** The promise of every answer: bytes have the hash that it names. */
const keepsItsWord = (answer: RawAnswer): boolean =>
  answer.status !== 200 ||
  answer.headers.etag === undefined ||
  answer.headers.etag === `"sha256-${sha256Hex(answer.body)}"`

t.test('a file that was edited is not served until it is published', async t => {
  const network = await TestNetwork.start(t, repository => {
    mkdirSync(join(repository, 'pool'))
    writeFileSync(join(repository, 'pool/a.iso'), 'a'.repeat(50_000))
    writeFileSync(join(repository, 'pool/copy.iso'), 'c'.repeat(50_000))
    writeFileSync(join(repository, 'pool/other.iso'), 'c'.repeat(50_000))
    writeFileSync(join(repository, 'InRelease'), 'first'.repeat(2_000))
  })
  await network.waitForSnapshot(1)
  const file = join(network.repository, 'pool/a.iso')

  writeFileSync(file, 'b'.repeat(50_000))
  const changed = await network.get('/pool/a.iso')
  t.equal(changed.status, 503)
  t.match(JSON.parse(changed.body.toString()), { error: { code: 'MS_FILE_CHANGED' } })
  t.ok(changed.headers['retry-after'])
  t.equal(changed.headers.etag, undefined)

  writeFileSync(join(network.repository, 'InRelease'), 'second')
  const kept = await network.get('/InRelease')
  t.ok(kept.body.equals(Buffer.from('first'.repeat(2_000))), 'the kept copy of the snapshot')

  rmSync(join(network.repository, 'pool/copy.iso'))
  const elsewhere = await network.get('/pool/copy.iso')
  t.equal(elsewhere.status, 200, 'the same content lies at another path')
  t.ok(keepsItsWord(elsewhere))

  t.match(await network.publish(true), {
    snapshot: { number: 2 },
    changed: 2,
    removed: 1,
    unchanged: false,
  })
  const after = await network.get('/pool/a.iso')
  t.ok(after.body.equals(Buffer.alloc(50_000, 'b')))
  t.ok(keepsItsWord(after))
  const dropped = await network.get('/pool/copy.iso')
  t.equal(dropped.status, 200, 'for the time of grace, from the same content at the other path')
  t.ok(keepsItsWord(dropped))
  t.equal((await network.get('/InRelease', { 'user-agent': 'new' })).body.toString(), 'second')
})

t.test('a name that became a way out of the tree leads nowhere', async t => {
  const secret = join(t.testdir({ secret: 's'.repeat(50_000) }), 'secret')
  const network = await TestNetwork.start(t, repository => {
    mkdirSync(join(repository, 'pool'))
    writeFileSync(join(repository, 'pool/a.iso'), 's'.repeat(50_000))
  })
  await network.waitForSnapshot(1)
  rmSync(join(network.repository, 'pool/a.iso'))
  symlinkSync(secret, join(network.repository, 'pool/a.iso'))
  t.equal((await network.get('/pool/a.iso')).status, 503)
  renameSync(join(network.repository, 'pool'), join(network.repository, 'old'))
  symlinkSync(join(secret, '..'), join(network.repository, 'pool'))
  t.equal((await network.get('/pool/a.iso')).status, 503)
})

t.test('an update that began with one snapshot is not mixed with the next', async t => {
  const write = (repository: string, text: string): void => {
    const dist = join(repository, 'dists/stable')
    mkdirSync(join(dist, 'main'), { recursive: true })
    writeFileSync(join(dist, 'main/Packages'), text.repeat(1000))
    writeFileSync(join(dist, 'InRelease'), text)
  }
  const network = await TestNetwork.start(t, repository => write(repository, 'old'))
  await network.waitForSnapshot(1)
  const began = { 'user-agent': 'began before' }
  t.equal((await network.get('/dists/stable/InRelease', began)).body.toString(), 'old')
  write(network.repository, 'new')
  await network.publish()
  await network.waitForSnapshot(2)
  const index = '/dists/stable/main/Packages'
  t.match((await network.get(index, began)).body.toString(), /^old/)
  t.match((await network.get(index, { 'user-agent': 'began after' })).body.toString(), /^new/)
  t.equal((await network.get('/dists/stable/InRelease', began)).body.toString(), 'new')
  t.match((await network.get(index, began)).body.toString(), /^new/, 'a new update, a new snapshot')
})

t.test(
  'whatever happens to the tree, no answer carries a hash that its bytes do not have',
  async t => {
    const names = Array.from({ length: 6 }, (_, index) => `file-${index}.bin`)
    const random = seededRandom(20_26)
    const bytes = (): Buffer => Buffer.alloc(30_000 + Math.floor(random() * 3), `${random()}`)
    const network = await TestNetwork.start(t, repository => {
      for (const name of names) writeFileSync(join(repository, name), bytes())
    })
    await network.waitForSnapshot(1)
    const edits: ((file: string) => void)[] = [
      file => writeFileSync(file, bytes()),
      file => appendFileSync(file, 'more'),
      file => truncateSync(file, 20_000),
      file => rmSync(file, { force: true }),
      file => {
        writeFileSync(`${file}.new`, bytes())
        renameSync(`${file}.new`, file)
      },
      file => {
        writeFileSync(file, bytes())
        utimesSync(file, 1_000_000, 1_000_000)
      },
    ]
    let answers = 0
    let done = false
    const reader = async (): Promise<void> => {
      while (!done) {
        const name = names[Math.floor(random() * names.length)] ?? ''
        const answer = await network.get(`/${name}?direct`).catch(() => null)
        if (answer === null) continue
        answers++
        if (!keepsItsWord(answer)) t.fail(`${name} is not what it says`)
        t.ok([200, 404, 503].includes(answer.status), `${answer.status}`)
      }
    }
    const readers = [reader(), reader(), reader()]
    for (let round = 0; round < 60; round++) {
      const name = names[Math.floor(random() * names.length)] ?? ''
      const edit = edits[Math.floor(random() * edits.length)]
      try {
        edit?.(join(network.repository, name))
      } catch {
        // A file that an earlier edit removed cannot be truncated.
      }
      if (round % 10 === 9) await network.publish(true)
      else await new Promise(resolve => setImmediate(resolve))
    }
    done = true
    await Promise.all(readers)
    t.ok(answers > 20, `${answers} answers were checked`)
  },
)

t.test('a new index is noticed and published by itself', async t => {
  const network = await TestNetwork.start(t, repository => {
    mkdirSync(join(repository, 'repodata'))
    writeFileSync(join(repository, 'SHA256SUMS'), 'one')
  })
  await network.waitForSnapshot(1)
  writeFileSync(join(network.repository, 'added.iso'), 'x'.repeat(9_000))
  writeFileSync(join(network.repository, 'SHA256SUMS'), 'two')
  await network.waitForSnapshot(2)
  await eventually('the new file', async () => (await network.get('/added.iso')).status === 200)
})
