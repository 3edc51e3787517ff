// Makes and changes elements without ever reading text as HTML.

export type Child = Node | string | null

/** An element with attributes and children; null children are left out. */
export const make = <K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] => {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children.filter(child => child !== null))
  return element
}

/** An element that the page must have. */
export const find = <T extends HTMLElement = HTMLElement>(id: string): T => {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`the page has no #${id}`)
  return element as T
}

/** Replaces text only where it is another one, so that nothing is read out twice. */
export const say = (element: Element, text: string): void => {
  if (element.textContent !== text) element.textContent = text
}

/** Make the children of `parent` equal to these, keeping those that are. */
export const become = (parent: Element, children: readonly Element[]): void => {
  children.forEach((child, index) => {
    const before = parent.children[index]
    if (before === undefined) parent.append(child)
    else if (before.outerHTML !== child.outerHTML) before.replaceWith(child)
  })
  while (parent.children.length > children.length) parent.lastElementChild?.remove()
}

/** Figures at the top of a page: a term and its value each, with a line below it. */
export const showTiles = (
  list: Element,
  tiles: readonly { readonly term: string; readonly value: string; readonly note: string }[],
): void =>
  become(
    list,
    tiles.map(({ term, value, note }) =>
      make(
        'div',
        { class: 'tile' },
        make('dt', {}, term),
        make('dd', { class: 'value' }, value),
        make('dd', { class: 'note' }, note),
      ),
    ),
  )
