/** C0, C1, the line separators of Unicode, and the bidi controls that make text read otherwise than it is. */
export const CONTROLS = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** Text of others for a terminal: line breaks and tabs as spaces, nothing that moves the cursor or changes colours. */
export const printable = (text: string): string =>
  text.replaceAll(/\s*[\r\n\t]+\s*/g, ' ').replaceAll(CONTROLS, '\ufffd')
