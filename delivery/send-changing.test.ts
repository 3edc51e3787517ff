import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  appendFile,
  open,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { readBufferBytes, slowReadBufferBytes } from '../core/limits.ts'
import { missing } from '../loadtest/programs.ts'
import { ask, descriptorsOf, hashedFile, serve } from '../test/file-server.ts'

const overwrite = async (file: string, offset: number): Promise<void> => {
  const handle = await open(file, 'r+')
  await handle.write(randomBytes(1000), 0, 1000, offset)
  await handle.close()
}

const changes: Record<string, (file: string, sizeBytes: number) => Promise<void>> = {
  truncated: (file, sizeBytes) => truncate(file, sizeBytes - 1),
  emptied: file => truncate(file, 0),
  appended: file => appendFile(file, 'more'),
  'overwritten at its end': (file, sizeBytes) => overwrite(file, sizeBytes - 1000),
  'overwritten with its time put back': async (file, sizeBytes) => {
    const { atime, mtime } = await stat(file)
    await overwrite(file, sizeBytes - 1000)
    await utimes(file, atime, mtime)
  },
  replaced: async (file, sizeBytes) => {
    await writeFile(`${file}.new`, randomBytes(sizeBytes))
    await rename(`${file}.new`, file)
  },
  removed: file => rm(file),
}

for (const [name, change] of Object.entries(changes)) {
  t.test(`a file ${name} while it is sent: the answer is cut, what was sent is right`, async t => {
    const { bytes, representation, file, guard } = await hashedFile(t, 10 * slowReadBufferBytes)
    let slices = 0
    const limiter = {
      take: async () => {
        slices++
        if (slices === 3) await change(file, bytes.length)
      },
    }
    const { port, results, ended } = await serve(t, { file, guard }, representation, { limiter })
    const answer = await ask(t, port)
    await ended(1)
    t.match(results, [{ outcome: 'changed', headersSent: true }])
    t.equal(answer.headers['content-length'], String(bytes.length))
    t.ok(answer.body.length > 0 && answer.body.length < bytes.length, 'visibly incomplete')
    t.ok(answer.body.equals(bytes.subarray(0, answer.body.length)))
    t.equal(await descriptorsOf(file), 0)
  })
}

t.test(
  'a file that is replaced goes on being sent where only its own bytes are guarded',
  async t => {
    const { bytes, representation, file, guard } = await hashedFile(t, 10 * slowReadBufferBytes)
    const { changedNs: _left, ...loose } = guard
    let slices = 0
    const limiter = {
      take: async () => {
        slices++
        if (slices === 3) await changes.replaced?.(file, bytes.length)
      },
    }
    const { port } = await serve(t, { file, guard: loose }, representation, { limiter })
    t.ok((await ask(t, port)).body.equals(bytes))
  },
)

t.test('a file that changed before the first byte leaves room for another answer', async t => {
  const { bytes, representation, file, guard } = await hashedFile(t, 1000)
  // The change happens between opening and reading: the guard is asked for when it is opened.
  let asked = 0
  const late = {
    ...guard,
    get modifiedNs() {
      asked++
      return asked === 1 ? guard.modifiedNs : guard.modifiedNs + 1n
    },
  }
  const { port, results } = await serve(t, { file, guard: late }, representation)
  const answer = await ask(t, port)
  t.equal(answer.status, 503)
  t.notOk(answer.body.includes(bytes.subarray(0, 10)))
  t.match(results, [{ outcome: 'changed', headersSent: false, bodyBytes: 0 }])
  asked = 0
  t.equal((await ask(t, port, {}, 'HEAD')).status, 503, 'nor does HEAD vouch for it')
})

t.test('however and whenever a file is changed, no complete answer has wrong bytes', async t => {
  const sizeBytes = 4 * readBufferBytes
  let complete = 0
  for (let round = 0; round < 30; round++) {
    const { bytes, representation, file, guard } = await hashedFile(t, sizeBytes)
    const { port } = await serve(t, { file, guard }, representation)
    const answering = ask(t, port)
    const waitMs = round % 10
    const changing = (async () => {
      await new Promise(resolve => setTimeout(resolve, waitMs))
      await overwrite(file, Math.floor((round / 30) * sizeBytes))
    })()
    const answer = await answering
    await changing
    if (answer.status !== 200) continue
    t.ok(answer.body.equals(bytes.subarray(0, answer.body.length)), `round ${round}`)
    if (answer.body.length === sizeBytes) complete++
  }
  t.comment(`${complete} of 30 answers were complete before the change`)
})

const run = promisify(execFile)

const programs = {
  wget: (url: string, file: string) => run('wget', ['-q', '-c', '-O', file, url]),
  curl: (url: string, file: string) => run('curl', ['-sS', '-C', '-', '-o', file, url]),
}

for (const program of ['wget', 'curl'] as const) {
  const fetch = programs[program]
  t.test(
    `${program} resumes, and is content with a file that it has already`,
    { skip: missing(program) },
    async t => {
      const { bytes, representation, ...source } = await hashedFile(t, 3 * readBufferBytes + 5)
      const { url, results, ended } = await serve(t, source, representation)
      const part = join(t.testdirName, 'part')
      await writeFile(part, bytes.subarray(0, readBufferBytes + 1))
      await fetch(url, part)
      t.ok((await readFile(part)).equals(bytes))
      await ended(1)
      t.match(results, [{ outcome: 'sent', bodyBytes: 2 * readBufferBytes + 4 }])
      await fetch(url, part)
      t.ok((await readFile(part)).equals(bytes), 'it was told 416')
      await ended(2)
      t.match(results[1], { outcome: 'sent', bodyBytes: 0 })
    },
  )
}
