// What each entry of the package costs a Nest application that has its peers loaded already: time and resident memory, the
// median of nine processes. Needs a build. `docs/decisions/0014-package.md` has what it printed.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PEERS = ['reflect-metadata', '@nestjs/common', '@nestjs/core', '@nestjs/microservices', 'rxjs', 'zod']
const ENTRIES = { '.': ['index.js'], './server': ['index.js', 'embedded.js'], './client': ['client/index.js'] }
const PROCESSES = 9

const load = (names) => names.map((name) => `await import('${name}')`).join('\n')

function measure(files) {
  const program = `${load(PEERS)}
    gc()
    const [ms, bytes] = [performance.now(), process.memoryUsage().rss]
    ${load(files.map((file) => `./dist/${file}`))}
    const tookMs = performance.now() - ms
    gc()
    console.log(JSON.stringify([tookMs, process.memoryUsage().rss - bytes]))`
  const flags = ['--expose-gc', '--input-type=module', '--eval', program]
  return JSON.parse(execFileSync(process.execPath, flags, { cwd: ROOT, encoding: 'utf8' }))
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]

for (const [entry, files] of Object.entries(ENTRIES)) {
  const runs = Array.from({ length: PROCESSES }, () => measure(files))
  const [ms, bytes] = [0, 1].map((column) => median(runs.map((run) => run[column])))
  console.log(`${entry.padEnd(9)} ${ms.toFixed(0).padStart(4)} ms ${(bytes / 1e6).toFixed(1).padStart(5)} MB`)
}
