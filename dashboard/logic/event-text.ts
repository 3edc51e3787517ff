// The text format of server-sent events (HTML standard, 9.2.6), written and read. Browsers' own reader
// cannot send a token, so the pages read the stream themselves.

export interface StreamEvent {
  /** Missing: the event is of the moment and not resumed from. */
  readonly id?: string
  readonly event: string
  readonly data: string
}

/** One event as text; `data` may have several lines. */
export const eventText = ({ id, event, data }: StreamEvent): string => {
  const lines = data.split(/\r\n|\r|\n/).map(line => `data: ${line}\n`)
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\n${lines.join('')}\n`
}

/** A line that is no event: keeps the connection. */
export const beatText = ': beat\n\n'

export interface ParseState {
  /** The beginning of a line that has not ended yet. */
  readonly rest: string
  readonly fields: { readonly id: string | null; readonly event: string; readonly data: string[] }
}

export const parseStart = (): ParseState => ({
  rest: '',
  fields: { id: null, event: '', data: [] },
})

const fieldOf = (line: string): readonly [name: string, value: string] => {
  const colon = line.indexOf(':')
  if (colon < 0) return [line, '']
  const value = line.slice(colon + 1)
  return [line.slice(0, colon), value.startsWith(' ') ? value.slice(1) : value]
}

/** Take a part of the stream: the state behind it, and the events that ended in it. */
export const parseEvents = (
  state: ParseState,
  text: string,
): { readonly state: ParseState; readonly events: readonly StreamEvent[] } => {
  const all = state.rest + text
  // A "\r" at the end may be the first half of one end of line.
  const held = all.endsWith('\r') ? 1 : 0
  const lines = all.slice(0, all.length - held).split(/\r\n|\r|\n/)
  const rest = `${lines.pop() ?? ''}${held === 1 ? '\r' : ''}`
  const events: StreamEvent[] = []
  let { id, event, data } = state.fields
  for (const line of lines) {
    if (line === '') {
      if (data.length > 0) {
        events.push({ ...(id === null ? {} : { id }), event, data: data.join('\n') })
      }
      id = null
      event = ''
      data = []
      continue
    }
    const [name, value] = fieldOf(line)
    if (name === 'id' && !value.includes('\0')) id = value
    else if (name === 'event') event = value
    else if (name === 'data') data = [...data, value]
  }
  return { state: { rest, fields: { id, event, data } }, events }
}
