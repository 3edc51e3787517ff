// How forms and buttons have something done: once at a time, with words on how it went, and after a
// question where it cannot be undone.

import { find, say } from './dom.ts'
import { Refusal } from './server.ts'

/** Buttons whose work is under way. They are not disabled: that would take the focus from them. */
const busy = new WeakSet<HTMLButtonElement>()

/** Do something once at a time, and say how it went. */
export const attempt = async (
  button: HTMLButtonElement,
  status: HTMLElement,
  work: () => Promise<string>,
): Promise<void> => {
  if (busy.has(button)) return
  busy.add(button)
  try {
    say(status, await work())
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    say(status, `That did not work: ${error.message}`)
  } finally {
    busy.delete(button)
  }
}

const submitOf = (form: string): HTMLButtonElement => {
  const button = find(form).querySelector<HTMLButtonElement>('button[type=submit]')
  if (button === null) throw new Error(`#${form} has no button`)
  return button
}

/** Have `work` done whenever the form is sent, and say in `status` how it went. */
export const onSubmit = (form: string, status: string, work: () => Promise<string>): void =>
  find(form).addEventListener('submit', event => {
    event.preventDefault()
    void attempt(submitOf(form), find(status), work)
  })

/** What is typed in, without blanks around it. */
export const typed = (id: string): string =>
  find<HTMLInputElement | HTMLTextAreaElement>(id).value.trim()

export const clearForm = (id: string): void => find<HTMLFormElement>(id).reset()

/** Copy what stands in `source`; `button` says that it did. */
export const onCopy = (button: string, source: string): void =>
  find(button).addEventListener('click', () => {
    const select = (): void => getSelection()?.selectAllChildren(find(source))
    // Without https there is no clipboard: what is selected can be copied by hand.
    if (navigator.clipboard === undefined) select()
    else {
      const text = find(source).textContent ?? ''
      navigator.clipboard.writeText(text).then(() => say(find(button), 'Copied'), select)
    }
  })

const opened = (): HTMLDialogElement => find<HTMLDialogElement>('sure')
find('sure-yes').addEventListener('click', () => opened().close('yes'))
find('sure-no').addEventListener('click', () => opened().close('no'))

/** Ask before something is removed; false, too, when the question is put away by Escape. */
export const isSure = (title: string, text: string): Promise<boolean> => {
  const dialog = opened()
  say(find('sure-title'), title)
  say(find('sure-text'), text)
  dialog.returnValue = 'no'
  dialog.showModal()
  return new Promise(resolve => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true })
  })
}
