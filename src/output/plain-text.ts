/** What others wrote, as it may stand in a log line. Pure. */

// C0, C1, the line separators of Unicode, and the bidi controls that make text read otherwise than it is.
const CONTROLS = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu
/** Of one message, field or stack; beyond it the text is somebody's payload. */
export const MAX_TEXT_CHARACTERS = 4_096

/** A control character as JSON would write it: whoever sends a line break forges no line, and no terminal obeys. */
export const escapeControls = (text: string): string =>
  text.replaceAll(CONTROLS, (control) => {
    if (control === '\n') return '\\n'
    return `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`
  })

export const cut = (text: string): string =>
  text.length <= MAX_TEXT_CHARACTERS
    ? text
    : `${text.slice(0, MAX_TEXT_CHARACTERS)}… (${text.length - MAX_TEXT_CHARACTERS} more)`

/** An error with its stack. Only a line of the log itself begins at the margin. */
export const indented = (text: string): string => cut(text).split('\n').map(escapeControls).join('\n    ')

/** ` key=value key="value with blanks"`, with a blank in front of each. */
export const fieldsText = (fields: Readonly<Record<string, unknown>>): string =>
  Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${escapeControls(key)}=${valueText(value)}`)
    .join(' ')

function valueText(value: unknown): string {
  const text = cut(typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value)))
  return /^[^\s"=]+$/u.test(text) ? escapeControls(text) : escapeControls(JSON.stringify(text))
}
