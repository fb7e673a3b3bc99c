/** The package as its users have it: packed, installed into an empty folder, compiled against, run. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const APP = fileURLToPath(new URL('fresh-app', import.meta.url))
/** The compiler of this repository: the folder of the user needs none of its own for the test. */
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
const QUIET = ['--prefer-offline', '--no-audit', '--no-fund', '--silent', '--ignore-scripts']
const execute = promisify(execFile)

/** Without the settings of the machine that the tests run on. */
const cleanEnv = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NESTWIRE_|npm_(?!config_))/.test(name)))

export class Workplace {
  private constructor(readonly folder: string) {}

  static async make(): Promise<Workplace> {
    return new Workplace(await mkdtemp(join(tmpdir(), 'nestwire-package-')))
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true })
  }

  /** Of what was built last. Resolves with the file. */
  async pack(): Promise<string> {
    const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', this.folder]
    const { stdout } = await execute('npm', args, { cwd: ROOT, env: cleanEnv() })
    return join(this.folder, stdout.trim())
  }

  /** A new folder with these packages, and with these files of `fresh-app` compiled under every strict rule. */
  async project(name: string, { packages, flags = [], files }: ProjectOptions): Promise<Project> {
    const folder = join(this.folder, name)
    await mkdir(folder)
    await writeFile(join(folder, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }))
    await execute('npm', ['install', ...QUIET, ...flags, ...packages], { cwd: folder, env: cleanEnv() })
    for (const file of files) await copyFile(join(APP, file), join(folder, file))
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
    return new Project(folder)
  }
}

interface ProjectOptions {
  readonly packages: readonly string[]
  readonly flags?: readonly string[]
  readonly files: readonly string[]
}

const compilerOptions = {
  module: 'nodenext',
  target: 'ES2023',
  lib: ['ES2023'],
  types: ['node'],
  outDir: 'dist',
  // As in what `nest new` makes: then whatever a method gives must have a name that this package exports.
  declaration: true,
  strict: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  useDefineForClassFields: false,
}

export class Project {
  constructor(readonly folder: string) {}

  /** Resolves with what the compiler says: nothing, or its errors. */
  async compile(): Promise<string> {
    const compiled = execute(process.execPath, [TSC, '-p', '.'], { cwd: this.folder })
    return compiled.then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    )
  }

  /** A file of the project that is none of `fresh-app`. */
  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.folder, name), text)
  }

  installed(): Promise<readonly string[]> {
    return readdir(join(this.folder, 'node_modules'))
  }

  remove(name: string): Promise<void> {
    return rm(join(this.folder, 'node_modules', name), { recursive: true })
  }

  /** Resolves with what the program says before it fails. */
  async fails(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    const run = execute(program, args, { cwd: this.folder, env: { ...cleanEnv(), ...env } })
    return run.then(
      ({ stdout }) => Promise.reject(new Error(`it does not fail: ${stdout}`)),
      (error: { stderr: string }) => error.stderr.trim(),
    )
  }

  /** Runs a program of the folder to its end; resolves with what it printed. */
  async run(program: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await execute(program, args, { cwd: this.folder, env: cleanEnv() })
    return stdout.trim()
  }

  /** Starts a program that goes on; resolves with what `pattern` captures in a line of it. */
  async start(program: string, args: readonly string[], pattern: RegExp, env: NodeJS.ProcessEnv = {}): Promise<string> {
    const stdio = ['ignore', 'pipe', 'inherit'] as const
    const child = spawn(program, args, { cwd: this.folder, env: { ...cleanEnv(), ...env }, stdio: [...stdio] })
    const exit = once(child, 'exit')
    onTestFinished(async () => {
      child.kill('SIGTERM')
      await exit
    })
    for await (const line of createInterface({ input: child.stdout })) {
      const captured = pattern.exec(line)?.[1]
      if (captured === undefined) continue
      child.stdout.resume()
      return captured
    }
    throw new Error(`${program} ended before it said ${pattern}`)
  }
}
