// The text by which a client is remembered: made of what it sent, and taken apart again for logs.

/**
 * The address, the credential's name if there is one, and the User-Agent. Not the name alone: one
 * credential may be a whole department's, whose machines all fetch the same files.
 */
export const clientText = (address: string, name: string | null, agent: string): string =>
  name === null ? `${address} ${agent}` : `${address} ${name} ${agent}`

/** What a text was made of; `named`: whether there is a name, which has no spaces. */
export const partsOfClient = (
  text: string,
  address: string,
  named: boolean,
): { readonly name: string | null; readonly agent: string } => {
  const rest = text.startsWith(`${address} `) ? text.slice(address.length + 1) : text
  if (!named) return { name: null, agent: rest }
  const space = rest.indexOf(' ')
  return space < 0
    ? { name: rest, agent: '' }
    : { name: rest.slice(0, space), agent: rest.slice(space + 1) }
}
