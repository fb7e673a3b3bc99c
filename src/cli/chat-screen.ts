/**
 * A prompt at the bottom, lines above it. At a terminal a line that comes in while somebody types is put above what is
 * typed, and a line that was entered vanishes, since the room will show it. Anywhere else: plain lines in, plain lines out.
 */
import { clearScreenDown, createInterface, cursorTo, moveCursor, type Interface } from 'node:readline'
import { writeLine, type CliIo } from './cli-io.js'

const FALLBACK_COLUMNS = 80

interface ScreenListener {
  /** Lines as they are entered, in order. */
  onLine(line: string): void
  /** Ctrl-D, or the end of the input. */
  onEnd(): void
  /** Ctrl-C, where readline takes it from the terminal. */
  onInterrupt(): void
}

export class ChatScreen {
  private readonly isTerminal: boolean
  private input: Interface | undefined
  private prompt = '> '

  constructor(private readonly io: CliIo) {
    this.isTerminal = io.stdin.isTTY === true && io.stdout.isTTY === true
  }

  /** From here on lines are read. */
  open(listener: ScreenListener): void {
    const { stdin, stdout } = this.io
    const terminal = this.isTerminal
    const input = createInterface(terminal ? { input: stdin, output: stdout, terminal } : { input: stdin, terminal })
    this.input = input
    input.on('line', (line) => {
      this.eraseEntered(line)
      listener.onLine(line)
      this.showPrompt()
    })
    input.on('SIGINT', () => listener.onInterrupt())
    input.on('close', () => {
      this.input = undefined
      listener.onEnd()
    })
    this.setPrompt(this.prompt)
  }

  setPrompt(prompt: string): void {
    this.prompt = prompt
    this.input?.setPrompt(prompt)
    this.showPrompt()
  }

  print(line: string): void {
    this.clearPrompt()
    writeLine(this.io.stdout, line)
    this.showPrompt()
  }

  close(): void {
    this.clearPrompt()
    this.input?.close()
  }

  private showPrompt(): void {
    // `true` keeps what is typed and where the cursor stands in it.
    if (this.isTerminal) this.input?.prompt(true)
  }

  private clearPrompt(): void {
    if (this.isTerminal && this.input !== undefined) this.clearFrom(this.input.getCursorPos().rows)
  }

  /** The cursor is on the line below what was entered. */
  private eraseEntered(line: string): void {
    if (!this.isTerminal) return
    const { stdout } = this.io
    const columns = 'columns' in stdout && typeof stdout.columns === 'number' ? stdout.columns : FALLBACK_COLUMNS
    this.clearFrom(Math.floor((this.prompt.length + line.length) / columns) + 1)
  }

  private clearFrom(rowsUp: number): void {
    const { stdout } = this.io
    cursorTo(stdout, 0)
    if (rowsUp > 0) moveCursor(stdout, 0, -rowsUp)
    clearScreenDown(stdout)
  }
}
