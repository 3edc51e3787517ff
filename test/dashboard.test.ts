// The dashboard in a real Chromium, on a real origin with a real volunteer: what people do there works,
// and every page is usable on a phone, in the dark, and by its names alone.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { testFolder } from '../core/fixtures/test-folder.ts'
import { noise } from '../loadtest/sample/noise.ts'
import { TestNetwork } from '../origin/fixtures/test-network.ts'
import { startVolunteer } from '../volunteer/main.ts'
import { nameless, noChromium, openPage, paleTexts, startChromium, tooWide } from './browser.ts'

t.setTimeout(240_000)

const deadline = { timeout: 60_000 }

t.test('operators see and steer their network in a browser', { skip: noChromium }, async t => {
  const mirrors = join(testFolder(t), 'mirrors')
  mkdirSync(mirrors)
  const network = await TestNetwork.start(t, repository => {
    mkdirSync(join(repository, 'pool'))
    for (const name of ['a b+c', 'd']) {
      writeFileSync(join(repository, 'pool', `${name}.bin`), noise(name, 200_000))
    }
  })
  await network.waitForSnapshot(1)
  const base = network.origin.url
  const whole = t
  let volunteerUrl = ''
  const browser = await startChromium()
  t.teardown(() => browser.close())
  const { page, complaints, context } = await openPage(browser, base, { width: 1280 }, null)
  page.setDefaultTimeout(deadline.timeout)

  await t.test('a stranger is asked for the token, and a wrong one is refused', async t => {
    await page.goto(`${base}-/ui/`)
    await page.fill('#token', 'wrong')
    await page.click('#sign-in button')
    await page.waitForSelector('#sign-in-problem:not(:empty)')
    t.notOk(await page.isVisible('#content'))
    await page.fill('#token', await network.operatorToken())
    await page.keyboard.press('Enter')
    await page.waitForSelector('#no-volunteers', { state: 'visible' })
    await page.waitForSelector('#tiles .value')
    t.match(await page.textContent('#tiles'), /Snapshot1.*2 files/)
  })

  await t.test('a volunteer enrolled by the pasted command appears within ten seconds', async t => {
    await page.goto(`${base}-/ui/manage`)
    await page.click('#token-form button')
    await page.waitForSelector('#made', { state: 'visible' })
    t.equal(await tooWide(page), '')
    const command = await page.textContent('#command')
    const [, url = '', token = ''] = /--origin (\S+) --token (\S+)/.exec(command ?? '') ?? []
    t.equal(url, base)
    const watched = await context.newPage()
    const signIn = `sessionStorage.setItem('mirrorswarm-operator-token', '${await network.operatorToken()}')`
    await watched.addInitScript({ content: signIn })
    await watched.goto(`${base}-/ui/`)
    await watched.waitForSelector('#content', { state: 'visible' })
    const volunteer = await startVolunteer({
      ...{ mirrorDir: join(mirrors, 'ada'), dataDir: join(mirrors, 'ada-data') },
      ...{ originUrl: url, token, name: 'ada', listen: { host: '127.0.0.1', port: 0 } },
      ...{ publicUrl: null, tls: null, include: [], exclude: [], bootstrap: null },
      ...{ uploadLimitBytesPerSecond: null, downloadLimitBytesPerSecond: null },
      ...{ compression: 'zstd', quotaBytes: null, minFreeBytes: 1, maxClients: null },
      ...{ hours: null, networks: [], peerPort: 0, graceMs: null, logLevel: 'silent' },
    })
    whole.teardown(() => volunteer.stop())
    volunteerUrl = `${volunteer.url}/`
    const sinceMs = Date.now()
    await watched.waitForSelector('#volunteers th:has-text("ada")')
    t.comment(`seen after ${Date.now() - sinceMs} ms`)
    await watched.waitForSelector('#volunteers .badge.synced')
    await watched.waitForSelector('#happenings :text("ada enrolled")')
    await page.waitForSelector('#waiting:has-text("ada enrolled")')

    await page.click('#volunteers button[data-action=drain]')
    await page.waitForSelector('#action-result:has-text("ada gets no new clients")')
    await watched.waitForSelector('#volunteers .badge.draining')
    await page.click('#volunteers button[data-action=undrain]')
    await watched.waitForSelector('#volunteers .badge.synced')

    writeFileSync(join(network.repository, 'pool', 'new.bin'), noise('new', 50_000))
    await page.click('#publish-form button')
    await page.waitForSelector('#publish-result:has-text("snapshot 2")')
    await watched.goto(`${base}-/ui/releases`)
    await watched.waitForSelector('#members :text("all of")')

    await watched.goto(`${base}-/ui/traffic`)
    await watched.waitForSelector('#by-volunteer tr:has-text("ada"):has-text("50 kB")')

    await watched.goto(`${base}-/ui/redirects`)
    await watched.waitForSelector('#none', { state: 'visible' })
    await network.get('/pool/a%20b%2Bc.bin')
    await watched.waitForSelector('#redirects th:has-text("/pool/a b+c.bin")')
    t.match(await watched.textContent('#redirects'), /127\.0\.0\.0/)
    await watched.click('#redirects a:has-text("explain")')
    await watched.waitForSelector('#verdict:has-text("Redirected to ada")')
    t.match(await watched.textContent('#accepted'), /ada/)
    await watched.fill('#path', '/pool/none.bin')
    await watched.keyboard.press('Enter')
    await watched.waitForSelector('#ask-problem:has-text("no such file")')
    await watched.close()
  })

  await t.test('volunteers, mirrors and clients are settled there', async t => {
    await page.goto(`${base}-/ui/manage`)
    await page.click('#volunteers button[data-action=settings]')
    await page.waitForSelector('#settings[open]')
    t.match(await page.textContent('#settings-title'), /ada/)
    await page.fill('#set-site', 'no site!')
    await page.keyboard.press('Enter')
    await page.waitForSelector('#settings-problem:has-text("a site is named by")')
    await page.fill('#set-site', 'physics')
    await page.fill('#set-weight', '2.5')
    await page.fill('#set-networks', '192.0.2.0/24\n2001:db8::/32')
    await page.click('#settings-form button[type=submit]')
    await page.waitForSelector('#action-result:has-text("The settings of ada are kept")')
    await page.waitForSelector('#volunteers tr:has-text("physics"):has-text("2.5")')
    await page.waitForSelector('#volunteers button[data-action=settings]:focus')
    const told = await network.get('/-/v1/volunteers/ada', {
      authorization: `Bearer ${await network.operatorToken()}`,
    })
    const { site, weight, networks } = JSON.parse(told.body.toString())
    t.same([site, weight, networks], ['physics', 2.5, ['192.0.2.0/24', '2001:db8::/32']])

    await page.click('#mirrors-title ~ details summary')
    await page.fill('#mirror-name', 'plain')
    await page.fill('#mirror-url', 'ftp://192.0.2.1/')
    await page.click('#mirror-form button[type=submit]')
    await page.waitForSelector('#mirror-result:has-text("That did not work")')
    await page.fill('#mirror-url', 'http://127.0.0.1:9/debian/')
    await page.click('#mirror-form button[type=submit]')
    await page.waitForSelector('#mirrors tr:has-text("http://127.0.0.1:9/debian")')
    await page.click('#mirrors button[data-action=remove]')
    await page.keyboard.press('Escape')
    await page.waitForSelector('#sure:not([open])', { state: 'hidden' })
    await page.waitForSelector('#mirrors button[data-action=remove]:focus')
    await page.click('#mirrors button[data-action=remove]')
    await page.click('#sure-yes')
    await page.waitForSelector('#mirror-action:has-text("plain is removed")')
    await page.waitForSelector('#mirrors', { state: 'hidden' })

    await page.waitForSelector('#clients-lead:has-text("--require-clients")')
    await page.click('#clients-title ~ details summary')
    await page.fill('#client-name', 'lab')
    await page.fill('#client-paths', '/pool/\n/dists')
    await page.keyboard.press('Tab')
    await page.click('#client-form button[type=submit]')
    await page.waitForSelector('#secret', { state: 'visible' })
    t.match(await page.textContent('#secret-text'), /user +lab\npassword +\S{16,}/)
    await page.waitForSelector('#clients tr:has-text("lab"):has-text("/pool"):has-text("/dists")')
    await page.click('#hide-secret')
    t.equal(await page.textContent('#secret-text'), '')
    await page.fill('#client-name', 'lab')
    await page.keyboard.press('Enter')
    await page.waitForSelector('#client-result:has-text("there is a client called lab")')
    await page.click('#clients button')
    await page.click('#sure-yes')
    await page.waitForSelector('#client-action:has-text("lab may read no more")')
    await page.waitForSelector('#clients', { state: 'hidden' })
  })

  await t.test('every page fits a phone, light and dark, and has names for all', async t => {
    const token = await network.operatorToken()
    for (const [scheme, width] of [
      ['light', 390],
      ['dark', 1280],
    ] as const) {
      const looked = await openPage(browser, base, { width, scheme }, token)
      for (const name of ['', 'releases', 'traffic', 'redirects', 'explain', 'manage']) {
        await looked.page.goto(`${base}-/ui/${name}`)
        await looked.page.waitForSelector('.link[data-state=live]', deadline)
        await looked.page.evaluate(
          `document.querySelectorAll('details').forEach(each => { each.open = true })`,
        )
        // Until the picture is drawn.
        await looked.page.waitForTimeout(100)
        const what = `${name || 'network'}, ${scheme}, ${width} px`
        t.equal(await tooWide(looked.page), '', `${what}: nothing is too wide`)
        t.same(await paleTexts(looked.page), [], `${what}: texts can be read`)
        t.same(await nameless(looked.page), [], `${what}: all have names`)
      }
      t.same(looked.complaints, [], 'no errors, nothing from elsewhere')
      await looked.context.close()
      const own = await openPage(browser, volunteerUrl, { width, scheme }, null)
      await own.page.goto(`${volunteerUrl}-/ui/`)
      await own.page.waitForSelector('h1:has-text("ada")', deadline)
      t.match(await own.page.textContent('#holds'), /\(100 %\), 3 of 3 files/)
      t.match(await own.page.textContent('#days'), /Synchronising/)
      t.equal(await tooWide(own.page), '', 'nothing is too wide at a volunteer')
      t.same(await paleTexts(own.page), [], 'texts can be read')
      t.same(await nameless(own.page), [], 'all have names')
      t.same(own.complaints, [], 'no errors, nothing from elsewhere')
      await own.context.close()
    }
  })

  await t.test('a page whose stream breaks says so, and comes back by itself', async () => {
    const lost = await openPage(browser, base, { width: 800 }, await network.operatorToken())
    await lost.page.route('**/-/events', route => route.abort())
    await lost.page.goto(`${base}-/ui/`)
    await lost.page.waitForSelector('.link[data-state=lost]', deadline)
    await lost.page.unroute('**/-/events')
    await lost.page.waitForSelector('.link[data-state=live]', deadline)
    await lost.page.waitForSelector('#volunteers th:has-text("ada")', deadline)
    await lost.context.close()
  })
  t.same(complaints, [], 'no errors, nothing from elsewhere')
})
