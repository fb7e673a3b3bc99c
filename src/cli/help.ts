/** `--help`, made from the tables. */
import { exitCodeMeanings } from './exit-codes.js'
import type { Command } from './command.js'

const indent = (left: string, right: string, width: number): string => `  ${left.padEnd(width)}  ${right}`

export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    'Usage: nestwire COMMAND [OPTIONS]',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => indent(name, summary, width)),
    '',
    'nestwire COMMAND --help tells the options; nestwire --version the version.',
    '',
    ...exitCodes(),
  ].join('\n')
}

export function commandHelp({ name, operands, summary, options }: Command): string {
  const rows = Object.entries(options).map(([option, { value, help }]) => [
    value === undefined ? `--${option}` : `--${option} ${value}`,
    help,
  ])
  const all = [...rows, ['--help', 'this text']]
  const width = Math.max(...all.map(([left = '']) => left.length))
  return [
    `Usage: nestwire ${name} [OPTIONS]${operands === '' ? '' : ` ${operands}`}`,
    '',
    `  ${summary}`,
    '',
    'Options:',
    ...all.map(([left = '', right = '']) => indent(left, right, width)),
    '',
    ...exitCodes(),
  ].join('\n')
}

const exitCodes = (): string[] => [
  'Exit codes:',
  ...Object.entries(exitCodeMeanings).map(([code, meaning]) => indent(code, meaning, 3)),
]
