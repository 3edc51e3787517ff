// What all pages of an origin share: signing in and out, the state of the connection, and the picture
// of the network, kept up to date by the stream.

import type { StreamEvent } from '../logic/event-text.ts'
import type {
  Happening,
  Overview,
  PublishNews,
  Release,
  ShownRedirect,
  SnapshotNews,
  Totals,
  TrafficSample,
  VolunteerRow,
} from '../logic/overview.ts'
import { find, say } from './dom.ts'
import { type LinkState, Live } from './live.ts'
import { keepToken, operatorToken } from './server.ts'

export interface PageHandlers {
  /** At first, and whenever something changed. */
  readonly onPicture: (picture: Overview) => void
  readonly onRedirect?: (redirect: ShownRedirect) => void
}

const keptSamples = 1_000
const keptHappenings = 40

const rowsAfter = (
  rows: readonly VolunteerRow[],
  { changed, gone }: { changed: readonly VolunteerRow[]; gone: readonly string[] },
): readonly VolunteerRow[] => {
  const away = new Set([...gone, ...changed.map(({ name }) => name)])
  return [...rows.filter(({ name }) => !away.has(name)), ...changed].sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )
}

interface StateNews {
  readonly snapshot: SnapshotNews | null
  readonly releases: readonly Release[]
  readonly publish: PublishNews
}

const releasesAfter = (all: readonly Release[], news: readonly Release[]): readonly Release[] => {
  const [newest] = news
  if (newest === undefined) return all
  return [newest, ...all.filter(({ number }) => number < newest.number)]
}

/** The picture behind an event; the same when the event is of no interest here. */
const after = (picture: Overview, { event, data }: StreamEvent): Overview => {
  const value: unknown = JSON.parse(data)
  switch (event) {
    case 'volunteers': {
      const volunteers = rowsAfter(picture.volunteers, value as Parameters<typeof rowsAfter>[1])
      return { ...picture, volunteers }
    }
    case 'traffic': {
      const { sample, totals } = value as { sample: TrafficSample; totals: Totals }
      return { ...picture, totals, traffic: [...picture.traffic, sample].slice(-keptSamples) }
    }
    case 'state': {
      const { snapshot, releases, publish } = value as StateNews
      const merged = releasesAfter(picture.releases, releases)
      return { ...picture, snapshot, publish, releases: merged }
    }
    case 'happening': {
      const happenings = [...picture.happenings, value as Happening].slice(-keptHappenings)
      return { ...picture, happenings }
    }
    default:
      return picture
  }
}

/** The server's clock as it was told, moved on by this machine's. */
let clockOffsetMs = 0
export const serverNowMs = (): number => Date.now() + clockOffsetMs

const linkTexts: Readonly<Record<LinkState, string>> = {
  connecting: 'connecting',
  live: 'live',
  lost: 'no connection, trying again',
  refused: 'not signed in',
}

const showLink = (state: LinkState): void => {
  find('link').dataset.state = state
  say(find('link-text'), linkTexts[state])
}

/** Ask for the operator's token. */
export const showSignIn = (problem = ''): void => {
  find('sign-in').hidden = false
  say(find('sign-in-problem'), problem)
  find<HTMLInputElement>('token').focus()
}

/** Bring the page to life. */
export const startPage = ({ onPicture, onRedirect }: PageHandlers): void => {
  let picture: Overview | null = null
  let drawing = false
  const draw = (): void => {
    if (drawing) return
    drawing = true
    requestAnimationFrame(() => {
      drawing = false
      if (picture !== null) onPicture(picture)
    })
  }
  const onEvent = (event: StreamEvent): void => {
    if (event.event === 'overview') {
      picture = JSON.parse(event.data) as Overview
      clockOffsetMs = picture.nowMs - Date.now()
      find('sign-in').hidden = true
      find('content').hidden = false
      find('who').hidden = !picture.operator
    } else if (event.event === 'redirect') {
      onRedirect?.(JSON.parse(event.data) as ShownRedirect)
      return
    } else if (picture !== null) {
      const next = after(picture, event)
      if (next === picture) return
      picture = next
    }
    draw()
  }
  const live = new Live({
    onEvent,
    onLink: (state, why) => {
      showLink(state)
      if (state !== 'refused') return
      const wrong = operatorToken() !== null
      keepToken(null)
      find('content').hidden = true
      find('who').hidden = true
      showSignIn(wrong ? why : '')
    },
  })
  find('sign-in').addEventListener('submit', event => {
    event.preventDefault()
    const input = find<HTMLInputElement>('token')
    keepToken(input.value.trim())
    input.value = ''
    say(find('sign-in-problem'), '')
    live.start()
  })
  find('sign-out').addEventListener('click', () => {
    keepToken(null)
    location.reload()
  })
  // Times grow older while nothing happens.
  setInterval(draw, 10_000)
  showLink('connecting')
  live.start()
}
