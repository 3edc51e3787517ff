// Credentials for an origin: from the URL, else from a netrc file as wget and curl read it. They go
// to the origin's own host and port and to nobody else.

import { open } from 'node:fs/promises'
import { describeError, MirrorswarmError, systemCode } from '../../core/errors.ts'
import { netrcBytes } from '../../core/fetch-limits.ts'

interface Login {
  readonly user: string
  readonly password: string
}

/** The login for a host in the text of a netrc file; null: none. */
export const netrcLogin = (text: string, host: string): Login | null => {
  const words = text
    .replace(/^[ \t]*macdef[\s\S]*?(?:\n[ \t]*\n|$(?![\s\S]))/gm, '')
    .replace(/^[ \t]*#.*$/gm, '')
    .split(/\s+/)
  let matches = false
  let user: string | null = null
  let password: string | null = null
  const found = (): Login | null =>
    matches && password !== null ? { user: user ?? '', password } : null
  for (let index = 0; index < words.length; index++) {
    const word = words[index]
    if (word === 'machine' || word === 'default') {
      const done = found()
      if (done !== null) return done
      matches = word === 'default' || words[++index]?.toLowerCase() === host.toLowerCase()
      user = null
      password = null
    } else if (word === 'login') user = words[++index] ?? null
    else if (word === 'password') password = words[++index] ?? null
  }
  return found()
}

const readNetrc = async (file: string): Promise<string> => {
  let handle: Awaited<ReturnType<typeof open>>
  try {
    handle = await open(file)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return ''
    throw new MirrorswarmError('MS_CONFIG_INVALID', `${file}: ${describeError(error)}`)
  }
  try {
    if ((await handle.stat()).size > netrcBytes) {
      throw new MirrorswarmError('MS_CONFIG_INVALID', `${file} is too large for a netrc file`)
    }
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}

/** The value of an Authorization header for this URL; null: none is known. */
export const authorizationFor = async (url: URL, netrcFile: string): Promise<string | null> => {
  const login: Login | null =
    url.username === ''
      ? netrcLogin(await readNetrc(netrcFile), url.hostname)
      : { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }
  if (login === null) return null
  return `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`
}
