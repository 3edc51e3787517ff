// What a person typed into a field of several values. Pure.

/** The values of a field, however they are set apart, each once and in order. */
export const valuesIn = (text: string): string[] => [
  ...new Set(text.split(/[\s,;]+/).filter(value => value !== '')),
]

/** Paths may hold blanks, commas and semicolons: only lines set them apart. */
export const linesIn = (text: string): string[] => [
  ...new Set(
    text
      .split(/\r?\n/)
      .map(line => line.trim())
      .filter(line => line !== ''),
  ),
]

/** How a client says who it is; `url`: the origin's, without slash at the end. */
export const credentialText = (name: string, secret: string, url: string): string =>
  [
    `user      ${name}`,
    `password  ${secret}`,
    '',
    '# apt: a line of /etc/apt/auth.conf.d/mirrorswarm.conf',
    `machine ${url}/ login ${name} password ${secret}`,
  ].join('\n')
