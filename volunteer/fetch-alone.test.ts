import { readFile, writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import t from 'tap'
import type { Sha256 } from '../core/ids.ts'
import { RateLimiter } from '../core/rate-limiter.ts'
import type { Content } from '../manifest/model.ts'
import { FetchAlone } from './fetch-alone.ts'

const text = '0123456789'
const content = { sha256: 'a'.repeat(64) as Sha256, sizeBytes: text.length } as Content
const { signal } = new AbortController()

const prepare = (
  folder: string,
  answer = (offset: number): Readable => Readable.from([Buffer.from(text.slice(offset))]),
) => {
  const asked: number[] = []
  let bytes = 0
  const alone = new FetchAlone({
    folder,
    origin: {
      content: async (_sha256, offset) => {
        asked.push(offset)
        return answer(offset)
      },
    },
    downloadLimiter: new RateLimiter(null),
    onBytes: count => {
      bytes += count
    },
  })
  return { alone, asked, bytes: () => bytes }
}

t.test('a content is fetched, and an interrupted one continued', async t => {
  const { alone, asked, bytes } = prepare(t.testdir({}))
  const file = await alone.fetch(content, signal)
  t.equal(await readFile(file, 'utf8'), text)
  await writeFile(file, text.slice(0, 4))
  t.equal(await readFile(await alone.fetch(content, signal), 'utf8'), text)
  t.strictSame(asked, [0, 4])
  t.equal(bytes(), 16)
  await alone.fetch(content, signal)
  t.equal(asked.length, 2, 'a complete file is not asked for')
})

t.test('a file that is too long begins anew; an empty content is not asked for', async t => {
  const { alone, asked } = prepare(t.testdir({}))
  await writeFile(alone.file(content), `${text}${text}`)
  t.equal(await readFile(await alone.fetch(content, signal), 'utf8'), text)
  await alone.fetch({ ...content, sha256: 'b'.repeat(64) as Sha256, sizeBytes: 0 }, signal)
  t.strictSame(asked, [0])
})

t.test('an answer that is too short, too long or broken is an error to try again', async t => {
  const short = prepare(t.testdir({}), () => Readable.from([Buffer.from('01')]))
  await t.rejects(short.alone.fetch(content, signal), { code: 'MS_REMOTE_UNREACHABLE' })
  const long = prepare(t.testdir({}), () => Readable.from([Buffer.from(`${text}x`)]))
  await t.rejects(long.alone.fetch(content, signal), { code: 'MS_ANSWER_INVALID' })
  const broken = prepare(t.testdir({}), () =>
    Readable.from(
      (async function* () {
        yield Buffer.from('012')
        throw new Error('reset')
      })(),
    ),
  )
  await t.rejects(broken.alone.fetch(content, signal), { code: 'MS_REMOTE_UNREACHABLE' })
})

t.test('what is not missing any more is removed', async t => {
  const { alone } = prepare(t.testdir({}))
  const file = await alone.fetch(content, signal)
  await alone.tidy(sha256 => sha256 === content.sha256)
  t.ok(await readFile(file))
  await alone.tidy(() => false)
  await t.rejects(readFile(file), { code: 'ENOENT' })
})
