// Asks the daemon that the page came from. The operator's token is kept for this tab only and sent
// only by these functions: there are no cookies that another site's page could make use of.

const tokenKey = 'mirrorswarm-operator-token'

/** "…/-/", whatever stands before it. */
const base = new URL('../', location.href)

export const operatorToken = (): string | null => sessionStorage.getItem(tokenKey)

export const keepToken = (token: string | null): void => {
  if (token === null) sessionStorage.removeItem(tokenKey)
  else sessionStorage.setItem(tokenKey, token)
}

/** The server refused; `status` 0: it did not answer. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const refusalOf = async (answer: Response): Promise<Refusal> => {
  try {
    const { error } = (await answer.json()) as { error: { message: string; hint: string | null } }
    const hint = error.hint === null || error.hint === '' ? '' : ` (${error.hint})`
    return new Refusal(answer.status, `${error.message}${hint}`)
  } catch {
    return new Refusal(answer.status, `the server answered ${answer.status}`)
  }
}

/** Ask for `path` below "/-/". Throws Refusal. */
export const ask = async (
  path: string,
  options: RequestInit & { readonly headers?: Record<string, string> } = {},
): Promise<Response> => {
  const token = operatorToken()
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` }
  let answer: Response
  try {
    answer = await fetch(new URL(path, base), {
      ...options,
      headers: { ...authorization, ...options.headers },
      credentials: 'same-origin',
      redirect: 'error',
      cache: 'no-store',
    })
  } catch (error) {
    if (options.signal?.aborted === true) throw error
    throw new Refusal(0, 'the server does not answer')
  }
  if (!answer.ok) throw await refusalOf(answer)
  return answer
}

/** The answer's JSON. Throws Refusal. */
export const askJson = async <T>(path: string): Promise<T> =>
  (await ask(path, { headers: { accept: 'application/json' } })).json() as Promise<T>

/** Have something done, as the operator. Throws Refusal. */
export const order = async <T>(path: string, body: object): Promise<T> => {
  const headers = { 'content-type': 'application/json' }
  const answer = await ask(path, { method: 'POST', body: JSON.stringify(body), headers })
  return answer.json() as Promise<T>
}
