// The one table of error codes: HTTP status, whether trying again may help, and what the person
// should do. Branch on the code, never on the text. docs/PROTOCOL.md lists the same codes.

interface ErrorKind {
  readonly status: number
  readonly retryable: boolean
  readonly hint: string
}

export const errorTable = {
  MS_CONFIG_INVALID: {
    status: 400,
    retryable: false,
    hint: 'correct the option named in the message',
  },
  MS_PATH_INVALID: {
    status: 400,
    retryable: false,
    hint: 'ask for a path without "..", NUL or encoded slashes',
  },
  MS_PATH_NOT_FOUND: {
    status: 404,
    retryable: false,
    hint: 'check the path or name; there is nothing of that name now',
  },
  MS_METHOD_NOT_ALLOWED: { status: 405, retryable: false, hint: 'use GET or HEAD' },
  MS_RANGE_UNSATISFIABLE: {
    status: 416,
    retryable: false,
    hint: 'ask for a range inside the file',
  },
  MS_FILE_CHANGED: {
    status: 503,
    retryable: true,
    hint: 'the file is being changed; try again after the next publish',
  },
  MS_ORIGIN_BUSY: {
    status: 503,
    retryable: true,
    hint: 'the origin serves as much as it may; try again after Retry-After',
  },
  MS_VOLUNTEER_BUSY: {
    status: 503,
    retryable: true,
    hint: 'ask another volunteer or the origin, or this one again after Retry-After',
  },
  MS_NOT_READY: {
    status: 503,
    retryable: true,
    hint: 'the first snapshot is being made; try again later',
  },
  MS_LINK_FORGED: {
    status: 403,
    retryable: false,
    hint: 'ask the origin; this volunteer serves only links that the origin signed',
  },
  MS_AUTH_REQUIRED: {
    status: 401,
    retryable: false,
    hint: 'send the credentials that the operator gave you',
  },
  MS_AUTH_REFUSED: {
    status: 403,
    retryable: false,
    hint: 'the signature or token is not valid here; enrol again or ask the operator',
  },
  MS_PATH_FORBIDDEN: {
    status: 403,
    retryable: false,
    hint: 'your credentials do not cover this path; ask the operator',
  },
  MS_TOO_MANY_REQUESTS: {
    status: 429,
    retryable: true,
    hint: 'ask less often; try again after Retry-After',
  },
  MS_CLOCK_SKEWED: {
    status: 403,
    retryable: true,
    hint: 'the request was signed at another time than now; set the clock of this machine',
  },
  MS_TOKEN_INVALID: {
    status: 403,
    retryable: false,
    hint: 'ask the operator for a new token (mirrorswarm token create)',
  },
  MS_NAME_TAKEN: { status: 409, retryable: false, hint: 'choose another --name' },
  MS_URL_REFUSED: {
    status: 400,
    retryable: false,
    hint: 'give a --public-url that others can reach',
  },
  MS_REQUEST_INVALID: {
    status: 400,
    retryable: false,
    hint: 'the message does not have the form of docs/PROTOCOL.md',
  },
  MS_REQUEST_TOO_LARGE: { status: 413, retryable: false, hint: 'send less in one message' },
  MS_ANSWER_INVALID: {
    status: 502,
    retryable: true,
    hint: 'the other side answered nonsense; check the URL and both versions',
  },
  MS_REMOTE_UNREACHABLE: {
    status: 502,
    retryable: true,
    hint: 'check the URL, the network and that the other side runs',
  },
  MS_PUBLISH_SHRINKS: {
    status: 409,
    retryable: false,
    hint: 'check that every disk is mounted; --allow-shrink publishes anyway',
  },
  MS_PUBLISH_RUNNING: {
    status: 409,
    retryable: true,
    hint: 'another publish is under way; wait for it',
  },
  MS_PUBLISH_INCOMPLETE: {
    status: 409,
    retryable: true,
    hint: 'a Release or repomd.xml names files that are not there yet; finish the upload',
  },
  MS_TREE_UNREADABLE: {
    status: 500,
    retryable: false,
    hint: 'make the folder readable for the user that runs mirrorswarm',
  },
  MS_DATA_LOCKED: {
    status: 409,
    retryable: false,
    hint: 'another mirrorswarm uses this data folder; stop it or name another --data',
  },
  MS_DATA_CORRUPT: {
    status: 500,
    retryable: false,
    hint: 'restore the data folder from backup or start with an empty one',
  },
  MS_DISK_FULL: { status: 507, retryable: true, hint: 'free space, or lower --quota' },
  MS_MANIFEST_INVALID: {
    status: 502,
    retryable: true,
    hint: 'the manifest does not match its signed head; the transfer will be tried again',
  },
  MS_CONTENT_MISMATCH: {
    status: 502,
    retryable: true,
    hint: 'the bytes do not have the promised hash; they are fetched again',
  },
  MS_CONTENT_NOT_HELD: {
    status: 404,
    retryable: false,
    hint: 'this server does not hold that content',
  },
  MS_INTERNAL: {
    status: 500,
    retryable: false,
    hint: 'a fault in mirrorswarm; the log has the details',
  },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof errorTable

/** An expected failure with a stable code. `message` says what is wrong, `hint` what to do. */
export class MirrorswarmError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'MirrorswarmError'
    this.code = code
  }

  get status(): number {
    return errorTable[this.code].status
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable
  }

  get hint(): string {
    return errorTable[this.code].hint
  }
}

export const isMirrorswarmError = (error: unknown, code?: ErrorCode): error is MirrorswarmError =>
  error instanceof MirrorswarmError && (code === undefined || error.code === code)

/** The system's error code (ENOENT, EXDEV, …) of a caught value, if it has one. */
export const systemCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined

/** One line for a person or a log, with the chain of causes. */
export const describeError = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `: ${describeError(error.cause)}`
  return `${error.message}${cause}`
}
