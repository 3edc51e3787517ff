// Takes the pictures of docs/screenshots: a real origin with five real volunteers and some clients, in
// this process, seen by Chromium in light and dark, wide and on a phone. `npm run screenshots`.

import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { temporaryFolder } from '../loadtest/leftovers.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { PlainMirror } from '../origin/fixtures/plain-mirror.ts'
import { originDefaults, startOrigin } from '../origin/main.ts'
import { startVolunteer } from '../volunteer/main.ts'
import { noChromium, openPage, startChromium } from './browser.ts'

const target = join(dirname(import.meta.dirname), 'docs/screenshots')
/** What the pages show must have happened: at least some samples of ten seconds. */
const warmUpMs = Number(process.env.SCREENSHOT_WARM_UP_MS ?? 60_000)

const volunteers = [
  { name: 'ada', site: 'physics', upload: 40e6, include: [] },
  { name: 'bob', site: 'physics', upload: 25e6, include: [] },
  { name: 'chemnitz', site: 'chemistry', upload: 60e6, include: [] },
  { name: 'dora', site: 'library', upload: 12e6, include: ['pool/a/**'] },
  { name: 'emil', site: 'library', upload: 20e6, include: [] },
] as const

/** A version of so many packages; of the second one the most part is as in the first. */
const fill = (repository: string, version: 0 | 1, count: number): void => {
  for (let index = 0; index < count; index++) {
    const folder = join(repository, 'pool', 'abcdef'[index % 6] ?? 'x')
    mkdirSync(folder, { recursive: true })
    const name = `package-${index}_1.${version}_amd64.deb`
    const first = noise(`screenshot ${index}`, 200_000 + (index % 7) * 90_000)
    const more = version === 0 ? [] : [noise(`more ${index}`, 60_000)]
    writeFileSync(join(folder, name), Buffer.concat([first, ...more]))
  }
}

/** A web server with the first version of the packages, which runs none of our daemons. */
const startMirror = async (repository: string, stack: AsyncDisposableStack): Promise<string> => {
  const mirror = await PlainMirror.start({
    teardown: work => stack.defer(async () => void (await work())),
  })
  const names = readdirSync(repository, { recursive: true, encoding: 'utf8' })
  for (const name of names.filter(each => each.endsWith('.deb'))) {
    mirror.files.set(`/debian/${name}`, readFileSync(join(repository, name)))
  }
  return `${mirror.origin}/debian/`
}

/** Ask the origin as its operator. */
const operate = async (url: string, token: string, path: string, body: object | null) => {
  const answer = await fetch(`${url}-/v1/${path}`, {
    method: body === null ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}` },
    ...(body === null ? {} : { body: JSON.stringify(body) }),
  })
  const value: unknown = await answer.json()
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${JSON.stringify(value)}`)
  return value
}

const until = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
  const deadlineMs = Date.now() + 180_000
  while (!(await isSo())) {
    if (Date.now() > deadlineMs) throw new Error(`waited too long for ${what}`)
    await setTimeout(200)
  }
}

/** Clients that download now and then until they are told to stop. */
const download = async (url: string, signal: AbortSignal): Promise<void> => {
  for (let index = 0; !signal.aborted; index = (index + 7) % 60) {
    const path = `pool/${'abcdef'[index % 6]}/package-${index}_1.0_amd64.deb`
    const headers = { 'user-agent': `client ${index % 9}` }
    const answer = await fetch(url + path, { headers, signal }).catch(() => null)
    await answer?.arrayBuffer().catch(() => null)
    await setTimeout(60, null, { signal }).catch(() => null)
  }
}

const looks = [
  { suffix: 'light', width: 1120, height: 640, scheme: 'light' },
  { suffix: 'dark', width: 1120, height: 640, scheme: 'dark' },
  { suffix: 'phone-light', width: 390, height: 720, scheme: 'light' },
  { suffix: 'phone-dark', width: 390, height: 720, scheme: 'dark' },
] as const

const shoot = async (page: Page, name: string): Promise<void> => {
  const file = join(target, `${name}.png`)
  const clip = { x: 0, y: 0, width: 1120, height: 500 }
  // So much text makes large files.
  const large = /^redirects-(?:light|dark)$/.test(name)
  await page.screenshot({ path: file, ...(large ? { clip } : {}) })
  console.log(`${name}: ${Math.round(statSync(file).size / 1000)} kB`)
}

const prepare: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
  network: page => page.waitForSelector('#volunteers .badge.draining'),
  releases: page => page.waitForSelector('#chart canvas'),
  traffic: page => page.waitForSelector('#clients canvas'),
  redirects: page => page.waitForSelector('#redirects tbody tr:nth-child(12)'),
  explain: async page => {
    await page.fill('#path', '/pool/a/package-6_1.0_amd64.deb')
    await page.fill('#from', '192.0.2.7')
    await page.click('#ask button')
    await page.waitForSelector('#accepted tbody tr')
  },
  manage: async page => {
    await page.click('#token-form button')
    await page.waitForSelector('#made', { state: 'visible' })
  },
  settle: async page => {
    await page.waitForSelector('#clients tbody tr')
    await page.waitForSelector('#mirrors tbody tr')
    await page.evaluate(`document.getElementById('volunteers-title').scrollIntoView()`)
  },
}

/** Pictures whose page has another name. */
const pages: Readonly<Record<string, string>> = { network: '', settle: 'manage' }

const takeAll = async (origin: string, volunteer: string, token: string): Promise<void> => {
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target, { recursive: true })
  const browser = await startChromium()
  try {
    for (const look of looks) {
      for (const [name, ready] of Object.entries(prepare)) {
        const { page, context } = await openPage(browser, origin, look, token)
        await page.goto(`${origin}-/ui/${pages[name] ?? name}`)
        await page.waitForSelector('.link[data-state=live]')
        await ready(page)
        await page.waitForTimeout(300)
        await shoot(page, `${name}-${look.suffix}`)
        await context.close()
      }
      const { page, context } = await openPage(browser, volunteer, look, null)
      await page.goto(`${volunteer}-/ui/`)
      await page.waitForSelector('#given canvas')
      await page.waitForTimeout(300)
      await shoot(page, `volunteer-${look.suffix}`)
      await context.close()
    }
  } finally {
    await browser.close()
  }
}

const main = async (): Promise<void> => {
  if (noChromium !== false) throw new Error(noChromium)
  await using stack = new AsyncDisposableStack()
  const folder = temporaryFolder('screenshots')
  stack.defer(() => folder.remove())
  const repository = join(folder.path, 'repository')
  fill(repository, 0, 60)
  const packageFile = join(folder.path, 'mirrorswarm.tgz')
  writeFileSync(packageFile, gzipSync('what npm pack makes'))
  const mirror = await startMirror(repository, stack)
  const origin = await startOrigin({
    ...originDefaults,
    ...{ repositoryDir: repository, dataDir: join(folder.path, 'data'), workers: 1 },
    ...{ announceIntervalMs: 1_000, settleMs: 100, packageFile, logLevel: 'silent' },
  })
  stack.defer(() => origin.stop())
  const token = readFileSync(join(folder.path, 'data/operator-token'), 'utf8').trim()
  const ask = (path: string, body: object | null = null) =>
    operate(origin.url, token, path, body) as Promise<Record<string, unknown>>
  await ask('publish', {})
  const expiresMs = Date.now() + 3_600_000
  const { token: enrolment } = await ask('tokens', { uses: volunteers.length, expiresMs })
  const urls: string[] = []
  for (const { name, site, upload, include } of volunteers) {
    const running = await startVolunteer({
      ...{ mirrorDir: join(folder.path, name), dataDir: join(folder.path, `${name}-data`) },
      ...{ originUrl: origin.url, token: String(enrolment), name, include, exclude: [] },
      ...{ listen: { host: '127.0.0.1', port: 0 }, publicUrl: null, tls: null, bootstrap: null },
      ...{ uploadLimitBytesPerSecond: upload, downloadLimitBytesPerSecond: 30e6, peerPort: 0 },
      ...{ compression: 'zstd', quotaBytes: 200e9, minFreeBytes: 1e6, maxClients: 40 },
      ...{ hours: null, networks: [], graceMs: null, logLevel: 'silent' },
    })
    stack.defer(() => running.stop())
    urls.push(running.url)
    await ask(`volunteers/${name}`, { site })
  }
  const isSynced = async (): Promise<boolean> => {
    const { volunteers: rows } = (await ask('volunteers')) as { volunteers: { state: string }[] }
    return rows.every(({ state }) => state === 'synced')
  }
  await until('all to be synced', isSynced)
  await ask('volunteers', { name: 'campus', mirror })
  const clients = new AbortController()
  const downloads = [0, 1, 2, 3].map(() => download(origin.url, clients.signal))
  stack.defer(async () => {
    clients.abort()
    await Promise.all(downloads)
  })
  await setTimeout(warmUpMs / 2)
  fill(repository, 1, 50)
  await ask('publish', {})
  await until('all to be synced again', isSynced)
  await setTimeout(warmUpMs / 2)
  await ask('volunteers/emil', { action: 'drain' })
  await ask('clients', { name: 'physics-lab', paths: ['/pool/a', '/pool/b'] })
  await ask('clients', { name: 'dormitories', networks: ['192.0.2.0/24', '2001:db8::/32'] })
  await takeAll(origin.url, `${urls[0]}/`, token)
}

await main()
