import type { CliIo } from './cli-io.js'

const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
} as const
export type Color = keyof typeof codes

/** Colours text, or leaves it as it is. */
export type Paint = (color: Color, text: string) => string

const plain: Paint = (_, text) => text
const colored: Paint = (color, text) => `\u001B[${codes[color][0]}m${text}\u001B[${codes[color][1]}m`

/** Colours only at a terminal, and not with NO_COLOR. */
export const paintFor = ({ stdout, env }: CliIo): Paint =>
  stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '' ? colored : plain
