// The options of what daemons write about their work.

export const logLevel = {
  kind: 'string',
  reloads: true,
  placeholder: 'LEVEL',
  choices: ['debug', 'info', 'warn', 'error', 'silent'],
  default: 'info',
  help: 'What to log on standard error, as JSON lines: debug, info, warn, error or silent',
} as const

export const accessLog = {
  kind: 'string',
  reloads: true,
  placeholder: 'FILE',
  help: 'Write a JSON line for each redirect to this file, opened anew at SIGHUP; - is standard output',
} as const
