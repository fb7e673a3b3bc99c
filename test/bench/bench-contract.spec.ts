/** `npm run bench` as people and scripts call it. */
import { spawn } from 'node:child_process'
import { release } from 'node:os'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'

/** The first run compiles. */
const TIMEOUT_MS = 120_000

/** Named without `--silent`, npm would print its own lines to stdout. */
async function bench(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn('npm', ['run', '--silent', 'bench', '--', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [code, stdout, stderr] = await Promise.all([
    new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? -1))),
    text(child.stdout),
    text(child.stderr),
  ])
  return { code, stdout, stderr }
}

describe('npm run bench', { timeout: TIMEOUT_MS }, () => {
  test('lists the suites with their questions', async () => {
    const { code, stdout } = await bench('--list')
    expect(code).toBe(0)
    const names = stdout.split('\n').map((line) => line.split(' ')[0])
    const suites =
      'avalanche burst cluster codec control fairness fanout fifty-thousand frozen jitter log memory ring rolling rpc scale smoke state storm tls'
    expect(names.join(' ')).toBe(`${suites} `)
  })

  test('refuses a suite it does not know', async () => {
    const { code, stdout, stderr } = await bench('no-such-suite')
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain('which suite?')
  })

  test('prints exactly one JSON document', async () => {
    const { code, stdout } = await bench('codec', '--quick', '--json')
    expect(code).toBe(0)
    const number: unknown = expect.any(Number)
    expect(JSON.parse(stdout)).toEqual({
      suite: 'codec',
      machine: expect.objectContaining({
        cores: number,
        system: expect.stringContaining(release()) as unknown,
        node: process.version,
      }),
      provenance: {
        commit: expect.stringMatching(/^([0-9a-f]{12}(\+changes)?|unknown)$/) as unknown,
        versions: expect.objectContaining({ node: process.version }) as unknown,
      },
      params: { quick: true, rounds: number, roundMs: number },
      rows: expect.arrayContaining([
        {
          name: 'nestwire',
          case: 'decode-publish',
          nsPerFrame: number,
          nsPerFrameMin: number,
          nsPerFrameMax: number,
        },
        expect.objectContaining({ name: 'msgpackr', case: 'encode-body-100-bytes', nsPerBody: number }),
      ]),
      ratios: expect.objectContaining({ 'nsPerFrame/naive@decode-publish': number }),
    })
  })
})
