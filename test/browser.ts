// Real Chromium for tests and screenshots of the dashboard: pages that report whatever a browser
// complains about, and what a person would see at once: a page too wide, text too pale.

import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const executablePath = places.find(existsSync)

/** Why tests that need it are skipped; false: they are not. */
export const noChromium: string | false =
  executablePath === undefined && 'install chromium to run this test'

export const startChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: executablePath ?? 'chromium',
    args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb'],
  })

export interface Look {
  readonly width: number
  readonly height?: number
  readonly scheme?: 'light' | 'dark'
}

export interface Watched {
  readonly context: BrowserContext
  readonly page: Page
  /** Errors in the console, failed scripts, requests to anywhere but `url`. */
  readonly complaints: string[]
}

/** A page whose tab is signed in with `token`, if there is one. */
export const openPage = async (
  browser: Browser,
  url: string,
  look: Look,
  token: string | null,
): Promise<Watched> => {
  const { width, height = 900, scheme = 'light' } = look
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    reducedMotion: 'reduce',
    deviceScaleFactor: 1,
    locale: 'en-GB',
  })
  const complaints: string[] = []
  context.on('request', request => {
    if (!request.url().startsWith(url)) complaints.push(`asked for ${request.url()}`)
  })
  const page = await context.newPage()
  // A refusal is no error of the page.
  page.on('console', message => {
    const refused = /status of 40[0139]/.test(message.text())
    if (message.type() === 'error' && !refused) complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  if (token !== null) {
    const set = `sessionStorage.setItem('mirrorswarm-operator-token', ${JSON.stringify(token)})`
    await page.addInitScript({ content: set })
  }
  return { context, page, complaints }
}

/** What is wider than the window, as text; empty: nothing. */
export const tooWide = (page: Page): Promise<string> =>
  page.evaluate(`(() => {
    const root = document.documentElement
    if (root.scrollWidth <= root.clientWidth) return ''
    const wide = [...document.querySelectorAll('main *')]
      .filter(each => each.getBoundingClientRect().right > root.clientWidth + 1)
    return root.scrollWidth + ' > ' + root.clientWidth + ': ' +
      wide.slice(-3).map(each => each.outerHTML.slice(0, 80)).join(' ')
  })()`)

/** Texts whose contrast with what is behind them is below WCAG's 4.5 (3 for large ones). */
export const paleTexts = (page: Page): Promise<string[]> =>
  page.evaluate(`(() => {
    const parse = text => (text.match(/[\\d.]+/g) ?? []).map(Number)
    const channel = value => {
      const part = value / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    }
    const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
    const groundOf = element => {
      for (let each = element; each !== null; each = each.parentElement) {
        const colour = parse(getComputedStyle(each).backgroundColor)
        if (colour.length === 3 || colour[3] === 1) return colour
      }
      return [255, 255, 255]
    }
    const pale = []
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const element = node.parentElement
      if (node.data.trim() === '' || !element.checkVisibility()) continue
      if (['SCRIPT', 'STYLE', 'OPTION'].includes(element.tagName)) continue
      const style = getComputedStyle(element)
      const a = light(parse(style.color))
      const b = light(groundOf(element))
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
      const size = parseFloat(style.fontSize)
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
      if (contrast < (large ? 3 : 4.5)) {
        pale.push(node.data.trim().slice(0, 40) + ': ' + contrast.toFixed(2))
      }
    }
    return pale
  })()`)

/** Fields and buttons without a name, pictures without words, headings that skip a level. */
export const nameless = (page: Page): Promise<string[]> =>
  page.evaluate(`(() => {
    const seen = each => each.checkVisibility()
    const bare = [...document.querySelectorAll('input, select, button, a[href], [role=img], nav')]
      .filter(seen)
      .filter(each => !each.labels?.length && !each.getAttribute('aria-label') &&
        !each.getAttribute('aria-labelledby') && each.textContent.trim() === '')
      .map(each => each.outerHTML.slice(0, 80))
    const levels = [...document.querySelectorAll('h1, h2, h3')].filter(seen)
      .map(each => Number(each.tagName[1]))
    const skips = levels.flatMap((level, index) =>
      level > (levels[index - 1] ?? 0) + 1 ? ['h' + level + ' without one above it'] : [])
    const ids = [...document.querySelectorAll('[id]')].map(each => each.id)
    const twice = ids.filter((id, index) => ids.indexOf(id) !== index).map(id => 'id twice: ' + id)
    return [...bare, ...skips, ...twice]
  })()`)
